//! The real Open WebUI behind a real identity provider, which has an origin and a jar of cookies of its own.

use latchkey_shared::account::{Rung, State};
use serde_json::json;
use support::{
    model::{Reply, ScriptedModel},
    oidc::{CLIENT_ID, CLIENT_SECRET, OidcProvider, PASSWORD, USERNAME},
    open_webui::OpenWebUi,
    world::{AdapterClient, World},
};

use super::end_to_end::{LIFE, a_file_reaches_the_model, a_picture_reaches_the_model, three_lives_pass};

const SITE: &str = "open-webui-sso";

/// The built-in file, with the provider's origin in its place.
fn site_file(provider: &OidcProvider) -> String {
    let placeholder = "https://login.example.org";
    let origin = provider.issuer.origin().ascii_serialization();
    let toml = include_str!("../../shared/sites/open-webui-sso.toml");
    assert!(toml.contains(placeholder));
    toml.replace(placeholder, &origin)
}

async fn open_webui(model_url: &reqwest::Url, provider: &OidcProvider) -> OpenWebUi {
    let settings = [
        ("OPENID_PROVIDER_URL", provider.discovery().to_string()),
        ("OAUTH_CLIENT_ID", CLIENT_ID.to_owned()),
        ("OAUTH_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ("OAUTH_PROVIDER_NAME", "TestSSO".to_owned()),
        ("ENABLE_OAUTH_SIGNUP", "true".to_owned()),
        ("OAUTH_MERGE_ACCOUNTS_BY_EMAIL", "true".to_owned()),
        ("ENABLE_LOGIN_FORM", "false".to_owned()),
    ];
    OpenWebUi::with_settings(model_url, &settings).await
}

/// One test, because Open WebUI takes its time to start.
#[tokio::test]
async fn open_webui_is_signed_in_to_through_its_provider_and_answers() {
    let site = ScriptedModel::start().await;
    let provider = OidcProvider::start().await;
    let mut open_webui = open_webui(&site.url, &provider).await;
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), site_file(&provider)).unwrap();
    let urls = format!("{SITE}={}", open_webui.url);
    let path = file.path().display().to_string();
    let world = World::start()
        .broker_env("LATCHKEY_SITE_URLS", &urls)
        .broker_env("LATCHKEY_SITES", &path)
        .adapter_env("LATCHKEY_SITE_URLS", &urls)
        .adapter_env("LATCHKEY_SITES", &path)
        // A browser is opened when every session has ended, on a machine that builds meanwhile.
        .adapter_env("LATCHKEY_RENEWAL_DEADLINE", "1m")
        .await;
    let admin = world.admin();
    let adapter = world.adapter();
    let model = &site.model;

    let (account, error) = admin.add_and_sign_in(SITE, USERNAME, "not-the-password").await;
    assert_eq!((account.state, error.as_deref()), (State::CredentialsRejected, Some("credentials_rejected")));
    let (account, error) = admin.add_and_sign_in(SITE, USERNAME, PASSWORD).await;
    assert_eq!((account.state, error), (State::Active, None));

    model.will(Reply::pieces(&["Good", " morning", "."]));
    let streamed = adapter.ask_streamed("Hello").await;
    assert_eq!((streamed.text().as_str(), streamed.done), ("Good morning.", true), "{}", streamed.raw);
    it_goes_on_and_stops(model, &adapter).await;
    a_picture_reaches_the_model(model, &adapter).await;
    a_file_reaches_the_model(model, &adapter).await;
    faults_are_told(model, &adapter).await;

    // With another secret every session ends; the next question is answered all the same, with a new one.
    open_webui.restart(LIFE).await;
    model.will(Reply::text("Alice."));
    assert_eq!(adapter.ask("Who am I?").await.text(), "Alice.");
    three_lives_pass(model, &world, account.id).await;
    let renewed = admin.account(account.id).await;
    assert_eq!(renewed.last_login.unwrap().rung, Some(Rung::Restored));
    assert_eq!(provider.passwords_typed().await, 2, "the wrong one and the right one, at first");

    // The last, because the account must wait then.
    model.will(Reply::rate_limited(7));
    let answer = adapter.ask("Too much?").await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert!(!answer.header("retry-after").is_empty());
    world.stop().await;
}

async fn it_goes_on_and_stops(model: &ScriptedModel, adapter: &AdapterClient) {
    let mut second = AdapterClient::question("Hello");
    let more = [
        json!({"role": "assistant", "content": "Good morning."}),
        json!({"role": "user", "content": "And?"}),
    ];
    second["messages"].as_array_mut().unwrap().extend(more);
    model.will(Reply::text("And on."));
    assert_eq!(adapter.chat(&second).await.text(), "And on.");
    assert_eq!(model.last_call().body["messages"].as_array().unwrap().len(), 3);

    let tool = r#"{"city":"Oslo"}"#;
    model.will(Reply::new().tool_call(0, "call_1", "weather", tool));
    let answer = adapter.ask("Weather?").await;
    let message = &answer.json()["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], tool, "{}", answer.body);

    adapter.leave(&AdapterClient::question("A long story"), model).await;
}

async fn faults_are_told(model: &ScriptedModel, adapter: &AdapterClient) {
    let error = json!({"error": {"message": "boom"}});
    model.will(Reply::raw(format!("data: {error}\n\ndata: [DONE]\n\n")));
    assert_eq!(adapter.ask("Fail at once").await.status, 502);

    model.will(Reply::pieces(&["Half"]).hold().cut());
    let streamed = adapter.stream_and(&AdapterClient::question("Cut"), "Half", || model.release(1)).await;
    streamed.assert_cut("Half");
}
