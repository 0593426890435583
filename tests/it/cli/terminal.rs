//! Secrets that are typed at a real terminal are asked for, and not shown.

use support::practice::{PASSWORD, TOTP_SEED};

use super::{account::broker_with_practice, pty::Terminal, run};

const ADD: [&str; 7] = ["account", "add", "--site", "practice", "--username", "alice", "--no-login"];

#[tokio::test]
async fn a_password_and_a_seed_are_typed_unseen() {
    let (_practice, _broker, environment) = broker_with_practice().await;

    let mut terminal = Terminal::start(&ADD, &environment);
    terminal.shows("Password:").await;
    terminal.types(&format!("{PASSWORD}\n"));
    terminal.shows("(empty if the site asks for no codes):").await;
    terminal.types(&format!("{TOTP_SEED}\n"));
    terminal.shows("(alice at practice)").await;

    assert_eq!(terminal.ended().await, Some(0));
    let screen = terminal.screen();
    assert!(!screen.contains(PASSWORD) && !screen.contains(TOTP_SEED), "{screen}");
    let shown = run(&["account", "show", "alice"], &environment, "").await;
    assert!(shown.stdout.contains("credentials   version 1"), "{}", shown.stdout);
}

/// Every command that asks, with what is pasted at once; one that asks for a single secret leaves the rest unread.
#[tokio::test]
async fn what_is_pasted_before_the_prompt_is_out_is_not_shown_either() {
    let (practice, _broker, environment) = broker_with_practice().await;
    let token = practice.sign_in("alice").token;
    let seeded = format!("{PASSWORD}\n{TOTP_SEED}\n");
    let given = format!("{token}\nleft-over-{token}\n");
    let pasted: [(&[&str], &str, &[&str]); 3] = [
        (&ADD, &seeded, &[PASSWORD, TOTP_SEED]),
        (&["account", "credentials", "alice", "--no-login"], &seeded, &[PASSWORD, TOTP_SEED]),
        (&["account", "session", "alice", "--bearer"], &given, &[&token]),
    ];

    for (arguments, typed, secrets) in pasted {
        let mut terminal = Terminal::start_stopped(arguments, &environment);
        // The output stands still: whoever writes the prompt first never gets here.
        terminal.hides().await;
        terminal.types(typed);
        terminal.goes_on();
        assert_eq!(terminal.ended().await, Some(0), "{arguments:?}: {}", terminal.screen());

        for secret in secrets {
            assert!(!terminal.screen().contains(secret), "{arguments:?}: {}", terminal.screen());
        }
        assert!(terminal.echoes(), "{arguments:?}: the terminal is not put back");
    }
    let shown = run(&["account", "show", "alice"], &environment, "").await;
    assert!(shown.stdout.contains("credentials   version 2"), "{}", shown.stdout);
}

#[tokio::test]
async fn a_prompt_that_is_broken_off_puts_the_terminal_back() {
    let (_practice, _broker, environment) = broker_with_practice().await;

    let mut terminal = Terminal::start(&ADD, &environment);
    terminal.shows("Password:").await;
    terminal.types("half-a-pass\u{3}");

    assert_eq!(terminal.ended().await, Some(1), "{}", terminal.screen());
    assert!(terminal.echoes());
    assert!(!terminal.screen().contains("half-a-pass"), "{}", terminal.screen());
    let list = run(&["account", "list"], &environment, "").await;
    assert!(list.stdout.contains("no accounts yet"), "{}", list.stdout);
}
