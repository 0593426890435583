//! What the admin API refuses of a session that is given.

use insta::assert_snapshot;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use support::practice::{COOKIE, Practice, PracticeOptions, USERNAME};

use super::{broker::Broker, shown::shown};

async fn account(broker: &Broker) -> String {
    broker.add_account(&json!({"site": "practice", "label": "given"})).await
}

async fn give(broker: &Broker, account: &str, body: &Value) -> Response {
    broker.request(Method::PUT, &format!("{account}/session")).json(body).send().await.unwrap()
}

#[tokio::test]
async fn session_refused() {
    let practice = Practice::start(PracticeOptions::default()).await;
    let broker = Broker::start_with([("LATCHKEY_SITE_URLS", &format!("practice={}", practice.url))]).await;
    let account = account(&broker).await;

    let answer = give(&broker, &account, &json!({"cookies": format!("{COOKIE}=spoilt")})).await;

    assert_snapshot!(shown(answer).await, @"
    422 Unprocessable Entity
    session_refused: The site refused the session
    the site answered the probe 401 Unauthorized; give one that is signed in at the site; nothing was changed
    field: cookies
    ");
    let after = broker.json(&account).await;
    assert_eq!([&after["state"], &after["generation"]], [&json!("new"), &json!(0)]);
}

#[tokio::test]
async fn session_unproved() {
    let broker = Broker::start().await;
    let account = account(&broker).await;

    assert_snapshot!(shown(give(&broker, &account, &json!({"bearer": "a-token"})).await).await, @"
    503 Service Unavailable
    retry-after: 5
    session_unproved: The site could not be asked
    the session could not be proved: the probe cannot reach the site; see whether the site runs and the broker's machine reaches it; nothing was changed
    ");
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

    assert_snapshot!(shown(give(&broker, &account, &json!({"bearer": "a-token"})).await).await, @"
    409 Conflict
    login_running: A login of the account runs
    a login of the account runs, or has just ended; see the account, and give the session again
    ");
}

#[tokio::test]
async fn every_mistake_in_a_session_is_named_and_no_value_repeated() {
    let practice = Practice::start(PracticeOptions::default()).await;
    let origin = practice.url.origin().ascii_serialization();
    let broker = Broker::start_with([("LATCHKEY_SITE_URLS", &format!("practice={}", practice.url))]).await;
    let account = account(&broker).await;
    let bodies = wrong_bodies(&origin, &practice.sign_in(USERNAME).token);

    let mut details = String::new();
    for body in &bodies {
        let answer = give(&broker, &account, body).await;
        assert_eq!(answer.status(), 422, "{body}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["code"], "invalid_request", "{body}");
        details += &format!("{}\n", answer["detail"].as_str().unwrap().replace(&origin, "[origin]"));
    }

    assert!(!details.contains("hush"), "{details}");
    assert_snapshot!(details, @"
    body: expected one of bearer, cookies, storage_state and api_key
    api_key: there is bearer already; give one of them
    barer: there is no such field; did you mean `bearer`? (known: bearer, cookies, storage_state, api_key, expires_at)
    bearer: expected a string
    bearer: expected 1 to 16384 printable ASCII characters without spaces
    bearer: expected 1 to 16384 printable ASCII characters without spaces
    bearer: expected 1 to 16384 printable ASCII characters without spaces
    bearer: the session ended at 2001-09-09T01:46:40.000Z already; compare the clocks of site and broker
    cookies: expected a Cookie header as a browser sends it, like `a=1; b=2`
    cookies: expected a Cookie header as a browser sends it, like `a=1; b=2`
    cookies: expected a Cookie header as a browser sends it, like `a=1; b=2`
    cookies: cookie a is there twice; keep the right one
    cookies: it holds no cookie practice_session and no localStorage item token and no bearer in localStorage item token, which [session] of the site file names
    cookies: expected at most 16384 bytes
    storage_state: expected an object
    storage_state.cookies[0].value: expected a string
    storage_state: it holds nothing for [origin]
    storage_state: it holds nothing for [origin], only for .example.org
    storage_state: what it holds for [origin] ended at 2001-09-09T01:46:40.000Z; give one that lives
    storage_state: it holds no cookie practice_session and no localStorage item token and no bearer in localStorage item token, which [session] of the site file names
    api_key: expected 1 to 16384 printable ASCII characters without spaces
    expires_at: expected a time like 2026-11-23T08:00:00Z
    expires_at: it has passed; expected a time to come
    ");
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

    assert_snapshot!(details, @"
    bearer: the site file captures no bearer; give api_key
    cookies: [session] of the site file names nothing of the kind; give api_key
    ");
}

/// Bodies of `PUT /v1/accounts/{id}/session`, each with one mistake.
fn wrong_bodies(origin: &str, token: &str) -> Vec<Value> {
    let ended = json!({"name": COOKIE, "value": "hush", "domain": "127.0.0.1", "path": "/", "expires": 1e9});
    let foreign = json!({"name": COOKIE, "value": "hush", "domain": ".example.org", "path": "/"});
    let items = json!([{"origin": origin, "localStorage": [{"name": "theme", "value": "hush"}]}]);
    let expired = format!("e30.{}.x", base64("{\"exp\":1000000000}"));
    vec![
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
        json!({"bearer": token, "expires_at": "tomorrow"}),
        json!({"bearer": token, "expires_at": "2020-01-01T00:00:00Z"}),
    ]
}

fn base64(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    URL_SAFE_NO_PAD.encode(text)
}
