//! The admin API over HTTP: what it does, and every code with which it refuses.

use std::time::Duration;

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};
use support::wait;

pub(crate) mod broker;
mod credentials;
mod document;
mod edge;
mod logins;
mod refusals;
mod session;
pub(crate) mod shown;

use broker::Broker;
use shown::shown;

/// A valid body of `POST /v1/accounts`.
fn alice() -> Value {
    json!({
        "site": "practice",
        "label": "alice",
        "credentials": {
            "username": "alice@example.org",
            "password": "correct-horse-battery",
            "totp_seed": "JBSW Y3DP EHPK 3PXP",
        },
    })
}

#[tokio::test]
async fn an_account_is_added_changed_listed_and_removed() {
    let broker = Broker::start().await;

    let added = broker.post("/v1/accounts", &alice()).await;
    let path = broker::location(&added);
    assert_snapshot!(shown(added).await, @r#"
    201 Created
    content-type: application/json
    location: /v1/accounts/[id]

    {
      "concurrency": null,
      "created_at": "[time]",
      "credentials_version": 1,
      "damage": [],
      "evidence": null,
      "expires_at": null,
      "generation": 0,
      "id": "[id]",
      "label": "alice",
      "last_login": null,
      "leases": 0,
      "phase": null,
      "pools": [],
      "reason": "",
      "recent_login_ms": [],
      "refresh_at": null,
      "rejected_version": 0,
      "requests_per_minute": null,
      "schedule": null,
      "session_origin": null,
      "site": "practice",
      "state": "new",
      "state_since": "[time]",
      "weight": 1
    }
    "#);

    let change = json!({ "label": "Alice B", "concurrency": 9, "schedule": "0 6 * * Mon-Fri" });
    let changed: Value = broker.patch(&path, &change).await.json().await.unwrap();
    assert_eq!([&changed["label"], &changed["concurrency"]], [&json!("Alice B"), &json!(9)]);
    assert!(changed["refresh_at"].as_str().unwrap().ends_with("T06:00:00.000Z"), "{changed}");
    let kept: Value = broker.patch(&path, &json!({ "concurrency": null })).await.json().await.unwrap();
    assert_eq!([&kept["schedule"], &kept["concurrency"]], [&change["schedule"], &Value::Null]);

    assert_eq!(broker.json("/v1/accounts?site=practice").await["accounts"], json!([kept]));
    assert_eq!(broker.json("/v1/accounts?site=open-webui").await["accounts"], json!([]));
    assert_eq!(broker.json(&path).await, kept);

    let removed = broker.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(removed.status(), 204);
    assert_eq!(broker.get(&path).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn accounts_are_listed_by_site_pool_and_state() {
    let broker = Broker::start().await;
    let mut bob = alice();
    (bob["label"], bob["pools"], bob["weight"]) = (json!("bob"), json!(["team-b", "team-a"]), json!(3));
    let alice = broker.add_account(&alice()).await;
    let bob = broker.add_account(&bob).await;
    let limits = json!({ "pools": ["team-b"], "requests_per_minute": 20, "disabled": true });
    let changed: Value = broker.patch(&alice, &limits).await.json().await.unwrap();
    assert_eq!([&changed["pools"], &changed["requests_per_minute"]], [&json!(["team-b"]), &json!(20)]);

    let labels = async |query: &str| {
        let list = broker.json(&format!("/v1/accounts?{query}")).await;
        let labels = list["accounts"].as_array().unwrap().iter().map(|account| account["label"].clone());
        labels.collect::<Vec<_>>()
    };

    assert_eq!(labels("pool=team-b").await, ["alice", "bob"]);
    assert_eq!(labels("pool=team-a&site=practice").await, ["bob"]);
    assert_eq!(labels("pool=team-b&state=disabled").await, ["alice"]);
    assert_eq!(labels("pool=team-c").await, [""; 0]);
    let left: Value = broker.patch(&bob, &json!({ "pools": [], "weight": 1 })).await.json().await.unwrap();
    assert_eq!([&left["pools"], &left["weight"]], [&json!([]), &json!(1)]);
    assert_eq!(labels("pool=team-a").await, [""; 0]);
}

#[tokio::test]
async fn a_change_that_is_wrong_names_its_field_and_changes_nothing() {
    let broker = Broker::start().await;
    let path = broker.add_account(&alice()).await;
    let before = broker.json(&path).await;

    let mut told = String::new();
    for change in [
        json!({ "label": "Alice", "weight": 0 }),
        json!({ "weight": null, "label": "" }),
        json!({ "pools": ["team-a", "Team B"] }),
        json!({ "pools": "team-a" }),
        json!({ "requests_per_minute": 0 }),
        json!({ "requests_per_minute": "20" }),
        json!({ "pool": ["team-a"] }),
        json!({ "state": "active" }),
    ] {
        let answer: Value = broker.patch(&path, &change).await.json().await.unwrap();
        told += &format!("{} {}\n", answer["status"], answer["detail"].as_str().unwrap());
    }

    assert_snapshot!(told, @"
    422 weight: expected 1 to 100
    422 label: expected 1 to 80 characters in one line
    422 pools[1]: expected 1 to 40 of a-z, 0-9 and -, starting with a letter
    422 pools: expected a list
    422 requests_per_minute: expected 1 to 100000 turns that begin within a minute
    422 requests_per_minute: expected a whole number
    422 pool: there is no such field; did you mean `pools`? (known: label, pools, weight, concurrency, requests_per_minute, schedule, disabled)
    422 state: there is no such field (known: label, pools, weight, concurrency, requests_per_minute, schedule, disabled)
    ");
    assert_eq!(broker.json(&path).await, before);
}

#[tokio::test]
async fn credentials_go_in_and_never_come_out() {
    let broker = Broker::start_with([("LATCHKEY_CHROMIUM", "/nonexistent/chromium")]).await;
    let path = broker.add_account(&alice()).await;

    let new = json!({ "username": "alice@example.org", "password": "second-horse", "totp_seed": null });
    let replaced =
        broker.request(Method::PUT, &format!("{path}/credentials")).json(&new).send().await.unwrap();
    assert_snapshot!(shown(replaced).await, @r#"
    200 OK
    content-type: application/json

    {
      "version": 2
    }
    "#);

    let operation = broker.start_login(&path).await;
    broker.ended(&operation).await;
    let mut answers = String::new();
    for path in [path.as_str(), "/v1/accounts", &operation, &format!("{operation}/events"), "/readyz"] {
        answers += &broker.get(path).send().await.unwrap().text().await.unwrap();
    }
    for secret in ["correct-horse", "second-horse", "JBSW", "alice@example.org"] {
        assert!(!answers.contains(secret), "{secret} in {answers}");
    }
    let read = broker.get(&format!("{path}/credentials")).send().await.unwrap();
    assert_eq!(read.status(), 405);
}

#[tokio::test]
async fn new_credentials_end_the_rejection_of_the_old_ones() {
    let broker = Broker::start().await;
    let path = broker.add_account(&alice()).await;
    let id = path.rsplit('/').next().unwrap();
    let mut redis = broker.redis.connection().await;
    let key = format!("lk:{{{id}}}:account");
    redis::cmd("HSET")
        .arg(key)
        .arg("state")
        .arg("credentials_rejected")
        .exec_async(&mut redis)
        .await
        .unwrap();

    let new = json!({ "username": "alice", "password": "second-horse" });
    broker.request(Method::PUT, &format!("{path}/credentials")).json(&new).send().await.unwrap();

    let account = broker.json(&path).await;
    assert_eq!([&account["state"], &account["credentials_version"]], [&json!("new"), &json!(2)]);
}

#[tokio::test]
async fn a_disabled_account_comes_back_where_it_was() {
    let broker = Broker::start().await;
    let path = broker.add_account(&alice()).await;

    let off: Value = broker.patch(&path, &json!({ "disabled": true })).await.json().await.unwrap();
    let on: Value = broker.patch(&path, &json!({ "disabled": false })).await.json().await.unwrap();

    assert_eq!([&off["state"], &on["state"]], [&json!("disabled"), &json!("new")]);
    assert_eq!([&on["reason"], &on["refresh_at"]], [&json!(""), &Value::Null]);
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let mut broker = Broker::start_with([("LATCHKEY_CHROMIUM", "/nonexistent/chromium")]).await;
    broker.redis.stop();

    let ready: Value = broker.bare(Method::GET, "/readyz").send().await.unwrap().json().await.unwrap();

    assert_eq!(ready["ready"], json!(false));
    assert_snapshot!(serde_json::to_string_pretty(&ready["reasons"]).unwrap(), @r#"
    [
      "Redis does not answer: no login can begin; adapters serve what they hold",
      "LATCHKEY_CHROMIUM: there is no file /nonexistent/chromium"
    ]
    "#);
    assert_eq!(ready["keys"]["session"].as_array().unwrap().len(), 1);
    broker.redis.restart().await;
    let answers = async || {
        let ready = broker.json("/readyz").await;
        (ready["reasons"].as_array().unwrap().len() == 1).then_some(())
    };
    wait::until_some(Duration::from_secs(10), answers).await;
}

#[tokio::test]
async fn a_sane_request_id_comes_back_and_another_is_replaced() {
    let broker = Broker::start().await;
    let id = async |given: &str| {
        let answer = broker.get("/livez").header("x-request-id", given).send().await.unwrap();
        answer.headers()["x-request-id"].to_str().unwrap().to_owned()
    };

    assert_eq!(id("from-a-proxy_1").await, "from-a-proxy_1");
    assert_eq!(id("forged id=1").await.len(), 26);
}
