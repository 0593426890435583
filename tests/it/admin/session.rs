//! What the admin API refuses of a session that is given.

use insta::assert_snapshot;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use support::practice::{COOKIE, Options, Practice, USERNAME};

use super::{broker::Broker, shown::shown};

async fn account(broker: &Broker) -> String {
    broker.add_account(&json!({"site": "practice", "label": "given"})).await
}

async fn give(broker: &Broker, account: &str, body: &Value) -> Response {
    broker.request(Method::PUT, &format!("{account}/session")).json(body).send().await.unwrap()
}

#[tokio::test]
async fn session_refused() {
    let practice = Practice::start(Options::default()).await;
    let broker = Broker::start_with([("LATCHKEY_SITE_URLS", &format!("practice={}", practice.url))]).await;
    let account = account(&broker).await;

    let answer = give(&broker, &account, &json!({"cookies": format!("{COOKIE}=spoilt")})).await;

    assert_snapshot!(shown(answer).await, @"");
    let after = broker.json(&account).await;
    assert_eq!([&after["state"], &after["generation"]], [&json!("new"), &json!(0)]);
}

#[tokio::test]
async fn session_unproved() {
    let broker = Broker::start().await;
    let account = account(&broker).await;

    assert_snapshot!(shown(give(&broker, &account, &json!({"bearer": "a-token"})).await).await, @"");
    assert_eq!(broker.json(&account).await["state"], "new");
}

#[tokio::test]
async fn login_running() {
    let broker = Broker::start().await;
    let account = account(&broker).await;
    let id = account.rsplit('/').next().unwrap();
    let mut redis = broker.redis.connection().await;
    let key = format!("lk:{{{id}}}:login-lock");
    redis::cmd("SET").arg(key).arg("of another broker").exec_async(&mut redis).await.unwrap();

    assert_snapshot!(shown(give(&broker, &account, &json!({"bearer": "a-token"})).await).await, @"");
}

#[tokio::test]
async fn every_mistake_in_a_session_is_named_and_no_value_repeated() {
    let practice = Practice::start(Options::default()).await;
    let origin = practice.url.origin().ascii_serialization();
    let broker = Broker::start_with([("LATCHKEY_SITE_URLS", &format!("practice={}", practice.url))]).await;
    let account = account(&broker).await;
    let parts = practice.sign_in(USERNAME);
    let ended = json!({"name": COOKIE, "value": "hush", "domain": "127.0.0.1", "path": "/", "expires": 1e9});
    let foreign = json!({"name": COOKIE, "value": "hush", "domain": ".example.org", "path": "/"});
    let items = json!([{"origin": origin, "localStorage": [{"name": "theme", "value": "hush"}]}]);
    let expired = format!("e30.{}.x", base64("{\"exp\":1000000000}"));
    let bodies = [
        json!({}),
        json!({"bearer": "hush", "api_key": "hush"}),
        json!({"barer": "hush"}),
        json!({"bearer": ["hush"]}),
        json!({"bearer": ""}),
        json!({"bearer": "hush hush"}),
        json!({"bearer": "h".repeat(16 * 1024 + 1)}),
        json!({"bearer": expired}),
        json!({"cookies": "hush"}),
        json!({"cookies": "a=1; hush"}),
        json!({"cookies": "a=h\nush"}),
        json!({"cookies": "a=1; a=hush"}),
        json!({"cookies": "a=hush; b=hush"}),
        json!({"cookies": format!("a={}", "h".repeat(16 * 1024))}),
        json!({"storage_state": "hush"}),
        json!({"storage_state": {"cookies": [{"name": COOKIE, "value": 7}]}}),
        json!({"storage_state": {"cookies": [], "origins": []}}),
        json!({"storage_state": {"cookies": [foreign], "origins": []}}),
        json!({"storage_state": {"cookies": [ended], "origins": []}}),
        json!({"storage_state": {"cookies": [], "origins": items}}),
        json!({"api_key": "hush\u{e4}"}),
        json!({"bearer": parts.token, "expires_at": "tomorrow"}),
        json!({"bearer": parts.token, "expires_at": "2020-01-01T00:00:00Z"}),
    ];

    let mut details = String::new();
    for body in &bodies {
        let answer = give(&broker, &account, body).await;
        assert_eq!(answer.status(), 422, "{body}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["code"], "invalid_request", "{body}");
        details += &format!("{}\n", answer["detail"].as_str().unwrap().replace(&origin, "[origin]"));
    }

    assert!(!details.contains("hush"), "{details}");
    assert_snapshot!(details, @"");
    assert_eq!(broker.json(&account).await["generation"], 0);
}

#[tokio::test]
async fn a_site_that_takes_keys_alone_says_so() {
    let broker = Broker::start_with([("LATCHKEY_SITE_URLS", "plain-openai=http://127.0.0.1:9")]).await;
    let account = broker.add_account(&json!({"site": "plain-openai", "label": "given"})).await;

    let mut details = String::new();
    for body in [json!({"bearer": "a-token"}), json!({"cookies": "a=1"})] {
        let answer: Value = give(&broker, &account, &body).await.json().await.unwrap();
        details += &format!("{}\n", answer["detail"].as_str().unwrap());
    }

    assert_snapshot!(details, @"");
}

fn base64(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    URL_SAFE_NO_PAD.encode(text)
}
