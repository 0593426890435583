//! Secrets that are typed at a real terminal are asked for, and not shown.

use std::{process::Stdio, time::Duration};

use support::practice::{PASSWORD, TOTP_SEED};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdout, Command},
    time::timeout,
};

use super::{account::broker_with_practice, binary, run};

const SOON: Duration = Duration::from_secs(20);

/// Reads on until the screen ends so.
async fn until(stdout: &mut ChildStdout, screen: &mut String, end: &str) {
    let shown = timeout(SOON, async {
        while !screen.trim_end().ends_with(end) {
            let mut some = [0; 1024];
            let count = stdout.read(&mut some).await.unwrap();
            assert!(count > 0, "the terminal is closed: {screen}");
            screen.push_str(&String::from_utf8_lossy(&some[..count]));
        }
    });
    assert!(shown.await.is_ok(), "{end:?} is not shown: {screen}");
}

#[tokio::test]
async fn a_password_and_a_seed_are_typed_unseen() {
    let (_practice, _broker, environment) = broker_with_practice().await;
    let command = format!("{} account add --site practice --username alice --no-login", binary().display());
    // util-linux's `script` gives a command a terminal of its own.
    let mut child = Command::new("script")
        .args(["--quiet", "--flush", "--return", "--command", &command, "/dev/null"])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .envs(environment.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut screen = String::new();

    until(&mut stdout, &mut screen, "Password:").await;
    stdin.write_all(format!("{PASSWORD}\n").as_bytes()).await.unwrap();
    until(&mut stdout, &mut screen, "(empty if the site asks for no codes):").await;
    stdin.write_all(format!("{TOTP_SEED}\n").as_bytes()).await.unwrap();
    until(&mut stdout, &mut screen, "(alice at practice)").await;

    assert!(timeout(SOON, child.wait()).await.unwrap().unwrap().success());
    assert!(!screen.contains(PASSWORD) && !screen.contains(TOTP_SEED), "{screen}");
    let shown = run(&["account", "show", "alice"], &environment, "").await;
    assert!(shown.stdout.contains("credentials   version 1"), "{}", shown.stdout);
}
