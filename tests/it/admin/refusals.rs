//! What the admin API refuses of accounts, operations and sites.

use insta::assert_snapshot;
use serde_json::{Value, json};
use support::sites;

use super::{alice, broker::Broker, logins::hanging_chromium, shown::shown};

/// An account that is not there.
pub(super) const NOBODY: &str = "/v1/accounts/01KAR5V0J9V3MB4X0HSD1W8X8G";

#[tokio::test]
async fn account_not_found() {
    let broker = Broker::start().await;

    let unknown = broker.get(NOBODY).send().await.unwrap();
    let no_id = broker.get("/v1/accounts/alice").send().await.unwrap();

    assert_snapshot!(shown(unknown).await, @"
    404 Not Found
    account_not_found: No such account
    there is no account [id]
    ");
    assert_eq!(no_id.status(), 404);
}

#[tokio::test]
async fn operation_not_found() {
    let broker = Broker::start().await;
    let answer = broker.get("/v1/operations/01KAR5V0J9V3MB4X0HSD1W8X8G").send().await.unwrap();
    assert_snapshot!(shown(answer).await, @"
    404 Not Found
    operation_not_found: No such operation
    there is no operation [id]; a broker remembers its own newest 1000 until it restarts
    ");
}

#[tokio::test]
async fn screenshot_not_found() {
    let broker = Broker::start_with([("LATCHKEY_CHROMIUM", "/nonexistent/chromium")]).await;
    let account = broker.add_account(&alice()).await;
    let operation = broker.start_login(&account).await;
    broker.ended(&operation).await;

    let answer = broker.get(&format!("{operation}/screenshot")).send().await.unwrap();

    assert_snapshot!(shown(answer).await, @"
    404 Not Found
    screenshot_not_found: No screenshot
    operation [id] has no screenshot: it did not fail on a page, or LATCHKEY_ARTEFACTS is not set
    ");
}

#[tokio::test]
async fn invalid_request() {
    let broker = Broker::start().await;
    let bodies = wrong_bodies();

    let first = broker.post("/v1/accounts", &bodies[0]).await;
    assert_snapshot!(shown(first).await, @"
    422 Unprocessable Entity
    invalid_request: A field is wrong
    credentials.password: it is missing
    field: credentials.password
    ");
    let mut details = String::new();
    for body in &bodies {
        let answer: Value = broker.post("/v1/accounts", body).await.json().await.unwrap();
        assert_eq!(answer["code"], "invalid_request");
        details += &format!("{}\n", answer["detail"].as_str().unwrap());
    }
    assert_snapshot!(details, @"
    credentials.password: it is missing
    lable: there is no such field; did you mean `label`? (known: site, label, credentials, pools, weight, concurrency, requests_per_minute, schedule)
    site: expected 1 to 40 of a-z, 0-9 and -, starting with a letter
    label: expected 1 to 80 characters in one line
    label: expected 1 to 80 characters in one line
    concurrency: expected 1 to 1000 streams at once
    pools[0]: expected 1 to 40 of a-z, 0-9 and -, starting with a letter
    weight: expected 1 to 100
    requests_per_minute: expected 1 to 100000 turns that begin within a minute
    schedule: write weekdays as names (Mon, Tue, ...): as a number, 7 is Saturday here and Sunday in crontab
    schedule: it fires more often than every 5 minutes
    schedule: expected a cron expression of 5 to 7 fields, like `0 6 * * Mon-Fri` or `0 30 6 * * *` (seconds first)
    credentials: expected an object
    credentials.username: expected 1 to 320 bytes in one line
    credentials.password: expected 1 to 1024 bytes in one line
    credentials.pasword: there is no such field; did you mean `password`? (known: username, password, totp_seed)
    credentials.totp_seed: expected the base32 text (A-Z, 2-7, at least 16 of them) that the site shows at enrolment, not a code
    ");
    let query: Value = broker.json("/v1/accounts?sight=practice").await;
    assert_eq!([&query["code"], &query["field"]], [&json!("invalid_request"), &json!("query")]);
    let query: Value = broker.json("/v1/accounts?state=awake").await;
    assert_snapshot!(query["detail"].as_str().unwrap(), @"state: expected one of new, refreshing, active, cooldown, needs_human, credentials_rejected, site_locked, disabled, damaged");
}

#[tokio::test]
async fn site_unknown() {
    let broker = Broker::start().await;
    let mut body = alice();
    body["site"] = json!("practise");
    let shown = shown(broker.post("/v1/accounts", &body).await).await;
    assert_snapshot!(shown.replace(&sites::built_in().join(", "), "[the built-in sites]"), @"
    422 Unprocessable Entity
    site_unknown: No such site
    no site file describes practise; known are [the built-in sites]
    field: site
    ");
}

#[tokio::test]
async fn site_without_url() {
    let broker = Broker::start().await;
    let mut body = alice();
    body["site"] = json!("open-webui");
    assert_snapshot!(shown(broker.post("/v1/accounts", &body).await).await, @"
    409 Conflict
    site_without_url: The site has no address
    site open-webui has no base URL: set it on the broker, LATCHKEY_SITE_URLS=open-webui=https://...
    field: site
    ");
}

#[tokio::test]
async fn account_disabled() {
    let broker = Broker::start().await;
    let account = broker.add_account(&alice()).await;
    broker.patch(&account, &json!({ "disabled": true })).await;

    let answer = broker.post(&format!("{account}/logins"), &json!({})).await;

    assert_snapshot!(shown(answer).await, @"
    409 Conflict
    account_disabled: The account is switched off
    account [id] is disabled: change `disabled` to false first
    ");
}

#[tokio::test]
async fn account_damaged() {
    let broker = Broker::start().await;
    let account = broker.add_account(&alice()).await;
    let key = format!("lk:{{{}}}:account", account.rsplit('/').next().unwrap());
    let mut redis = broker.redis.connection().await;
    redis::cmd("HSET").arg(&key).arg("state").arg("paused").exec_async(&mut redis).await.unwrap();

    let answer = broker.post(&format!("{account}/logins"), &json!({})).await;

    assert_snapshot!(shown(answer).await, @"
    409 Conflict
    account_damaged: The account cannot be read
    account [id] cannot be read: damaged: cannot read state is paused; if a newer release wrote it, update this one, else latchkey-broker account repair [id], or rm
    ");
}

#[tokio::test]
async fn account_beyond_repair() {
    let broker = Broker::start().await;
    let account = broker.add_account(&alice()).await;
    let key = format!("lk:{{{}}}:account", account.rsplit('/').next().unwrap());
    let mut redis = broker.redis.connection().await;
    redis::cmd("SET").arg(&key).arg("junk").exec_async(&mut redis).await.unwrap();

    let answer = broker.post(&format!("{account}/repair"), &json!({})).await;

    assert_snapshot!(shown(answer).await, @"
    409 Conflict
    account_beyond_repair: The account cannot be repaired
    of account [id] there is nothing left to repair: remove it, and add it again
    ");
}

#[tokio::test]
async fn login_queue_full() {
    let (_directory, chromium) = hanging_chromium();
    let broker = Broker::start_with([("LATCHKEY_CHROMIUM", &chromium)]).await;
    for _ in 0..latchkey_broker::operations::QUEUE {
        let account = broker.add_account(&alice()).await;
        broker.start_login(&account).await;
    }
    let account = broker.add_account(&alice()).await;

    let answer = broker.post(&format!("{account}/logins"), &json!({})).await;

    assert_snapshot!(shown(answer).await, @"
    503 Service Unavailable
    retry-after: 5
    login_queue_full: Too many logins
    as many logins run and wait as may; try again when some have ended
    ");
}

#[tokio::test]
async fn store_unavailable() {
    let mut broker = Broker::start().await;
    broker.redis.stop();
    assert_snapshot!(shown(broker.get("/v1/accounts").send().await.unwrap()).await, @"
    503 Service Unavailable
    retry-after: 5
    store_unavailable: Redis does not answer
    Redis does not answer; `latchkey-broker doctor` says why
    ");
}

#[tokio::test]
async fn internal() {
    let broker = Broker::start().await;
    let mut redis = broker.redis.connection().await;
    redis::cmd("SET").arg("lk:sites").arg("junk").exec_async(&mut redis).await.unwrap();

    let answer = broker.post("/v1/accounts", &alice()).await;

    assert_snapshot!(shown(answer).await, @"
    500 Internal Server Error
    internal: The broker is at fault
    a record of this request cannot be read or written; the broker's log has the cause
    ");
}

/// Bodies of `POST /v1/accounts`, each with one mistake.
fn wrong_bodies() -> Vec<Value> {
    let with = |pointer: &str, value: Value| {
        let mut body = alice();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        body
    };
    let mut without_password = alice();
    without_password["credentials"].as_object_mut().unwrap().remove("password");
    vec![
        without_password,
        with("/lable", json!("alice")),
        with("/site", json!("Practice Site")),
        with("/label", json!("")),
        with("/label", json!("two\nlines")),
        with("/concurrency", json!(0)),
        with("/pools", json!(["team a"])),
        with("/weight", json!(101)),
        with("/requests_per_minute", json!(0)),
        with("/schedule", json!("0 6 * * 7")),
        with("/schedule", json!("* * * * *")),
        with("/schedule", json!("daily")),
        with("/credentials", json!("correct-horse")),
        with("/credentials/username", json!("")),
        with("/credentials/password", json!("a\nb")),
        with("/credentials/pasword", json!("correct-horse")),
        with("/credentials/totp_seed", json!("123456")),
    ]
}
