//! One of our commands, run to its end or killed on the way.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

use crate::binaries;

/// What a command did.
#[derive(Clone, Debug)]
pub struct CommandOutput {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// What it said.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl CommandOutput {
    /// All of it, for a snapshot.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut text = format!("exit {}", self.code);
        for (name, stream) in [("", &self.stdout), ("stderr: ", &self.stderr)] {
            if !stream.is_empty() {
                text += &format!("\n{name}{}", stream.trim_end());
            }
        }
        text
    }
}

/// Runs a binary with these arguments and this standard input, and nothing of this process's environment.
///
/// # Panics
/// When it does not end in time.
pub async fn run(
    name: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
    limit: Duration,
) -> CommandOutput {
    let mut child = start(name, arguments, environment);
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may be gone already.
    stdin.write_all(input.as_bytes()).await.ok();
    drop(stdin);
    let output = tokio::time::timeout(limit, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("{name} {arguments:?} does not end")).unwrap();
    CommandOutput {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts a binary, to be killed on the way.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn start(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Child {
    Command::new(binaries::path(name))
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
