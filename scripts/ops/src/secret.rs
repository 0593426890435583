//! Secrets: from a file, a terminal, or standard input. Never from an argument, which every process can read.

use std::{
    fs,
    io::{self, BufRead, IsTerminal},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use latchkey_shared::terminal::EchoOff;
use secrecy::{ExposeSecret, SecretString};

/// More is no secret.
const LONGEST: u64 = 8 * 1024;

/// The first line of a file.
///
/// # Errors
/// When the file cannot be read, or is empty.
pub(crate) fn from_file(path: &Path) -> anyhow::Result<SecretString> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    first_line(text.as_bytes()).with_context(|| format!("{} is empty", path.display()))
}

/// The key that is all that a file holds: clients send the file as it is.
///
/// # Errors
/// When the file cannot be read, or holds anything else.
pub(crate) fn alone_in(path: &Path) -> anyhow::Result<SecretString> {
    let text = SecretString::from(
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
    );
    let mut words = text.expose_secret().split_whitespace();
    match (words.next(), words.next()) {
        (Some(key), None) => Ok(key.into()),
        // What else stands there is not repeated: it may be another secret.
        _ => bail!("{}: expected the key alone, in one line", path.display()),
    }
}

/// What is typed, or the first line of standard input.
///
/// # Errors
/// When there is none.
pub(crate) fn asked_for(name: &str) -> anyhow::Result<SecretString> {
    if io::stdin().is_terminal() {
        let typed = EchoOff::begin().and_then(|mut unseen| unseen.ask(name));
        let typed = typed.with_context(|| format!("cannot ask for the {name}"))?;
        return first_line(typed.expose_secret().as_bytes());
    }
    first_line(io::stdin().lock())
        .with_context(|| format!("no {name}: name a file, or pipe it in as the first line"))
}

fn first_line(input: impl BufRead) -> anyhow::Result<SecretString> {
    let mut line = String::new();
    input.take(LONGEST).read_line(&mut line).context("cannot read it")?;
    ensure!(!line.trim().is_empty(), "there is nothing");
    Ok(line.trim().into())
}
