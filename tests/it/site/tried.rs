//! `site try`: signs in with real Chromium, has the real adapter ask, and shows what came of what.

use insta::assert_snapshot;
use support::{
    binaries,
    model::Reply,
    practice::{PASSWORD, Practice, PracticeOptions, TOTP_SEED},
};

use crate::{
    admin::broker::own,
    cli::{CliOutput, run},
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/sites/practice.toml");

async fn tried(practice: &Practice, more: &[&str], input: &str) -> CliOutput {
    // It is started beside the broker: an old one would answer in its stead.
    let _ = binaries::path("latchkey-adapter");
    let mut arguments = vec!["site", "try", FILE, "--url", practice.url.as_str(), "--username", "alice"];
    arguments.extend(more);
    run(&arguments, &own(&[("LATCHKEY_CHROMIUM_SANDBOX", "off")]), input).await
}

/// Without times and ports.
fn plain(ran: &CliOutput) -> String {
    let words = |line: &str| {
        let is_number = |word: &str| word.parse::<f64>().is_ok();
        let mut words: Vec<&str> = line.split(' ').collect();
        for word in &mut words {
            if word.contains('.') && is_number(word) {
                *word = "[n]";
            }
        }
        words.retain(|word| !word.is_empty());
        match words.join(" ").split_once("\"created\":") {
            Some((before, after)) => {
                format!(
                    "{before}\"created\":[n]{}",
                    after.trim_start_matches(|letter: char| letter.is_ascii_digit())
                )
            }
            None => words.join(" "),
        }
    };
    ran.shown().lines().map(words).collect::<Vec<_>>().join("\n")
}

async fn practice() -> Practice {
    Practice::start(PracticeOptions { totp_seed: Some(TOTP_SEED.to_owned()), ..PracticeOptions::default() })
        .await
}

#[tokio::test]
async fn try_shows_each_step_each_event_and_the_whole_answer() {
    let practice = practice().await;
    practice.model().will(Reply::pieces(&["Hel", "lo."]));
    let pictures = tempfile::tempdir().unwrap();
    let directory = pictures.path().join("pictures");

    let ran = tried(
        &practice,
        &["--question", "Say hello", "--screenshots", directory.to_str().unwrap()],
        &format!("{PASSWORD}\n{TOTP_SEED}\n"),
    )
    .await;

    assert_snapshot!(plain(&ran), @r#"
    exit 0
    signing in alice at practice (http://[host]/)
    wait its turn and the browser [secs]
    1/7 goto http://[host]/login [secs]
    2/7 fill input[name=username] [secs]
    3/7 fill input[name=password] [secs]
    4/7 click button[type=submit] [secs]
    5/7 totp input[name=code] [secs]
    6/7 click button[type=submit] [secs]
    7/7 wait_for visible #chat [secs]
    capture the session [secs]
    probe the site's API [secs]
    signed in; the probe was answered {"username":"alice"}

    asking: Say hello
    model practice-1, of practice-1
    [n] [n] POST /api/chat/completions: 200
    [n] [n] data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":null,"index":0}],"created":[n],"id":"chatcmpl-practice","model":"practice-1","object":"chat.completion.chunk"}
    -> nothing
    [n] [n] data: {"choices":[{"delta":{"content":"Hel"},"finish_reason":null,"index":0}],"created":[n],"id":"chatcmpl-practice","model":"practice-1","object":"chat.completion.chunk"}
    -> text "Hel"
    [n] [n] data: {"choices":[{"delta":{"content":"lo."},"finish_reason":null,"index":0}],"created":[n],"id":"chatcmpl-practice","model":"practice-1","object":"chat.completion.chunk"}
    -> text "lo."
    [n] [n] data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"created":[n],"id":"chatcmpl-practice","model":"practice-1","object":"chat.completion.chunk"}
    -> finish "stop"
    [n] [n] data: {"choices":[],"created":[n],"id":"chatcmpl-practice","model":"practice-1","object":"chat.completion.chunk","usage":{"completion_tokens":1,"prompt_tokens":2,"total_tokens":3}}
    -> usage "2 + 1 tokens"
    [n] [n] data: [DONE]
    -> nothing

    the whole answer:
    Hello.

    first token [n] s, total [n] s, ended with stop
    "#);
    let taken = std::fs::read_dir(&directory).unwrap().count();
    assert!(taken >= 6, "{taken} pictures");
    for parts in practice.issued() {
        for secret in [&parts.cookie, &parts.token] {
            assert!(!ran.stdout.contains(secret.as_str()), "a secret is shown");
        }
    }
}

#[tokio::test]
async fn try_with_a_wrong_password_names_the_step_the_remedy_and_a_picture() {
    let practice = practice().await;

    let ran = tried(&practice, &[], "wrong-horse\n").await;

    assert_eq!(ran.code, 3, "{}", ran.shown());
    assert!(ran.stdout.contains("login failed: credentials_rejected"), "{}", ran.stdout);
    assert!(ran.stdout.contains("line 27 of the site file: totp input[name=code]"), "{}", ran.stdout);
    let picture = ran.stdout.lines().find_map(|line| line.trim().strip_prefix("screenshot: ")).unwrap();
    assert!(std::fs::metadata(picture).unwrap().len() > 1000);
    std::fs::remove_file(picture).unwrap();
}

#[tokio::test]
async fn try_of_a_chat_that_fails_says_what_to_do_about_it() {
    let practice = practice().await;
    let secrets = format!("{PASSWORD}\n{TOTP_SEED}\n");
    practice.model().will(Reply::pieces(&["Hel"]).cut());

    let cut = tried(&practice, &["--question", "Say hello"], &secrets).await;

    assert_eq!(cut.code, 4, "{}", cut.shown());
    assert!(cut.stdout.contains("no answer: cut\n"), "{}", cut.stdout);
    assert!(cut.stdout.contains("  -> compare the rule that means"), "{}", cut.stdout);
}
