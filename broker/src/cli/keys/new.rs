//! Makes the secrets of a deployment, each in a file that only its owner reads.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_shared::vault::KeyRing;
use rand::{TryRng, rngs::SysRng};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::Output;

/// A file of `keys new`, and the variable that names it.
#[derive(Debug, Serialize)]
struct KeyFile {
    file: &'static str,
    variable: &'static str,
    reader: &'static str,
}

const FILES: [KeyFile; 4] = [
    KeyFile { file: "credentials.keys", variable: "LATCHKEY_CREDENTIALS_KEYS_FILE", reader: "broker" },
    KeyFile { file: "session.keys", variable: "LATCHKEY_SESSION_KEYS_FILE", reader: "broker, adapters" },
    KeyFile { file: "admin.token", variable: "LATCHKEY_ADMIN_TOKEN_FILE", reader: "broker, CLI" },
    KeyFile { file: "shared.secret", variable: "LATCHKEY_SHARED_SECRETS_FILE", reader: "adapters, new-api" },
];

pub(super) fn write_new(out: &Path, output: &Output) -> anyhow::Result<ExitCode> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(out)
        .with_context(|| format!("cannot make {}", out.display()))?;
    for KeyFile { file, .. } in &FILES {
        let path = out.join(file);
        ensure!(
            !path.exists(),
            "{} is there already: what it sealed would be lost; choose another --out",
            path.display()
        );
    }
    for KeyFile { file, .. } in &FILES {
        let secret = if file.ends_with(".keys") { KeyRing::generate() } else { random_word()? };
        write_secret(&out.join(file), &secret)?;
    }
    output.answer(&FILES, || text(out))?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever loses the race for the file gets an error, never the other's file.
fn write_secret(path: &Path, secret: &SecretString) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    writeln!(file, "{}", secret.expose_secret()).with_context(|| format!("cannot write {}", path.display()))
}

fn random_word() -> anyhow::Result<SecretString> {
    let mut bytes = [0_u8; 32];
    SysRng.try_fill_bytes(&mut bytes).context("the operating system gives no randomness")?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes).into())
}

fn text(out: &Path) -> String {
    let mut text = format!("wrote 4 secrets to {}, readable by you alone\n\n", out.display());
    for KeyFile { file, variable, reader } in &FILES {
        text += &format!("{reader:<18} {variable}={}\n", out.join(file).display());
    }
    text + "\nKeep a copy of credentials.keys: without it, stored passwords are lost.\n"
}
