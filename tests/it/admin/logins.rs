//! Logins as operations: started, joined, followed, cut off.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use insta::assert_snapshot;
use serde_json::{Value, json};
use support::{
    practice::{PASSWORD, Practice, PracticeOptions, TOTP_SEED, USERNAME},
    wait,
};
use tempfile::TempDir;

use super::{
    alice,
    broker::Broker,
    shown::{redacted, shown},
};

/// A program that starts and never says that it did: every login waits for it. It is gone with the directory.
pub(super) fn hanging_chromium() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chromium");
    std::fs::write(&path, "#!/bin/sh\nexec sleep 60\n").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

/// An account as the practice site knows it.
fn practice_account() -> Value {
    let mut body = alice();
    body["credentials"] = json!({ "username": USERNAME, "password": PASSWORD, "totp_seed": TOTP_SEED });
    body
}

async fn practice() -> (Practice, Broker) {
    let options = PracticeOptions { totp_seed: Some(TOTP_SEED.to_owned()), ..PracticeOptions::default() };
    let practice = Practice::start(options).await;
    let urls = format!("practice={}", practice.url);
    let broker = Broker::start_with([("LATCHKEY_SITE_URLS", &urls)]).await;
    (practice, broker)
}

#[tokio::test]
async fn browser_login_is_followed_to_its_end() {
    let (_practice, broker) = practice().await;
    let account = broker.add_account(&practice_account()).await;

    let operation = broker.start_login(&account).await;
    let events = format!("{operation}/events");
    let stream = broker.get(&events).send().await.unwrap().text().await.unwrap();

    let steps: Vec<&str> = stream.split("\n\n").filter(|event| event.contains("event: step")).collect();
    let (last, _) = steps.last().unwrap().split_once("\ndata").unwrap();
    assert_snapshot!(redacted(&steps[..4].join("\n")), @r#"
    event: step
    id: 1
    data: {"step":null,"total":null,"verb":"wait","target":"its turn and the browser","duration_ms":null}
    event: step
    id: 2
    data: {"step":1,"total":7,"verb":"goto","target":"http://[host]/login","duration_ms":null}
    event: step
    id: 3
    data: {"step":2,"total":7,"verb":"fill","target":"input[name=username]","duration_ms":null}
    event: step
    id: 4
    data: {"step":3,"total":7,"verb":"fill","target":"input[name=password]","duration_ms":null}
    "#);
    let end = stream.split("\n\n").find(|event| event.contains("event: end")).unwrap();
    assert!(end.contains(r#""state":"succeeded""#), "{end}");
    let view = broker.json(&operation).await;
    assert_eq!([&view["state"], &view["generation"]], [&json!("succeeded"), &json!(1)]);
    let account = broker.json(&account).await;
    assert_eq!([&account["state"], &account["last_login"]["result"]], [&json!("active"), &json!("ok")]);

    let id: usize = last.split("id: ").nth(1).unwrap().trim().parse().unwrap();
    let again = async |seen: usize| {
        broker.get(&events).header("last-event-id", seen.to_string()).send().await.unwrap()
    };
    assert_eq!(again(id).await.text().await.unwrap().trim(), end.trim());
    assert_eq!(again(id + 1).await.status(), 204);
}

#[tokio::test]
async fn browser_login_with_a_wrong_password_says_why() {
    let artefacts = tempfile::tempdir().unwrap();
    let directory = artefacts.path().to_str().unwrap();
    let practice = Practice::start(PracticeOptions::default()).await;
    let urls = format!("practice={}", practice.url);
    let broker = Broker::start_with([("LATCHKEY_SITE_URLS", &urls), ("LATCHKEY_ARTEFACTS", directory)]).await;
    let mut body = practice_account();
    body["credentials"]["password"] = json!("wrong-horse");
    let account = broker.add_account(&body).await;

    let operation = broker.start_login(&account).await;
    let view = broker.ended(&operation).await;

    let mut error = view["error"].clone();
    let file = error["screenshot_file"].take();
    assert!(file.as_str().unwrap().starts_with(directory), "{file}");
    assert_snapshot!(redacted(&serde_json::to_string_pretty(&error).unwrap()), @r#"
    {
      "code": "credentials_rejected",
      "message": "the site refused (visible #error-credentials); store the right credentials; nothing is typed again until then",
      "screenshot": "/v1/operations/[id]/screenshot",
      "screenshot_file": null,
      "step": {
        "index": 5,
        "line": 27,
        "target": "input[name=code]",
        "verb": "totp"
      }
    }
    "#);
    let screenshot = broker.get(view["error"]["screenshot"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(screenshot.headers()["content-type"], "image/png");
    assert!(screenshot.bytes().await.unwrap().starts_with(b"\x89PNG"));
    assert_eq!(broker.json(&account).await["state"], "credentials_rejected");
}

#[tokio::test]
async fn a_second_login_joins_the_first() {
    let (_directory, chromium) = hanging_chromium();
    let broker = Broker::start_with([("LATCHKEY_CHROMIUM", &chromium)]).await;
    let account = broker.add_account(&alice()).await;

    let first = broker.start_login(&account).await;
    let second = broker.post(&format!("{account}/logins"), &json!({})).await;

    assert_eq!(super::broker::location(&second), first);
    assert_snapshot!(shown(second).await, @r#"
    202 Accepted
    content-type: application/json
    location: /v1/operations/[id]

    {
      "account": "[id]",
      "ended_at": null,
      "error": null,
      "expires_at": null,
      "generation": null,
      "id": "[id]",
      "progress": {
        "step": null,
        "target": "its turn and the browser",
        "total": null,
        "verb": "wait"
      },
      "rung": null,
      "started_at": "[time]",
      "state": "running",
      "steps": [
        {
          "duration_ms": null,
          "step": null,
          "target": "its turn and the browser",
          "total": null,
          "verb": "wait"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn stopping_the_broker_ends_logins_and_their_streams() {
    let (_directory, chromium) = hanging_chromium();
    let broker = Broker::start_with([("LATCHKEY_CHROMIUM", &chromium)]).await;
    let account = broker.add_account(&alice()).await;
    let operation = broker.start_login(&account).await;
    let stream = broker.get(&format!("{operation}/events")).send().await.unwrap();

    let stopped = tokio::time::timeout(Duration::from_secs(8), broker.stop()).await;

    assert!(stopped.expect("it stops in time").is_ok());
    assert!(stream.text().await.unwrap().contains("event: step"));
}

#[tokio::test]
async fn an_account_that_is_due_signs_in_by_itself() {
    let broker = Broker::start_with([("LATCHKEY_CHROMIUM", "/nonexistent/chromium")]).await;
    let account = broker.add_account(&alice()).await;
    let id = account.rsplit('/').next().unwrap();

    let mut redis = broker.redis.connection().await;
    redis::cmd("ZADD").arg("lk:due").arg(1).arg(id).exec_async(&mut redis).await.unwrap();

    let tried = async || {
        let account = broker.json(&account).await;
        account["last_login"]["result"].as_str().map(str::to_owned)
    };
    let result = wait::until_some(Duration::from_secs(10), tried).await;
    assert_eq!(result, "browser_unavailable");
}
