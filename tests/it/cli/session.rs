//! `account session`: from standard input and from a file, for people and for programs.

use insta::assert_snapshot;
use serde_json::Value;
use support::practice::{Practice, PracticeOptions, USERNAME};

use super::run;
use crate::{
    admin::broker::{Broker, TOKEN, own},
    given::storage_state,
};

#[tokio::test]
async fn a_session_is_given_from_standard_input_or_a_file() {
    let practice = Practice::start(PracticeOptions::default()).await;
    let broker = Broker::start_with([("LATCHKEY_SITE_URLS", &format!("practice={}", practice.url))]).await;
    let environment = own(&[("LATCHKEY_BROKER_URL", &broker.url), ("LATCHKEY_ADMIN_TOKEN", TOKEN)]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.json");
    let parts = practice.sign_in(USERNAME);
    std::fs::write(&file, storage_state(&practice.url, &parts).to_string()).unwrap();
    let file = file.to_str().unwrap();

    let add = ["account", "add", "--site", "practice", "--label", "work"];
    assert_snapshot!(run(&add, &environment, "").await.shown(), @"
    exit 0
    added account [id] (work at practice)
    give it a session: latchkey-broker account session [id]
    ");
    let give = ["account", "session", "work", "--bearer"];
    assert_snapshot!(run(&give, &environment, &format!("{}\n", parts.token)).await.shown(), @"
    exit 0
    proving the session at practice
    the site's /api/me was answered with /username
    session 1 of work at practice ends in [n] [n]
    next renewal in [n] [n] by a browser with what was given
    ");
    let give = ["account", "session", "work", "--storage-state", "--file", file];
    assert_snapshot!(run(&give, &environment, "").await.shown(), @"
    exit 0
    proving the session at practice
    the site's /api/me was answered with /username
    session 2 of work at practice ends in [n] [n]
    next renewal in [n] [n] by a browser with what was given
    ");
    let give = [&give[..], &["--json"]].concat();
    let shown: Value = serde_json::from_str(&run(&give, &environment, "").await.stdout).unwrap();
    assert_eq!([&shown["state"], &shown["generation"]], [&"active".into(), &Value::from(3)]);
    let key = ["account", "session", "work", "--api-key"];
    assert_snapshot!(run(&key, &environment, "not-the-key").await.shown(), @"
    exit 1
    proving the session at practice
    stderr: error: the site answered the probe 401 Unauthorized; give one that is signed in at the site; nothing was changed (session_refused)
    ");
    assert_snapshot!(run(&key, &environment, "").await.shown(), @"
    exit 1
    stderr: error: no session given: type it, pipe it in, or name a file with --file
    ");
    assert_snapshot!(run(&["account", "session", "work", "--storage-state"], &environment, "{a").await.shown(), @"
    exit 1
    stderr: error: the storage state is no JSON: it breaks at line 1 column 2; give what Playwright's storageState wrote
    ");
    let several = ["account", "session", "work", "--bearer", "--cookies"];
    assert_eq!(run(&several, &environment, "").await.code, 2);
}
