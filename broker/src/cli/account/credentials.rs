//! `account credentials`.

use std::process::ExitCode;

use anyhow::ensure;
use latchkey_shared::account::Account;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{arguments::CredentialsArguments, login};
use crate::cli::{
    client::BrokerClient,
    output::Output,
    secrets::{self, SecretChanges, SecretInputs},
};

/// Stores what is typed, and signs in with it.
pub(super) async fn run(
    client: &BrokerClient,
    given: &CredentialsArguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    // Before anything is asked over the network: what is typed ahead meanwhile would be shown.
    let body = read(given)?;
    let Account { id, label, site, .. } = client.find(&given.account).await?.account;
    let version = client.replace_credentials(id, &body).await?;
    let stored = format!("stored credentials of {label} at {site}: version {version}");
    if given.no_login {
        output.answer(&json!({ "id": id, "version": version }), || stored)?;
        return Ok(ExitCode::SUCCESS);
    }
    output.show(&format!("{stored}\n"))?;
    // Its label may be another's too.
    let account = client.find(&id.to_string()).await?.account;
    login::run(client, &account, output).await
}

fn read(given: &CredentialsArguments) -> anyhow::Result<Map<String, Value>> {
    let picture = given.seed.totp_picture.as_deref();
    let (password, seed) = match &given.username {
        Some(_) => {
            let SecretInputs { password, totp_seed } = secrets::read(picture)?;
            (Some(password), totp_seed)
        }
        None => {
            let SecretChanges { password, totp_seed } = secrets::read_changed(picture)?;
            (password, totp_seed)
        }
    };
    let mut body = Map::new();
    let mut set = |name: &str, value: &str| body.insert(name.to_owned(), value.into());
    if let Some(username) = &given.username {
        set("username", username);
    }
    if let Some(password) = &password {
        set("password", password.expose_secret());
    }
    if let Some(seed) = &seed {
        set("totp_seed", seed.expose_secret());
    }
    ensure!(seed.is_none() || !given.no_totp, "a TOTP seed besides --no-totp: give one of them");
    if given.no_totp {
        body.insert("totp_seed".to_owned(), Value::Null);
    }
    ensure!(
        !body.is_empty(),
        "nothing given: type the new password, or pipe it in as the first line of standard input"
    );
    Ok(body)
}
