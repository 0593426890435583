//! The real Open WebUI: signed in to by Chromium, chatted with through the adapter, whatever its model does.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, State},
    id::AccountId,
    time::Timestamp,
};
use reqwest::Method;
use serde_json::{Value, json};
use support::{
    model::{Reply, ScriptedModel},
    open_webui::{EMAIL, OpenWebUi, PASSWORD},
    parts, wait,
    world::{AdapterClient, Admin, World},
};

/// How long the site may take to have no file left.
const SOON: Duration = Duration::from_secs(10);
/// How long a session lives that is to be renewed: longer than a login takes on a machine that builds meanwhile, for one
/// that has ended before it is published serves nobody.
pub(crate) const LIFE: Duration = Duration::from_secs(120);

async fn add(admin: &Admin, label: &str, password: &str) -> Account {
    let credentials = json!({"username": EMAIL, "password": password});
    let body = json!({"site": "open-webui", "label": label, "credentials": credentials});
    let answer = admin.send(Method::POST, "/v1/accounts", Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    serde_json::from_value(answer.json()).unwrap()
}

/// A picture in a message stands in it when the model is asked.
pub(crate) async fn a_picture_reaches_the_model(model: &ScriptedModel, adapter: &AdapterClient) {
    let message = parts::user("Which colour?", &[parts::picture()]);
    model.will(Reply::text("Red."));
    let mut question = AdapterClient::question("");
    question["messages"][0] = message.clone();

    let answer = adapter.chat(&question).await;

    assert_eq!((answer.status, answer.text().as_str()), (200, "Red."), "{}", answer.body);
    assert_eq!(model.last_call().body["messages"][0]["content"], message["content"]);
}

/// The site reads a file and tells its model what is in it; afterwards it is gone there.
pub(crate) async fn a_file_reaches_the_model(model: &ScriptedModel, adapter: &AdapterClient) {
    model.will(Reply::text("Tulip."));
    let mut question = AdapterClient::question("");
    question["messages"][0] = parts::user("Which word?", &[parts::file("notes é.txt", "The word is tulip.")]);

    let answer = adapter.chat(&question).await;

    assert_eq!((answer.status, answer.text().as_str()), (200, "Tulip."), "{}", answer.body);
    let told = model.last_call().body["messages"].to_string();
    for part in ["Which word?", "[file: notes é.txt]", "The word is tulip."] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

/// Whichever way the answer ends.
async fn no_file_is_left(model: &ScriptedModel, adapter: &AdapterClient, open_webui: &OpenWebUi) {
    let gone = async || {
        wait::until_some(SOON, async || files(open_webui).await.is_empty().then_some(())).await;
    };
    gone().await;
    let mut question = AdapterClient::question("");
    question["messages"][0] = parts::user("Which word?", &[parts::file("notes.txt", "Tulip.")]);

    model.will(Reply::status(500, &json!({"error": {"message": "boom"}})));
    let answer = adapter.chat(&question).await;
    assert_eq!(answer.status, 502, "{}", answer.body);
    gone().await;

    model.will(Reply::pieces(&["Once", " upon"]).silence());
    let mut response = adapter.open(&question).await;
    assert!(response.chunk().await.unwrap().is_some());
    assert_eq!(files(open_webui).await, ["notes.txt"]);
    drop(response);
    gone().await;
}

/// The names of the files that the user has at the site.
async fn files(open_webui: &OpenWebUi) -> Vec<String> {
    let http = support::http::client();
    let at = |path: &str| open_webui.url.join(path).unwrap();
    let credentials = json!({"email": EMAIL, "password": PASSWORD});
    let session = http.post(at("/api/v1/auths/signin")).json(&credentials).send().await.unwrap();
    let session: Value = session.json().await.unwrap();
    let list = http.get(at("/api/v1/files/?content=false")).bearer_auth(session["token"].as_str().unwrap());
    let list: Value = list.send().await.unwrap().json().await.unwrap();
    let items = list["items"].as_array().unwrap_or_else(|| panic!("{list}"));
    items.iter().map(|file| file["filename"].as_str().unwrap().to_owned()).collect()
}

/// Three times over, the time comes at which a session is to be renewed: every question is answered meanwhile.
pub(crate) async fn three_lives_pass(model: &ScriptedModel, world: &World, account: AccountId) {
    let admin = world.admin();
    let adapter = world.adapter();
    for _ in 0..3 {
        let before = admin.account(account).await;
        let due = before.refresh_at.unwrap();
        let end = before.expires_at.unwrap();
        assert!(due < end && end <= Timestamp::now() + LIFE, "{before:#?}");
        world.store.set_due(account, Timestamp::now()).await.unwrap();
        wait::until_some(LIFE, async || {
            model.will(Reply::text("Still here."));
            let answer = adapter.ask("Still there?").await;
            assert_eq!((answer.status, answer.text().as_str()), (200, "Still here."), "{}", answer.body);
            (before.generation < admin.account(account).await.generation).then_some(())
        })
        .await;
    }
}

/// One test, because Open WebUI takes its time to start.
#[tokio::test]
async fn open_webui_is_signed_in_to_and_answers() {
    let site = ScriptedModel::start().await;
    let mut open_webui = OpenWebUi::start(&site.url).await;
    let urls = format!("open-webui={}", open_webui.url);
    let start =
        World::start().broker_env("LATCHKEY_SITE_URLS", &urls).adapter_env("LATCHKEY_SITE_URLS", &urls);
    // A browser is opened when every session has ended, on a machine that builds meanwhile.
    let world = start.adapter_env("LATCHKEY_RENEWAL_DEADLINE", "1m").await;
    let admin = world.admin();
    let adapter = world.adapter();
    let model = &site.model;

    a_wrong_password_is_told_as_such(&admin).await;

    let account = add(&admin, "right", PASSWORD).await;
    let login = admin.sign_in(account.id).await;
    assert!(login.error.is_none(), "{login:#?}");
    let models = adapter.get("/v1/models").await.json();
    assert_eq!(models["data"][0]["id"], "practice-1", "{models}");

    it_answers_in_every_way(model, &adapter).await;
    a_picture_reaches_the_model(model, &adapter).await;
    a_file_reaches_the_model(model, &adapter).await;
    no_file_is_left(model, &adapter, &open_webui).await;
    adapter.leave(&AdapterClient::question("A long story"), model).await;
    faults_are_told(model, &adapter).await;
    let after = admin.account(account.id).await;
    assert_eq!((after.state, after.generation), (State::Active, login.generation.unwrap()));
    // With another secret every session ends; the next question is answered all the same, with a new one.
    open_webui.restart(LIFE).await;
    a_file_reaches_the_model(model, &adapter).await;
    three_lives_pass(model, &world, account.id).await;
    // The last, because the account must wait then.
    model.will(Reply::rate_limited(7));
    let answer = adapter.ask("Too much?").await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert!(!answer.header("retry-after").is_empty());
    world.stop().await;
}

async fn a_wrong_password_is_told_as_such(admin: &Admin) {
    let account = add(admin, "wrong", "not-the-password").await;

    let login = admin.sign_in(account.id).await;

    let error = login.error.expect("the password is wrong");
    assert_eq!(error.code, "credentials_rejected", "{}", error.message);
    assert_eq!(admin.account(account.id).await.state, State::CredentialsRejected);
}

async fn it_answers_in_every_way(model: &ScriptedModel, adapter: &AdapterClient) {
    model.will(Reply::pieces(&["Good", " morning", "."]).usage(11, 7));
    let streamed = adapter.ask_streamed("Hello").await;
    assert_eq!((streamed.status, streamed.text().as_str()), (200, "Good morning."), "{}", streamed.raw);
    assert!(streamed.done && streamed.complete, "{}", streamed.raw);
    assert_eq!(streamed.usage()["completion_tokens"], 7, "{}", streamed.raw);

    let mut second = AdapterClient::question("Hello");
    let more = [
        json!({"role": "assistant", "content": "Good morning."}),
        json!({"role": "user", "content": "And?"}),
    ];
    second["messages"].as_array_mut().unwrap().extend(more);
    model.will(Reply::text("And on."));
    assert_eq!(adapter.chat(&second).await.text(), "And on.");
    let heard = model.last_call().body["messages"].clone();
    let heard: Vec<&Value> = heard.as_array().unwrap().iter().map(|message| &message["content"]).collect();
    assert_eq!(heard, ["Hello", "Good morning.", "And?"]);

    let tool = r#"{"city":"Oslo"}"#;
    model.will(Reply::new().tool_call(0, "call_1", "weather", tool));
    let answer = adapter.ask("Weather?").await;
    let message = &answer.json()["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], tool, "{}", answer.body);
}

async fn faults_are_told(model: &ScriptedModel, adapter: &AdapterClient) {
    // The site passes its model's 401 on. The session lives: nobody signs in again, and the next question is answered.
    model.will(Reply::model_unauthorized());
    let answer = adapter.ask("Hello?").await;
    assert_eq!(answer.status, 502, "{}", answer.body);
    model.will(Reply::text("Here."));
    assert_eq!(adapter.ask("Hello again").await.text(), "Here.");

    let half = json!({"choices": [{"index": 0, "delta": {"content": "Half"}}]});
    let error = json!({"error": {"message": "boom"}});
    model.will(Reply::raw(format!("data: {half}\n\ndata: {error}\n\ndata: [DONE]\n\n")));
    let failed = adapter.ask_streamed("Fail").await;
    model.will(Reply::pieces(&["Half"]).hold().cut());
    let cut = adapter.stream_and(&AdapterClient::question("Cut"), "Half", || model.release(1)).await;
    for streamed in [failed, cut] {
        streamed.assert_cut("Half");
    }

    model.will(Reply::raw(format!("data: {error}\n\ndata: [DONE]\n\n")));
    let answer = adapter.ask("Fail at once").await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (502, &json!("api_error")),
        "{}",
        answer.body
    );
}
