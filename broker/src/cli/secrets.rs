//! Passwords and TOTP seeds: asked for on a terminal, read from standard input otherwise, never an argument.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context as _, ensure};
use secrecy::SecretString;

/// More is no password.
const LONGEST: u64 = 8 * 1024;

/// What is typed besides the username.
pub(super) struct Secrets {
    pub(super) password: SecretString,
    pub(super) totp_seed: Option<SecretString>,
}

/// Asks for them, or reads two lines: the password, and the seed if there is one.
pub(super) fn read() -> anyhow::Result<Secrets> {
    let (password, seed) = if io::stdin().is_terminal() { ask()? } else { lines(io::stdin().lock())? };
    ensure!(
        !password.is_empty(),
        "no password given: type it, or pipe it in as the first line of standard input"
    );
    let totp_seed = (!seed.trim().is_empty()).then(|| seed.into());
    Ok(Secrets { password: password.into(), totp_seed })
}

fn ask() -> anyhow::Result<(String, String)> {
    let password = rpassword::prompt_password("Password: ").context("cannot ask for the password")?;
    let seed = rpassword::prompt_password("TOTP seed (empty if the site asks for no codes): ")
        .context("cannot ask for the TOTP seed")?;
    Ok((password, seed))
}

fn lines(input: impl BufRead) -> anyhow::Result<(String, String)> {
    let mut lines = input.take(LONGEST).lines();
    let mut line = || lines.next().transpose().context("cannot read standard input");
    Ok((line()?.unwrap_or_default(), line()?.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password_and_the_second_the_seed() {
        let read = |text: &str| lines(text.as_bytes()).unwrap();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());

        assert_eq!(read("pass word \nSEED\n"), pair("pass word ", "SEED"));
        assert_eq!(read("only"), pair("only", ""));
        assert_eq!(read(""), pair("", ""));
    }
}
