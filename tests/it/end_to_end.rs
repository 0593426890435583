//! The real Open WebUI: signed in to by Chromium, chatted with through the adapter.

use latchkey_shared::account::{Account, State};
use reqwest::Method;
use serde_json::json;
use support::{
    model::{Reply, ScriptedModel},
    open_webui::{EMAIL, OpenWebUi, PASSWORD},
    world::{Admin, World},
};

async fn add(admin: &Admin, label: &str, password: &str) -> Account {
    let credentials = json!({"username": EMAIL, "password": password});
    let body = json!({"site": "open-webui", "label": label, "credentials": credentials});
    let answer = admin.send(Method::POST, "/v1/accounts", Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    serde_json::from_value(answer.json()).unwrap()
}

/// One test, because Open WebUI takes its time to start.
#[tokio::test]
async fn open_webui_is_signed_in_to_and_answers() {
    let site = ScriptedModel::start().await;
    let open_webui = OpenWebUi::start(&site.url).await;
    let urls = format!("open-webui={}", open_webui.url);
    let world =
        World::start().broker_env("LATCHKEY_SITE_URLS", &urls).adapter_env("LATCHKEY_SITE_URLS", &urls).await;
    let (admin, adapter) = (world.admin(), world.adapter());

    a_wrong_password_is_told_as_such(&admin).await;

    let account = add(&admin, "right", PASSWORD).await;
    let login = admin.sign_in(account.id).await;
    assert!(login.error.is_none(), "{login:#?}");
    let models = adapter.get("/v1/models").await.json();
    assert_eq!(models["data"][0]["id"], "practice-1", "{models}");

    site.model.will(Reply::pieces(&["Good", " morning", "."]).usage(11, 7));
    let streamed = adapter.ask_streamed("Hello").await;
    assert_eq!((streamed.status, streamed.text().as_str()), (200, "Good morning."), "{}", streamed.raw);
    assert!(streamed.done && streamed.complete, "{}", streamed.raw);
    assert_eq!(streamed.usage()["completion_tokens"], 7, "{}", streamed.raw);

    let tool = r#"{"city":"Oslo"}"#;
    site.model.will(Reply::new().tool_call(0, "call_1", "weather", tool));
    let answer = adapter.ask("Weather?").await;
    let message = &answer.json()["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], tool, "{}", answer.body);

    // The site passes its model's 401 on. The session lives: nobody signs in again, and the next question is answered.
    site.model.will(Reply::model_unauthorized());
    let answer = adapter.ask("Hello?").await;
    assert_eq!(answer.status, 502, "{}", answer.body);
    site.model.will(Reply::text("Here."));
    assert_eq!(adapter.ask("Hello again").await.text(), "Here.");
    let after = admin.account(account.id).await;
    assert_eq!((after.state, after.generation), (State::Active, login.generation.unwrap()));
    world.stop().await;
}

async fn a_wrong_password_is_told_as_such(admin: &Admin) {
    let account = add(admin, "wrong", "not-the-password").await;

    let login = admin.sign_in(account.id).await;

    let error = login.error.expect("the password is wrong");
    assert_eq!(error.code, "credentials_rejected", "{}", error.message);
    assert_eq!(admin.account(account.id).await.state, State::CredentialsRejected);
}
