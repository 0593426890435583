//! The real Chainlit: signed in to by Chromium, chatted with over socket.io, whatever its model does.

use std::time::Duration;

use latchkey_shared::account::{Account, State};
use serde_json::{Value, json};
use support::{
    chainlit::{Chainlit, PASSWORD, USERNAME},
    model::{CallEnd, ModelServer, Reply, ScriptedModel},
    parts, wait,
    world::{AdapterClient, Admin, World},
};

/// How long the model may take to learn that nobody listens.
const SOON: Duration = Duration::from_secs(10);

/// Chainlit with its model, and a world that knows it.
pub(super) struct ChainlitStage {
    pub(super) model: ModelServer,
    pub(super) world: World,
    chainlit: Chainlit,
}

impl ChainlitStage {
    async fn set() -> Self {
        Self::with_site_file(include_str!("../../shared/sites/chainlit.toml")).await
    }

    /// With another site file, which must be named `chainlit` too.
    pub(super) async fn with_site_file(toml: &str) -> Self {
        let model = ScriptedModel::start().await;
        let chainlit = Chainlit::start(&model.url).await;
        let urls = format!("chainlit={}", chainlit.url());
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), toml).unwrap();
        let path = file.path().display().to_string();
        let world = World::start()
            .broker_env("LATCHKEY_SITE_URLS", &urls)
            .adapter_env("LATCHKEY_SITE_URLS", &urls)
            .adapter_env("LATCHKEY_SITES", &path)
            .await;
        Self { model, world, chainlit }
    }

    /// Signs the site's user in.
    pub(super) async fn sign_in(&self) -> Account {
        let (account, error) = self.world.admin().add_and_sign_in("chainlit", USERNAME, PASSWORD).await;
        assert_eq!((account.state, error), (State::Active, None));
        account
    }

    /// What the model was asked last: roles and texts.
    fn heard(&self) -> Vec<(String, String)> {
        let call = self.model.model.last_call();
        let messages = call.body["messages"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        messages.iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
    }
}

/// Messages that take turns, beginning with the person.
fn said(texts: &[&str]) -> Value {
    let roles = ["user", "assistant"].iter().cycle();
    let messages = texts.iter().zip(roles).map(|(text, role)| json!({"role": role, "content": text}));
    json!({"model": "chainlit", "messages": messages.collect::<Vec<_>>()})
}

/// One test, because Chainlit takes its time to start.
#[tokio::test]
async fn chainlit_is_signed_in_to_and_answers() {
    let mut stage = ChainlitStage::set().await;
    let admin = stage.world.admin();
    let adapter = stage.world.adapter();

    let (account, error) = admin.add_and_sign_in("chainlit", USERNAME, "not-the-password").await;
    assert_eq!((account.state, error.as_deref()), (State::CredentialsRejected, Some("credentials_rejected")));
    let account = stage.sign_in().await;

    it_streams_and_answers_whole(&stage, &adapter).await;
    a_second_turn_goes_on(&stage, &adapter).await;
    a_file_reaches_the_model(&stage, &adapter).await;
    adapter.leave(&said(&["A long story"]), &stage.model.model).await;
    faults_are_told(&stage, &adapter).await;
    a_forgotten_conversation_is_told_anew(&mut stage, &adapter).await;
    a_dead_session_is_renewed(&mut stage, &admin, &adapter, &account).await;
    stage.world.stop().await;
}

async fn it_streams_and_answers_whole(stage: &ChainlitStage, adapter: &AdapterClient) {
    stage.model.model.will(Reply::pieces(&["Gu", "ten \"Mor", "gen\"\n", "— ü 🙂", "."]));
    let streamed = adapter.stream(&said(&["Hello"])).await;
    assert_eq!(streamed.text(), "Guten \"Morgen\"\n— ü 🙂.", "{}", streamed.raw);
    assert_eq!((streamed.finish_reason(), streamed.done, streamed.complete), ("stop", true, true));
    assert!(streamed.chunks.len() > 4, "it came in pieces: {}", streamed.raw);

    stage.model.model.will(Reply::text("Whole."));
    assert_eq!(adapter.chat(&said(&["Hello again"])).await.text(), "Whole.");
}

