//! The audit: who did what to which account, and not one secret.

use serde_json::{Value, json};

use crate::{
    admin::broker::{Broker, TOKEN, own},
    cli::run,
};

const PASSWORD: &str = "correct-horse-battery";

fn actions(list: &Value) -> Vec<String> {
    let entries = list["entries"].as_array().unwrap();
    let text = |entry: &Value| {
        let word = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word("actor"), word("action"), word("detail")).trim_end().to_owned()
    };
    entries.iter().map(text).collect()
}

#[tokio::test]
async fn what_is_done_is_written_down_without_a_secret() {
    let broker = Broker::start_with([("LATCHKEY_CHROMIUM", "/nonexistent/chromium")]).await;
    let account = |label: &str| {
        let credentials = json!({ "username": label, "password": PASSWORD, "totp_seed": "JBSWY3DPEHPK3PXP" });
        json!({ "site": "practice", "label": label, "credentials": credentials })
    };
    let alice = broker.add_account(&account("alice")).await;
    let bob = broker.add_account(&account("bob")).await;
    broker.patch(&alice, &json!({ "label": "Alice", "concurrency": 3 })).await;
    let new = json!({ "username": "alice", "password": "second-horse", "totp_seed": null });
    let replaced = broker.request(reqwest::Method::PUT, &format!("{alice}/credentials")).json(&new);
    assert_eq!(replaced.send().await.unwrap().status(), 200);
    let operation = broker.start_login(&alice).await;
    broker.ended(&operation).await;
    broker.patch(&alice, &json!({ "disabled": true })).await;
    let environment = own(&[("LATCHKEY_BROKER_URL", &broker.url), ("LATCHKEY_ADMIN_TOKEN", TOKEN)]);
    assert_eq!(run(&["account", "rm", "bob"], &environment, "").await.code, 0);

    let all = broker.json("/v1/audit").await;
    let expected = [
        "api account.created alice at practice",
        "api account.created bob at practice",
        "api account.changed label, concurrency",
        "api credentials.replaced version 2",
        "api login.asked",
        "broker login.failed browser_unavailable",
        "api account.disabled",
        "cli account.deleted bob at practice",
    ];
    let written = actions(&all);
    let mut after = written.iter();
    for line in expected {
        assert!(after.any(|written| written == line), "{line} is not in {written:#?}");
    }
    for secret in [PASSWORD, "second-horse", "JBSW", TOKEN] {
        assert!(!all.to_string().contains(secret), "{secret} in {all}");
    }

    let id = bob.rsplit('/').next().unwrap();
    let of_bob = broker.json(&format!("/v1/audit?account={id}")).await;
    assert_eq!(actions(&of_bob), [expected[1], expected[7]]);
    let first = all["entries"][0]["id"].as_str().unwrap();
    let later = broker.json(&format!("/v1/audit?after={first}&limit=1")).await;
    assert_eq!(actions(&later), [expected[1]]);
    let newest = broker.json("/v1/audit?limit=1").await;
    assert_eq!(actions(&newest), [expected[7]]);

    let shown = run(&["audit", "--account", "Alice", "--limit", "2"], &environment, "").await;
    assert!(
        shown.stdout.starts_with("WHEN") && shown.stdout.contains("account.disabled"),
        "{}",
        shown.stdout
    );
    assert_eq!(shown.stdout.lines().count(), 3, "{}", shown.stdout);
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_by_its_field() {
    let broker = Broker::start().await;

    for (query, field) in [
        ("after=yesterday", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("accounts=x", "account"),
    ] {
        let refused = broker.json(&format!("/v1/audit?{query}")).await;
        assert_eq!([&refused["code"], &refused["field"]], ["invalid_request", field], "{query}");
    }
}
