//! `site record`: from nothing to an answer, at the practice site and at one with a chat of its own.

use std::{path::Path, time::Duration};

use latchkey_shared::time::Timestamp;
use support::{
    binaries,
    practice::{PASSWORD, Practice, PracticeOptions, TOTP_SEED},
    wait,
};

use crate::{
    admin::broker::own,
    cli::{CliOutput, run},
};

/// How long one-time codes last (RFC 6238).
const CODE_MILLIS: u64 = 30_000;
const QUESTION: &str = "What is a latchkey?";

/// What a person would do, as steps.
const SCRIPT: &str = r##"
[[login.steps]]
goto = "{base_url}/login"
[[login.steps]]
fill = "input[name=username]"
value = "{username}"
[[login.steps]]
fill = "input[name=password]"
value = "{password}"
[[login.steps]]
click = "button[type=submit]"
[[login.steps]]
totp = "input[name=code]"
[[login.steps]]
click = "button[type=submit]"
[[login.steps]]
wait_for = { visible = "#chat" }
[[login.steps]]
fill = "input[name=message]"
value = "What is a latchkey?"
[[login.steps]]
press = "Enter"
"##;

async fn command(arguments: &[&str], input: &str) -> CliOutput {
    run(arguments, &own(&[("LATCHKEY_CHROMIUM_SANDBOX", "off")]), input).await
}

#[tokio::test]
async fn a_recorded_file_is_right_and_answers() {
    let _ = binaries::path("latchkey-adapter");
    let practice = Practice::start(PracticeOptions {
        totp_seed: Some(TOTP_SEED.to_owned()),
        ..PracticeOptions::default()
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("mine.toml");
    let script = directory.path().join("script.toml");
    std::fs::write(&script, SCRIPT).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let out_path = path(&out);
    let script_path = path(&script);
    let secrets = format!("{PASSWORD}\n{TOTP_SEED}\n");

    let record = ["site", "record", "--url", practice.url.as_str(), "--out", &out_path];
    let scripted = ["--script", &script_path, "--username", "alice"];
    let recorded = command(&[&record[..], &scripted[..]].concat(), &secrets).await;
    assert_eq!(recorded.code, 0, "{}", recorded.shown());
    let checked = command(&["site", "check", &out_path], "").await;
    // The site takes the code of a time step once, and nobody else remembers that the recording typed it.
    let step = || Timestamp::now().millis() / CODE_MILLIS;
    let typed = step();
    wait::until(2 * Duration::from_millis(CODE_MILLIS), || typed < step()).await;
    let tried =
        command(&["site", "try", &out_path, "--username", "alice", "--question", QUESTION], &secrets).await;
    let again = command(&[&record[..], &scripted[..]].concat(), &secrets).await;

    let text = std::fs::read_to_string(&out).unwrap();
    insta::assert_snapshot!(text.replace(practice.url.as_str().trim_end_matches('/'), "[url]"));
    assert_eq!(checked.code, 0, "{}", checked.shown());
    assert_eq!(tried.code, 0, "{}\n{text}", tried.shown());
    assert!(tried.stdout.contains("ended with stop"), "{}", tried.stdout);
    for parts in practice.issued() {
        for secret in [parts.cookie.as_str(), parts.token.as_str(), PASSWORD, TOTP_SEED] {
            assert!(!text.contains(secret) && !recorded.stdout.contains(secret), "a secret is written");
        }
    }
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("is there already: choose another --out"), "{}", again.stderr);
}
