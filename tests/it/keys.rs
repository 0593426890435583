//! Key rotation while everything runs: no request fails, and afterwards the old key has sealed nothing.

use std::time::Duration;

use latchkey_shared::store::SealedRecord;
use serde_json::Value;
use support::{
    model::Reply,
    practice::PracticeOptions,
    wait,
    world::{ADMIN_TOKEN, World},
};
use tokio_util::sync::CancellationToken;

use crate::cli::{CliOutput, run};

/// Until every service has read a file and said so, on a machine that builds meanwhile.
const TOLD: Duration = Duration::from_secs(60);

/// A world whose parts read rings from files of their own, and what the commands need.
async fn world() -> (World, Vec<(String, String)>) {
    let start =
        World::start().practice(PracticeOptions::with_accounts(&["alice", "bob"])).adapters(2).key_files();
    let world = start.signed_in("alice").with_session("bob").await;
    let file = |ring| world.ring_file("broker-0", ring).display().to_string();
    let environment = vec![
        ("LATCHKEY_BROKER_URL".to_owned(), world.broker.as_ref().unwrap().url.to_string()),
        ("LATCHKEY_ADMIN_TOKEN".to_owned(), ADMIN_TOKEN.to_owned()),
        ("LATCHKEY_SESSION_KEYS_FILE".to_owned(), file("session")),
        ("LATCHKEY_CREDENTIALS_KEYS_FILE".to_owned(), file("credentials")),
    ];
    (world, environment)
}

async fn well(arguments: &[&str], environment: &[(String, String)]) -> Value {
    let CliOutput { code, stdout, stderr } = run(&[arguments, &["--json"]].concat(), environment, "").await;
    assert_eq!(code, 0, "{arguments:?}: {stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

async fn refused(arguments: &[&str], environment: &[(String, String)]) -> String {
    let ran = run(arguments, environment, "").await;
    assert_eq!(ran.code, 1, "{arguments:?}: {}", ran.stdout);
    ran.stderr
}

/// Asks both adapters until it is told to stop; gives how many answers there were.
async fn chat(world: &World, stop: &CancellationToken) -> usize {
    let adapters = [world.adapter_at(0), world.adapter_at(1)];
    let mut asked = 0;
    while !stop.is_cancelled() {
        let answer = adapters[asked % 2].ask("hi").await;
        assert_eq!(answer.status, 200, "request {asked}: {}", answer.body);
        asked += 1;
    }
    asked
}

fn copy(world: &World, ring: &str, to: &str) {
    std::fs::copy(world.ring_file("broker-0", ring), world.ring_file(to, ring)).unwrap();
}

/// Waits until the services see a ring as a test wants it.
async fn until_told(environment: &[(String, String)], told: impl Fn(&Value) -> bool) {
    wait::until_some(TOLD, async || told(&well(&["keys", "list"], environment).await).then_some(())).await;
}

fn key<'a>(list: &'a Value, ring: &str, id: &str) -> &'a Value {
    let keys = list[ring].as_array().unwrap();
    keys.iter().find(|key| key["id"] == id).unwrap_or(&Value::Null)
}