/// The second turn tells the site only what is new; an unknown past is told whole.
async fn a_second_turn_goes_on(stage: &ChainlitStage, adapter: &AdapterClient) {
    stage.model.model.will(Reply::text("Blue."));
    assert_eq!(adapter.chat(&said(&["My colour?"])).await.text(), "Blue.");

    stage.model.model.will(Reply::text("Red."));
    assert_eq!(adapter.chat(&said(&["My colour?", "Blue.", "And yours?"])).await.text(), "Red.");
    let expected = [("user", "My colour?"), ("assistant", "Blue."), ("user", "And yours?")];
    assert_eq!(stage.heard(), expected.map(|(role, text)| (role.to_owned(), text.to_owned())));

    stage.model.model.will(Reply::text("Red."));
    assert_eq!(adapter.chat(&said(&["My colour?", "Blue.", "And yours?"])).await.text(), "Red.");
    assert_told_whole(stage, &["My colour?", "Blue.", "And yours?"]);
}

fn assert_told_whole(stage: &ChainlitStage, parts: &[&str]) {
    let heard = stage.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(parts.iter().all(|part| heard[0].1.contains(part)), "{heard:?}");
}

/// It is uploaded once the session is there, and told with the message.
async fn a_file_reaches_the_model(stage: &ChainlitStage, adapter: &AdapterClient) {
    let first = parts::user("Which word?", &[parts::file("notes é.txt", "tulip"), parts::picture()]);
    stage.model.model.will(Reply::text("Tulip."));
    let asked = |messages: Value| json!({"model": "chainlit", "messages": messages});
    assert_eq!(adapter.chat(&asked(json!([first]))).await.text(), "Tulip.");
    let (_, heard) = stage.heard().pop().unwrap();
    let expected =
        "Which word?\n[file: notes é.txt]\n[picture: picture-2.png]\nnotes é.txt: tulip\npicture-2.png: ";
    assert!(heard.starts_with(expected), "{heard}");

    let answer = json!({"role": "assistant", "content": "Tulip."});
    let second = parts::user("And now?", &[parts::file("more.txt", "rose")]);
    stage.model.model.will(Reply::text("Rose."));
    assert_eq!(adapter.chat(&asked(json!([first, answer, second]))).await.text(), "Rose.");
    let heard = stage.heard();
    assert_eq!(
        (heard.len(), heard[2].1.as_str()),
        (3, "And now?\n[file: more.txt]\nmore.txt: rose"),
        "{heard:?}"
    );
}

async fn faults_are_told(stage: &ChainlitStage, adapter: &AdapterClient) {
    stage.model.model.will(Reply::status(500, &json!({"error": {"message": "boom"}})));
    // The person's own words are no part of what the site reports.
    let answer = adapter.chat(&said(&["What is a rate limit, and too many requests?"])).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (502, &json!("api_error")),
        "{}",
        answer.body
    );

    let model = &stage.model.model;
    model.will(Reply::pieces(&["Half", " an"]).hold().cut());
    let streamed = adapter.stream_and(&said(&["Cut"]), "Half an", || model.release(1)).await;
    streamed.assert_cut("Half an");
}

/// A restart forgets what was said, and would go on as if nothing had been.
async fn a_forgotten_conversation_is_told_anew(stage: &mut ChainlitStage, adapter: &AdapterClient) {
    stage.model.model.will(Reply::text("Green."));
    assert_eq!(adapter.chat(&said(&["Its colour?"])).await.text(), "Green.");
    stage.chainlit.restart().await;

    // The question that the site takes up before its loss is noticed is stopped.
    stage.model.model.always(Reply::text("Large."));
    assert_eq!(adapter.chat(&said(&["Its colour?", "Green.", "Its size?"])).await.text(), "Large.");
    assert_told_whole(stage, &["Its colour?", "Green.", "Its size?"]);
}

/// With another secret every session ends; the next question is answered all the same, with a new one.
async fn a_dead_session_is_renewed(
    stage: &mut ChainlitStage,
    admin: &Admin,
    adapter: &AdapterClient,
    account: &Account,
) {
    stage.chainlit.restart_signed_out().await;

    assert_eq!(adapter.chat(&said(&["Who am I?"])).await.text(), "Large.");
    assert!(admin.account(account.id).await.generation > account.generation);
}

/// A server that goes in the middle of an answer has cut it off.
#[tokio::test]
async fn an_answer_of_a_chainlit_that_goes_is_cut() {
    let mut stage = ChainlitStage::set().await;
    let adapter = stage.world.adapter();
    stage.sign_in().await;
    stage.model.model.will(Reply::pieces(&["Once", " upon"]).silence());

    let asked = said(&["A long story"]);
    let (streamed, ()) = futures::join!(adapter.stream(&asked), async {
        wait::until(SOON, || stage.model.model.count(CallEnd::Running) > 0).await;
        stage.chainlit.restart().await;
    });

    assert_eq!(streamed.finish_reason(), "", "{}", streamed.raw);
    assert!(!streamed.done || !streamed.complete, "{}", streamed.raw);
    stage.world.stop().await;
}
