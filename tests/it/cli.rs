//! The operator's commands, run as the built binary.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, process::Stdio, time::Duration};

use insta::assert_snapshot;
use serde_json::Value;
use support::{redis::Redis, sites};
use tokio::{io::AsyncWriteExt, process::Command};

mod account;
mod acl;
mod credentials;
mod pty;
mod session;
mod terminal;

use crate::admin::{
    broker::{Broker, TOKEN, environment, own},
    shown::redacted,
};

/// No command of these tests takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// What a command did.
pub(crate) struct CliOutput {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl CliOutput {
    /// All of it, without what differs from run to run.
    pub(crate) fn shown(&self) -> String {
        let mut text = format!("exit {}", self.code);
        for (name, stream) in [("", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text += &format!("\n{name}{}{}", if name.is_empty() { "" } else { ": " }, stream.trim_end());
            }
        }
        without_times(&redacted(&text))
    }
}

/// The binary beside this test's own: `scripts/test` builds both.
fn binary() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("latchkey-broker");
    assert!(path.is_file(), "there is no {}: run scripts/test", path.display());
    path
}

pub(crate) async fn run(arguments: &[&str], environment: &[(String, String)], input: &str) -> CliOutput {
    let mut child = Command::new(binary())
        .args(arguments)
        .env_clear()
        .envs(environment.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may be gone already.
    stdin.write_all(input.as_bytes()).await.ok();
    drop(stdin);
    let output = tokio::time::timeout(LIMIT, child.wait_with_output()).await.unwrap().unwrap();
    CliOutput {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Seconds that a step took, and times from now.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| {
        let digits = word.trim_end_matches(['s', 'm', 'h', 'd']);
        digits.len() + 1 == word.len() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let line = |line: &str| match line.strip_suffix(" s").and_then(|line| line.rsplit_once(' ')) {
        Some((before, secs)) if secs.parse::<f64>().is_ok() => format!("{}  [secs]", before.trim_end()),
        Some(_) | None => {
            let words = line.split(' ').map(|word| if is_time(word) { "[n]" } else { word });
            words.collect::<Vec<_>>().join(" ")
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn keys_new_writes_secrets_once_and_for_their_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("secrets");
    let out = out.to_str().unwrap();

    let written = run(&["keys", "new", "--out", out], &[], "").await;
    let again = run(&["keys", "new", "--out", out], &[], "").await;

    assert_snapshot!(written.shown().replace(out, "[out]"), @"
    exit 0
    wrote 4 secrets to [out], readable by you alone

    broker             LATCHKEY_CREDENTIALS_KEYS_FILE=[out]/credentials.keys
    broker, adapters   LATCHKEY_SESSION_KEYS_FILE=[out]/session.keys
    broker, CLI        LATCHKEY_ADMIN_TOKEN_FILE=[out]/admin.token
    adapters, new-api  LATCHKEY_SHARED_SECRETS_FILE=[out]/shared.secret

    Keep a copy of credentials.keys: without it, stored passwords are lost.
    ");
    assert_snapshot!(again.shown().replace(out, "[out]"), @"
    exit 1
    stderr: error: [out]/credentials.keys is there already: what it sealed would be lost; choose another --out
    ");
    for file in ["credentials.keys", "session.keys", "admin.token", "shared.secret"] {
        let mode = std::fs::metadata(format!("{out}/{file}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
        let secret = std::fs::read_to_string(format!("{out}/{file}")).unwrap();
        assert!(!written.stdout.contains(secret.trim()), "{file} is printed");
    }
}

#[tokio::test]
async fn keys_new_are_accepted_by_serve() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    run(&["keys", "new", "--out", out], &[], "").await;
    let file = |name: &str| format!("{out}/{name}");

    let environment = own(&[
        ("LATCHKEY_REDIS_URL", "redis://127.0.0.1:1/0"),
        ("LATCHKEY_ADMIN_TOKEN_FILE", &file("admin.token")),
        ("LATCHKEY_CREDENTIALS_KEYS_FILE", &file("credentials.keys")),
        ("LATCHKEY_SESSION_KEYS_FILE", &file("session.keys")),
        ("LATCHKEY_BROKER_LISTEN", "127.0.0.1:0"),
        ("LATCHKEY_LOG", "off"),
    ]);
    let served = run(&["serve"], &environment, "").await;

    assert_snapshot!(served.shown(), @"
    exit 1
    stderr: error: the broker needs Redis: redis is unavailable: Connection refused (os error 111)
    ");
}

#[tokio::test]
async fn serve_refuses_a_redis_that_may_forget_accounts() {
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]).await;
    let mut environment = environment(&redis.url());
    environment.extend(own(&[("LATCHKEY_LOG", "off"), ("LATCHKEY_BROKER_LISTEN", "127.0.0.1:0")]));

    assert_snapshot!(run(&["serve"], &environment, "").await.shown(), @"
    exit 1
    stderr: error: Redis has maxmemory-policy allkeys-lru, which deletes accounts when memory is short: set it to noeviction
    ");
}

#[tokio::test]
async fn doctor_finds_a_good_installation_good() {
    let redis = Redis::start_with(&["--appendonly", "yes"]).await;
    let environment = environment(&redis.url());

    let text = run(&["doctor"], &environment, "").await;
    let json = run(&["doctor", "--json"], &environment, "").await;

    // Of the built-in sites without an address one will do.
    let other = |line: &&str| !line.contains("has no address") || line.contains("open-webui has");
    let shown = text.shown();
    let shown: Vec<&str> = shown.lines().filter(other).collect();
    assert_snapshot!(without_versions(&shown.join("\n")), @"
    exit 0
    ok    variables          every LATCHKEY_ variable is known
    ok    admin token        is set
    ok    credentials keys   keys [...]
    ok    session keys       keys [...]
    ok    redis              version [...]
    ok    redis eviction     noeviction
    ok    redis persistence  append-only file is on
    warn  redis user         is `default`, which may do everything and may have no password
                             -> give the broker an ACL user of its own; compose/ has both users
    ok    redis rights       every command of a broker is allowed
    ok    clock              agrees with that of Redis
    ok    accounts           0 can be read
    ok    chromium           [version] at [path]
    warn  chromium sandbox   off: a page that breaks out of the renderer is the broker
                             -> run the broker as an ordinary user with LATCHKEY_CHROMIUM_SANDBOX=on
    off   site               open-webui has no address; LATCHKEY_SITE_URLS=open-webui=https://... gives it one
    ok    site               practice at http://[host]/
    ");
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["healthy"], true);
}

#[tokio::test]
async fn doctor_finds_what_serve_would_refuse() {
    let redis = Redis::start().await;
    let mut environment = environment(&redis.url());
    environment.extend(own(&[("LATCHKEY_LOGIN_CONCURRENCY", "0")]));

    let text = run(&["doctor"], &environment, "").await;

    assert_eq!(text.code, 1);
    assert!(text.stdout.contains("LATCHKEY_LOGIN_CONCURRENCY is wrong: expected 1 to 64"), "{}", text.stdout);
}

#[tokio::test]
async fn doctor_says_what_is_wrong_and_what_to_do() {
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]).await;
    let directory = tempfile::tempdir().unwrap();
    let site = directory.path().join("wrong.toml");
    std::fs::write(&site, "version = 1\n\n[site]\nnme = \"x\"\n").unwrap();
    let mut environment = environment(&redis.url());
    environment.retain(|(name, _)| name != "LATCHKEY_SESSION_KEYS");
    environment.extend(own(&[
        ("LATCHKEY_ADMIN_TOKEN", "short"),
        ("LATCHKEY_SIETS", "x"),
        ("LATCHKEY_SITES", directory.path().to_str().unwrap()),
        ("LATCHKEY_CHROMIUM", "/nonexistent/chromium"),
    ]));

    let text = run(&["doctor"], &environment, "").await;
    let directory = directory.path().to_str().unwrap();

    assert_snapshot!(without_versions(&text.shown().replace(directory, "[sites]")), @"
    exit 1
    fail  variables          LATCHKEY_SIETS is no variable of Latchkey; did you mean LATCHKEY_SITES?
                             -> correct or remove it
    fail  admin token        LATCHKEY_ADMIN_TOKEN is too short: it needs 20 characters; `latchkey-broker keys new --out DIR` writes a good one
                             -> make them with `latchkey-broker keys new --out DIR` and name the files in *_FILE variables
    ok    credentials keys   keys [...]
    fail  session keys       LATCHKEY_SESSION_KEYS is not set: expected key ring of sessions
                             -> make them with `latchkey-broker keys new --out DIR` and name the files in *_FILE variables
    ok    redis              version [...]
    fail  redis eviction     maxmemory-policy is allkeys-lru, which deletes accounts when memory is short
                             -> set `maxmemory-policy noeviction` in redis.conf
    warn  redis persistence  append-only file is off: a crash loses the newest accounts
                             -> set `appendonly yes` in redis.conf
    warn  redis user         is `default`, which may do everything and may have no password
                             -> give the broker an ACL user of its own; compose/ has both users
    ok    redis rights       every command of a broker is allowed
    ok    clock              agrees with that of Redis
    ok    accounts           0 can be read
    fail  chromium           LATCHKEY_CHROMIUM: there is no file /nonexistent/chromium
                             -> install it (Debian: apt install chromium), or set LATCHKEY_CHROMIUM to its path
    fail  site file          [sites]/wrong.toml:3: site.title: is missing; write title = \"In-house chat\" (5 more: `latchkey-broker site check [sites]/wrong.toml` tells them)
                             -> correct that line; shared/sites has complete examples
    ");
}

#[tokio::test]
async fn mistakes_are_told_before_anything_is_done() {
    let broker = Broker::start().await;
    let with_token = own(&[("LATCHKEY_BROKER_URL", &broker.url), ("LATCHKEY_ADMIN_TOKEN", TOKEN)]);
    let wrong_token = own(&[("LATCHKEY_BROKER_URL", &broker.url), ("LATCHKEY_ADMIN_TOKEN", &"x".repeat(20))]);
    let nobody = own(&[("LATCHKEY_BROKER_URL", "http://127.0.0.1:1"), ("LATCHKEY_ADMIN_TOKEN", TOKEN)]);
    let add = |site| ["account", "add", "--username", "alice", "--no-login", "--site", site];

    let mut told = String::new();
    for (arguments, environment, input) in [
        (&add("practise")[..], &with_token, "secret"),
        (&add("open-webui")[..], &with_token, "secret"),
        (&add("practice")[..], &with_token, ""),
        (&["account", "list"][..], &with_token, ""),
        (&["account", "list"][..], &wrong_token, ""),
        (&["account", "list"][..], &nobody, ""),
        (&["account", "list"][..], &vec![], ""),
    ] {
        told += &format!("{}\n\n", run(arguments, environment, input).await.shown());
    }
    let told = told.replace(&sites::built_in().join(", "), "[the built-in sites]");
    assert_snapshot!(told, @"
    exit 1
    stderr: error: no site file describes practise; known are [the built-in sites] (site_unknown)

    exit 1
    stderr: error: site open-webui has no base URL: set it on the broker, LATCHKEY_SITE_URLS=open-webui=https://... (site_without_url)

    exit 1
    stderr: error: no password given: type it, or pipe it in as the first line of standard input

    exit 0
    no accounts yet: add one with `latchkey-broker account add --site SITE --username NAME`

    exit 1
    stderr: error: send the admin token as `Authorization: Bearer ...` (unauthorized)

    exit 1
    stderr: error: cannot reach the broker at http://[host]/: no connection; start it with `latchkey-broker serve`, or set LATCHKEY_BROKER_URL

    exit 1
    stderr: error: LATCHKEY_ADMIN_TOKEN is not set: expected bearer token of the admin API; at least 20 characters
    ");
}

/// Versions of Chromium and Redis, ids of keys, and where Chromium is.
fn without_versions(text: &str) -> String {
    let line = |line: &str| {
        for before in ["  keys ", "  version "] {
            if let Some((start, _)) = line.split_once(before) {
                return format!("{start}{before}[...]");
            }
        }
        match (line.split_once("  Chrom"), line.rsplit_once(" at /")) {
            (Some((start, _)), Some(_)) => format!("{start}  [version] at [path]"),
            _ => line.to_owned(),
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
