//! Passwords and TOTP seeds: asked for on a terminal, read from standard input otherwise, never an argument.

use std::{
    io::{self, BufRead, IsTerminal},
    path::Path,
};

use anyhow::{Context as _, ensure};
use latchkey_shared::terminal::EchoOff;
use secrecy::{ExposeSecret, SecretString};

mod otpauth;
mod picture;

/// More is no password.
const LONGEST: u64 = 8 * 1024;

/// What is typed besides the username.
pub(super) struct SecretInputs {
    pub(super) password: SecretString,
    pub(super) totp_seed: Option<SecretString>,
}

/// What of it changes.
pub(super) struct SecretChanges {
    pub(super) password: Option<SecretString>,
    pub(super) totp_seed: Option<SecretString>,
}

/// How the seed is asked for: what an empty line means.
const SEED: &str = "TOTP seed (empty if the site asks for no codes)";
const SEED_STAYS: &str = "TOTP seed or otpauth:// address (empty to keep the stored one)";

/// Asks for them, or reads two lines: the password, and the seed if there is one. A picture of the QR code stands for
/// the seed.
pub(super) fn read(picture: Option<&Path>) -> anyhow::Result<SecretInputs> {
    let [password, seed] = answers(["Password", SEED], picture)?;
    let password =
        password.context("no password given: type it, or pipe it in as the first line of standard input")?;
    Ok(SecretInputs { password, totp_seed: seed })
}

/// The same of an account that has credentials: what is left empty stays.
pub(super) fn read_changed(picture: Option<&Path>) -> anyhow::Result<SecretChanges> {
    let [password, totp_seed] =
        answers(["New password (empty to keep the stored one)", SEED_STAYS], picture)?;
    Ok(SecretChanges { password, totp_seed })
}

/// One secret that is a line.
pub(super) fn ask(name: &str) -> anyhow::Result<SecretString> {
    let asked = EchoOff::begin().and_then(|mut unseen| unseen.ask(name));
    asked.with_context(|| format!("cannot ask for the {name}"))
}

/// Password and seed; `None` for what was left empty.
fn answers(prompts: [&str; 2], picture: Option<&Path>) -> anyhow::Result<[Option<SecretString>; 2]> {
    // Before anything is typed: a picture that cannot be read is told first.
    let pictured = picture.map(picture::seed).transpose()?;
    let [password, seed] = if io::stdin().is_terminal() {
        typed(prompts, pictured.is_none())?
    } else {
        lines(io::stdin().lock())?
    };
    ensure!(
        pictured.is_none() || seed.expose_secret().trim().is_empty(),
        "a TOTP seed besides --totp-picture: give one of them"
    );
    let given = |secret: SecretString| (!secret.expose_secret().trim().is_empty()).then_some(secret);
    let seed = given(seed).map(|seed| otpauth::seed_of(&seed)).transpose()?;
    Ok([Some(password).filter(|password| !password.expose_secret().is_empty()), pictured.or(seed)])
}

fn typed(prompts: [&str; 2], asks_for_seed: bool) -> anyhow::Result<[SecretString; 2]> {
    let mut unseen = EchoOff::begin().context("cannot ask for the password")?;
    let password = unseen.ask(prompts[0]).context("cannot ask for the password")?;
    let seed = match asks_for_seed {
        true => unseen.ask(prompts[1]).context("cannot ask for the TOTP seed")?,
        false => SecretString::default(),
    };
    Ok([password, seed])
}

fn lines(input: impl BufRead) -> anyhow::Result<[SecretString; 2]> {
    let mut lines = input.take(LONGEST).lines();
    let mut line = || lines.next().transpose().context("cannot read standard input");
    Ok([line()?.unwrap_or_default().into(), line()?.unwrap_or_default().into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password_and_the_second_the_seed() {
        let read = |text: &str| lines(text.as_bytes()).unwrap().map(|line| line.expose_secret().to_owned());

        assert_eq!(read("pass word \nSEED\n"), ["pass word ", "SEED"]);
        assert_eq!(read("only"), ["only", ""]);
        assert_eq!(read(""), ["", ""]);
    }
}
