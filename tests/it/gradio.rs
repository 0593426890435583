//! The real Gradio: signed in to by Chromium, chatted with through the adapter, whatever its model does.

use std::pin::pin;

use futures::future::select;
use latchkey_shared::account::{Account, State};
use reqwest::Method;
use serde_json::{Value, json};
use support::{
    gradio::{Gradio, GradioSettings, PASSWORD, USERNAME},
    model::{ModelServer, Reply, ScriptedModel},
    parts,
    world::{AdapterClient, Admin, World},
};

/// Gradio with its model, and a world that knows it.
pub(super) struct GradioStage {
    pub(super) model: ModelServer,
    pub(super) world: World,
    gradio: Gradio,
    /// The site file's.
    site: &'static str,
}

impl GradioStage {
    async fn set(concurrency: u32, queue: u32) -> Self {
        Self::with_site_file(concurrency, queue, include_str!("../../shared/sites/gradio.toml")).await
    }

    /// With another site file, which must be named `gradio` too.
    pub(super) async fn with_site_file(concurrency: u32, queue: u32, toml: &str) -> Self {
        Self::with_adapter(concurrency, queue, toml, &[]).await
    }

    /// With variables of the adapter.
    pub(super) async fn with_adapter(concurrency: u32, queue: u32, toml: &str, env: &[(&str, &str)]) -> Self {
        Self::with_page("gradio", (concurrency, queue), toml, env).await
    }

    /// With a page where people may add files to what they say.
    async fn multimodal() -> Self {
        let toml = include_str!("../../shared/sites/gradio-multimodal.toml");
        Self::with_page("gradio-multimodal", (4, 4), toml, &[]).await
    }

    async fn with_page(
        site: &'static str,
        (concurrency, queue): (u32, u32),
        toml: &str,
        env: &[(&str, &str)],
    ) -> Self {
        let model = ScriptedModel::start().await;
        let model_url = model.url.clone();
        let multimodal = site == "gradio-multimodal";
        let gradio = Gradio::start(GradioSettings { model_url, concurrency, queue, multimodal }).await;
        let urls = format!("{site}={}", gradio.url());
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), toml).unwrap();
        let path = file.path().display().to_string();
        let start = World::start()
            .broker_env("LATCHKEY_SITE_URLS", &urls)
            .adapter_env("LATCHKEY_SITE_URLS", &urls)
            .adapter_env("LATCHKEY_SITES", &path);
        let world = env.iter().fold(start, |start, (name, value)| start.adapter_env(name, value)).await;
        Self { model, gradio, world, site }
    }

    /// World, model and page, to be kept together.
    pub(super) fn into_parts(self) -> (World, ModelServer, Gradio) {
        (self.world, self.model, self.gradio)
    }

    /// Signs the page's user in.
    pub(super) async fn sign_in(&self) -> Account {
        let (account, error) = self.world.admin().add_and_sign_in(self.site, USERNAME, PASSWORD).await;
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
    fn question(&self, messages: &Value) -> Value {
        json!({"model": self.site, "messages": messages})
    }

    fn user(&self, text: &str) -> Value {
        self.question(&json!([{"role": "user", "content": text}]))
    }
}

/// One test, because Gradio takes its time to start.
#[tokio::test]
async fn gradio_is_signed_in_to_and_answers() {
    a_page_answers(GradioStage::set(4, 4).await).await;
}

/// The other kind of page, where people may add files to what they say.
#[tokio::test]
async fn a_multimodal_page_answers_and_is_told_files() {
    a_page_answers(GradioStage::multimodal().await).await;
}

async fn a_page_answers(mut stage: GradioStage) {
    let admin = stage.world.admin();
    let adapter = stage.world.adapter();

    let (account, error) = admin.add_and_sign_in(stage.site, USERNAME, "not-the-password").await;
    assert_eq!((account.state, error.as_deref()), (State::CredentialsRejected, Some("credentials_rejected")));
    let account = stage.sign_in().await;

    it_streams_and_answers_whole(&stage, &adapter).await;
    a_second_turn_goes_on(&stage, &adapter).await;
    if stage.site == "gradio-multimodal" {
        files_are_told_once(&stage, &adapter).await;
        files_come_through_every_door(&stage, &adapter).await;
    } else {
        a_file_is_refused(&stage, &adapter).await;
    }
    adapter.leave(&stage.user("A long story"), &stage.model.model).await;
    faults_are_told(&stage, &adapter).await;
    a_dead_session_is_renewed(&mut stage, &admin, &adapter, &account).await;
    stage.world.stop().await;
}

async fn it_streams_and_answers_whole(stage: &GradioStage, adapter: &AdapterClient) {
    stage.model.model.will(Reply::pieces(&["Gu", "ten \"Mor", "gen\"\n", "— ü 🙂", "."]));
    let streamed = adapter.stream(&stage.user("Hello")).await;
    assert_eq!(streamed.text(), "Guten \"Morgen\"\n— ü 🙂.", "{}", streamed.raw);
    assert_eq!((streamed.finish_reason(), streamed.done, streamed.complete), ("stop", true, true));
    assert!(streamed.chunks.len() > 4, "it came in pieces: {}", streamed.raw);

    stage.model.model.will(Reply::text("Whole."));
    assert_eq!(adapter.chat(&stage.user("Hello again")).await.text(), "Whole.");
}

