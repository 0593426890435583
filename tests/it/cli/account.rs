//! `account`: added, signed in, listed, changed, removed.

use insta::assert_snapshot;
use serde_json::Value;
use support::practice::{PASSWORD, Practice, PracticeOptions, TOTP_SEED};

use super::run;
use crate::admin::broker::{Broker, TOKEN, own};

/// A broker with the practice site, and what the commands need to reach it.
pub(super) async fn broker_with_practice() -> (Practice, Broker, Vec<(String, String)>) {
    let practice = Practice::start(PracticeOptions {
        totp_seed: Some(TOTP_SEED.to_owned()),
        ..PracticeOptions::default()
    })
    .await;
    let urls = format!("practice={}", practice.url);
    let broker = Broker::start_with([("LATCHKEY_SITE_URLS", &urls)]).await;
    let environment = own(&[("LATCHKEY_BROKER_URL", &broker.url), ("LATCHKEY_ADMIN_TOKEN", TOKEN)]);
    (practice, broker, environment)
}

#[tokio::test]
async fn browser_account_is_added_shown_listed_and_removed() {
    let (_practice, _broker, environment) = broker_with_practice().await;
    let secrets = format!("{PASSWORD}\n{TOTP_SEED}\n");

    let add = ["account", "add", "--site", "practice", "--username", "alice", "--no-login"];
    assert_snapshot!(run(&add, &environment, &secrets).await.shown(), @"
    exit 0
    added account [id] (alice at practice)
    ");
    assert_snapshot!(run(&["account", "login", "alice"], &environment, "").await.shown(), @"
    exit 0
    signing in alice at practice
           wait      its turn and the browser  [secs]
      1/7  goto      http://[host]/login  [secs]
      2/7  fill      input[name=username]  [secs]
      3/7  fill      input[name=password]  [secs]
      4/7  click     button[type=submit]  [secs]
      5/7  totp      input[name=code]  [secs]
      6/7  click     button[type=submit]  [secs]
      7/7  wait_for  visible #chat  [secs]
           capture   the session  [secs]
           probe     the site's API  [secs]
           publish   the sealed session  [secs]
    signed in: session 1 ends in [n] [n]
    ");
    assert_snapshot!(run(&["account", "list"], &environment, "").await.shown(), @"
    exit 0
    ID                          SITE      LABEL  POOLS  WEIGHT  LEASES  STATE   SESSION ENDS  NEXT LOGIN  REASON
    [id]  practice  alice  -      1       0       active  in [n] [n]    in [n] [n]
    ");
    let set = ["account", "set", "alice", "--pool", "team-a", "--weight", "2", "--requests-per-minute", "30"];
    assert_eq!(run(&set, &environment, "").await.code, 0);
    assert_snapshot!(run(&["account", "show", "alice"], &environment, "").await.shown(), @"
    exit 0
    id            [id]
    site          practice
    label         alice
    state         active
    since         [n] ago
    pools         team-a
    weight        2
    leases        0
    session       1 (login)
    session ends  in [n] [n]
    next login    in [n] [n]
    last login    ok, [n] ago, took [n]
    schedule      -
    concurrency   as the site says
    per minute    30
    credentials   version 1
    ");
    let shown = run(&["account", "show", "alice", "--json"], &environment, "").await;
    assert_eq!(serde_json::from_str::<Value>(&shown.stdout).unwrap()["state"], "active");
    assert_snapshot!(run(&["account", "rm", "alice"], &environment, "").await.shown(), @"
    exit 0
    removed account [id] (alice)
    ");
    assert_snapshot!(run(&["account", "show", "alice"], &environment, "").await.shown(), @"
    exit 1
    stderr: error: there is no account alice; see `latchkey-broker account list`
    ");
}

#[tokio::test]
async fn browser_login_with_a_wrong_password_exits_with_1_and_says_what_to_do() {
    let (_practice, _broker, environment) = broker_with_practice().await;

    let arguments = ["account", "add", "--site", "practice", "--username", "alice"];
    let added = run(&arguments, &environment, "wrong-horse\n").await;

    assert_snapshot!(added.shown(), @"
    exit 1
    added account [id] (alice at practice)
    signing in alice at practice
           wait      its turn and the browser  [secs]
      1/7  goto      http://[host]/login  [secs]
      2/7  fill      input[name=username]  [secs]
      3/7  fill      input[name=password]  [secs]
      4/7  click     button[type=submit]  [secs]
      5/7  totp      input[name=code]  [secs]
    login failed: credentials_rejected
      at step 5, line 27 of the site file: totp input[name=code]
      the site refused (visible #error-credentials); store the right credentials; nothing is typed again until then
      next: latchkey-broker account credentials [id]
    ");
    let json = run(&["account", "login", "alice", "--json"], &environment, "").await;
    let operation: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &operation["error"]["code"]), (1, &"credentials_rejected".into()));
}