fn count(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

/// Add, spread, promote, rewrap, retire: old and new replicas are mixed at each step.
async fn rotate_sessions(world: &World, environment: &[(String, String)]) -> String {
    let before = well(&["keys", "list"], environment).await;
    let old = before["session"][0]["id"].as_str().unwrap().to_owned();
    let added = well(&["keys", "add", "--ring", "session"], environment).await;
    let new = added["key"].as_str().unwrap().to_owned();
    let promote = ["keys", "promote", new.as_str(), "--ring", "session"];

    until_told(environment, |list| count(&list["services"]) == 3).await;
    until_told(environment, |list| count(&key(list, "session", &new)["held"]) == 1).await;
    let reason = refused(&promote, environment).await;
    assert!(reason.contains("2 of the services do not hold key"), "{reason}");
    copy(world, "session", "adapter-0");
    until_told(environment, |list| count(&key(list, "session", &new)["held"]) == 2).await;
    refused(&promote, environment).await;
    copy(world, "session", "adapter-1");
    until_told(environment, |list| count(&key(list, "session", &new)["lacking"]) == 0).await;

    well(&promote, environment).await;
    until_told(environment, |list| count(&key(list, "session", &new)["sealing"]) == 1).await;
    // The broker seals with the new key, and a writer that has not heard of it with the old one.
    let login = world.admin().sign_in(world.account("alice")).await;
    assert!(login.error.is_none(), "{login:#?}");
    world.publish_again("bob").await;
    let reason = refused(&["keys", "retire", &old, "--ring", "session"], environment).await;
    assert!(reason.contains("still seal with key"), "{reason}");
    copy(world, "session", "adapter-0");
    copy(world, "session", "adapter-1");
    until_told(environment, |list| count(&key(list, "session", &new)["sealing"]) == 3).await;
    let reason = refused(&["keys", "retire", &old, "--ring", "session"], environment).await;
    assert!(reason.contains("1 records are sealed under key"), "{reason}");

    let walked = well(&["keys", "rewrap"], environment).await;
    assert_eq!([&walked["rewrapped"], &walked["unreadable"]], [&1.into(), &Value::from(0)]);
    well(&["keys", "retire", &old, "--ring", "session"], environment).await;
    copy(world, "session", "adapter-0");
    copy(world, "session", "adapter-1");
    until_told(environment, |list| key(list, "session", &old).is_null()).await;
    new
}

/// Adapters hold no such key, so only brokers are waited for.
async fn rotate_credentials(environment: &[(String, String)]) -> String {
    let list = well(&["keys", "list"], environment).await;
    let old = list["credentials"][0]["id"].as_str().unwrap().to_owned();
    let added = well(&["keys", "add", "--ring", "credentials"], environment).await;
    let new = added["key"].as_str().unwrap().to_owned();

    until_told(environment, |list| count(&key(list, "credentials", &new)["held"]) == 1).await;
    well(&["keys", "promote", &new, "--ring", "credentials"], environment).await;
    until_told(environment, |list| count(&key(list, "credentials", &new)["sealing"]) == 1).await;
    well(&["keys", "rewrap"], environment).await;
    well(&["keys", "retire", &old, "--ring", "credentials"], environment).await;
    until_told(environment, |list| key(list, "credentials", &old).is_null()).await;
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn rings_are_rotated_under_load_without_a_failed_request() {
    let (world, environment) = world().await;
    world.practice.model().always(Reply::text("yes"));
    let stop = CancellationToken::new();

    let rotation = async {
        let _stopped = stop.clone().drop_guard();
        (rotate_sessions(&world, &environment).await, rotate_credentials(&environment).await)
    };
    let (asked, (session, credentials)) = tokio::join!(chat(&world, &stop), rotation);

    assert!(asked > 20, "{asked} requests are no load");
    let ids = [world.account("alice"), world.account("bob")];
    let sealed = async |record| world.store.sealing_keys(record, &ids).await.unwrap();
    assert_eq!(sealed(SealedRecord::Session).await, [Some(session.clone()), Some(session)]);
    assert_eq!(sealed(SealedRecord::Credentials).await, [Some(credentials.clone()), None]);
    assert_eq!(
        sealed(SealedRecord::State).await,
        [Some(credentials), None],
        "what the browser kept goes along"
    );
    let login = world.admin().sign_in(world.account("alice")).await;
    assert!(login.error.is_none(), "the password opens under the new key: {login:#?}");
    let actions =
        world.store.audit(&latchkey_shared::store::AuditQuery { limit: 100, ..Default::default() }).await;
    let changes = actions.unwrap().iter().filter(|entry| entry.action == "keys.changed").count();
    assert_eq!(changes, 6, "added, promoted and retired, each ring");
}

#[tokio::test]
async fn a_ring_comes_from_a_command_and_its_words_are_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let ring = directory.path().join("ring");
    std::fs::write(&ring, "hunter2").unwrap();
    let with = |command: &str| {
        vec![
            ("LATCHKEY_SESSION_KEYS_COMMAND".to_owned(), command.to_owned()),
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
        ]
    };
    let out = directory.path().join("out").display().to_string();
    let add = ["keys", "add", "--ring", "session", "--out", out.as_str()];

    let bad = refused(&add, &with(&format!("cat {}", ring.display()))).await;
    assert!(bad.contains("LATCHKEY_SESSION_KEYS") && !bad.contains("hunter2"), "{bad}");
    let failed = refused(&add, &with("ls /nonexistent-hunter2")).await;
    assert!(failed.contains("LATCHKEY_SESSION_KEYS_COMMAND") && failed.contains("ls to succeed"), "{failed}");
    let missing = refused(&add, &with("/nonexistent/age")).await;
    assert!(missing.contains("/nonexistent/age"), "{missing}");

    let first = latchkey_shared::vault::KeyRing::generate();
    std::fs::write(&ring, secrecy::ExposeSecret::expose_secret(&first)).unwrap();
    well(&add, &with(&format!("cat {}", ring.display()))).await;
    assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 2);
    let reason = refused(&add[..4], &with(&format!("cat {}", ring.display()))).await;
    assert!(reason.contains("--out"), "{reason}");
}