/// The second turn tells the site only what is new; an unknown past is told whole.
async fn a_second_turn_goes_on(stage: &GradioStage, adapter: &AdapterClient) {
    stage.model.model.will(Reply::text("Blue."));
    let first = json!([{"role": "user", "content": "My colour?"}]);
    assert_eq!(adapter.chat(&stage.question(&first)).await.text(), "Blue.");

    let second = json!([
        {"role": "user", "content": "My colour?"},
        {"role": "assistant", "content": "Blue."},
        {"role": "user", "content": "And yours?"},
    ]);
    for attempt in ["goes on", "is told anew"] {
        stage.model.model.will(Reply::text("Red."));
        assert_eq!(adapter.chat(&stage.question(&second)).await.text(), "Red.", "{attempt}");
        let heard = stage.heard();
        if attempt == "goes on" {
            let expected = [("user", "My colour?"), ("assistant", "Blue."), ("user", "And yours?")];
            let expected = expected.map(|(role, text)| (role.to_owned(), text.to_owned()));
            assert_eq!(heard, expected);
        } else {
            assert_eq!(heard.len(), 1, "{heard:?}");
            assert!(
                ["My colour?", "Blue.", "And yours?"].iter().all(|part| heard[0].1.contains(part)),
                "{heard:?}"
            );
        }
    }
}

/// The page keeps what it was told: the second turn brings only its own file.
async fn files_are_told_once(stage: &GradioStage, adapter: &AdapterClient) {
    let first = parts::user("Which word?", &[parts::file("notes é.txt", "tulip"), parts::picture()]);
    stage.model.model.will(Reply::text("Tulip."));
    assert_eq!(adapter.chat(&stage.question(&json!([first]))).await.text(), "Tulip.");
    let (_, heard) = stage.heard().pop().unwrap();
    let expected =
        "Which word?\n[file: notes é.txt]\n[picture: picture-2.png]\nnotes é.txt: tulip\npicture-2.png: ";
    assert!(heard.starts_with(expected), "{heard}");

    let answer = json!({"role": "assistant", "content": "Tulip."});
    let second = parts::user("And now?", &[parts::file("more.txt", "rose")]);
    stage.model.model.will(Reply::text("Rose."));
    assert_eq!(adapter.chat(&stage.question(&json!([first, answer, second]))).await.text(), "Rose.");
    let heard = stage.heard();
    assert_eq!(
        (heard.len(), heard[2].1.as_str()),
        (3, "And now?\n[file: more.txt]\nmore.txt: rose"),
        "{heard:?}"
    );
}

/// Anthropic's clients send documents, those of the Responses API input files.
async fn files_come_through_every_door(stage: &GradioStage, adapter: &AdapterClient) {
    let source = json!({"type": "base64", "media_type": "text/plain", "data": "dHVsaXA="});
    let document = json!({"type": "document", "title": "notes", "source": source});
    let file = json!({"type": "input_file", "filename": "notes.txt", "file_data": "data:text/plain;base64,dHVsaXA="});
    let user = |part: &Value| json!([{"role": "user", "content": [part]}]);
    let messages = json!({"model": stage.site, "max_tokens": 100, "messages": user(&document)});
    let responses = json!({"model": stage.site, "input": user(&file)});
    for (path, body) in [("/v1/messages", messages), ("/v1/responses", responses)] {
        stage.model.model.will(Reply::text("Tulip."));
        let answer = adapter.send(Method::POST, path, Some(&body)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(stage.heard().pop().unwrap().1, "[file: notes.txt]\nnotes.txt: tulip", "{path}");
    }
}

async fn a_file_is_refused(stage: &GradioStage, adapter: &AdapterClient) {
    let message = parts::user("Which word?", &[parts::file("notes.txt", "tulip")]);

    let answer = adapter.chat(&stage.question(&json!([message]))).await;

    let told = "messages[0].content[1]: the site gradio is reached through text only and takes no file; send the request \
                without it";
    assert_eq!((answer.status, &answer.json()["error"]["message"]), (400, &json!(told)), "{}", answer.body);
}

async fn faults_are_told(stage: &GradioStage, adapter: &AdapterClient) {
    let error = json!({"error": {"message": "boom"}});
    stage.model.model.will(Reply::status(500, &error));
    let answer = adapter.chat(&stage.user("Fail")).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (502, &json!("api_error")),
        "{}",
        answer.body
    );

    let model = &stage.model.model;
    model.will(Reply::pieces(&["Half", " an"]).hold().cut());
    let streamed = adapter.stream_and(&stage.user("Cut"), "Half an", || model.release(1)).await;
    streamed.assert_cut("Half an");
}

/// A restart ends every session; the next question is answered all the same, with a new one.
async fn a_dead_session_is_renewed(
    stage: &mut GradioStage,
    admin: &Admin,
    adapter: &AdapterClient,
    account: &Account,
) {
    stage.gradio.restart().await;

    stage.model.model.will(Reply::text("Alice."));
    assert_eq!(adapter.chat(&stage.user("Who am I?")).await.text(), "Alice.");
    assert!(admin.account(account.id).await.generation > account.generation);
}

/// One answer at once, and one may wait.
#[tokio::test]
async fn a_full_queue_of_gradio_is_429_with_retry_after() {
    let stage = GradioStage::set(1, 1).await;
    let adapter = stage.world.adapter();
    stage.sign_in().await;
    stage.model.model.always(Reply::text("Done.").hold());

    let mut running = adapter.open(&stage.user("first")).await;
    assert!(running.chunk().await.unwrap().is_some());
    let second = stage.user("second");
    let third = stage.user("third");
    let second = pin!(adapter.chat(&second));
    let third = pin!(adapter.chat(&third));
    let (refused, waits) = select(second, third).await.factor_first();

    assert_eq!(
        (refused.header("retry-after"), &refused.json()["error"]["code"]),
        ("5", &json!("rate_limit_error"))
    );
    stage.model.model.release(2);
    assert_eq!(waits.await.text(), "Done.");
    stage.world.stop().await;
}
