//! Credentials: they go in, and only their version comes out.

use axum::{Json, extract::State};
use latchkey_shared::{
    account::{Account, Transition, TransitionCause},
    credentials::Credentials,
    store::{AccountChange, ReplaceOutcome},
    time::Timestamp,
    vault::RecordOwner,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    accounts,
    auth::AdminAuth,
    body::{FieldBody, given},
    found::ReadableAccount,
    problem::Problem,
    valid,
};
use crate::{audit, state::App};

/// Credentials on their way in.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Credentials")]
#[serde(deny_unknown_fields, rename = "Credentials")]
pub(super) struct CredentialsBody {
    #[schemars(length(max = 320))]
    username: String,
    #[schemars(with = "String", length(max = 1024), extend("writeOnly" = true))]
    password: SecretString,
    /// Base32, as the site shows it at enrolment.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    totp_seed: Option<SecretString>,
}

/// Other credentials on their way in: all of them, with their username; without one, what is left out stays.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "OtherCredentials", extend("minProperties" = 1, "dependentRequired" = {"username": ["password"]}))]
#[serde(deny_unknown_fields, rename = "Credentials")]
pub(super) struct OtherCredentials {
    #[schemars(length(max = 320))]
    username: Option<String>,
    #[schemars(with = "Option<String>", length(max = 1024), extend("writeOnly" = true))]
    password: Option<SecretString>,
    /// Base32, as the site shows it at enrolment; null where it asks for no codes.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    totp_seed: Option<Option<SecretString>>,
}

/// What may be known of stored credentials.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct CredentialsVersion {
    pub(crate) version: u64,
}

impl CredentialsBody {
    /// Checks them; `parent` is where they stand in the body.
    pub(super) fn check(self, parent: &str) -> Result<Credentials, Problem> {
        let named = |problem| match problem {
            Problem::InvalidRequest { field, message } => {
                Problem::invalid(format!("{parent}{field}"), message)
            }
            other => other,
        };
        Ok(Credentials {
            username: valid::username(self.username).map_err(named)?,
            password: valid::password(self.password).map_err(named)?,
            totp_seed: self.totp_seed.as_ref().map(valid::totp_seed).transpose().map_err(named)?,
        })
    }
}

impl OtherCredentials {
    /// Checks them, beside what is stored; with the version of what they keep a part of.
    async fn check(self, app: &App, account: &Account) -> Result<(Credentials, Option<u64>), Problem> {
        let Self { username, password, totp_seed } = self;
        if let Some(username) = username {
            let password = password.ok_or_else(|| Problem::invalid("password", "it is missing"))?;
            let body = CredentialsBody { username, password, totp_seed: totp_seed.flatten() };
            return Ok((body.check("")?, None));
        }
        if password.is_none() && totp_seed.is_none() {
            return Err(Problem::invalid(
                "password",
                "it is missing, and so is everything else that may change",
            ));
        }
        let (version, stored) = stored(app, account).await?;
        let totp_seed = match totp_seed {
            Some(changed) => changed.as_ref().map(valid::totp_seed).transpose()?,
            None => stored.totp_seed,
        };
        let password = password.map(valid::password).transpose()?.unwrap_or(stored.password);
        Ok((Credentials { username: stored.username, password, totp_seed }, Some(version)))
    }
}

/// The credentials that an account has, and their version.
async fn stored(app: &App, account: &Account) -> Result<(u64, Credentials), Problem> {
    let Some((version, sealed)) = app.store.credentials(account.id).await? else {
        return Err(Problem::invalid("username", "it is missing, and none is stored"));
    };
    let opened = app.credentials_vault.open(&sealed, RecordOwner::of(account), version).map_err(|error| {
        tracing::warn!(account.id = %account.id, %error, "cannot open the credentials that are to change");
        Problem::invalid("username", "it is missing, and what is stored cannot be opened: give all of them")
    })?;
    Ok((version, opened))
}

/// Seals and stores the next version of an account's credentials, of which a part may be kept from version `base`.
pub(super) async fn put(
    app: &App,
    account: &Account,
    credentials: &Credentials,
    base: Option<u64>,
) -> Result<u64, Problem> {
    let not_found = || Problem::AccountNotFound(account.id.to_string());
    let version = app.store.draw_credentials_version(account.id).await?.ok_or_else(not_found)?;
    let sealed = app.credentials_vault.seal(credentials, RecordOwner::of(account), version);
    match app.store.put_credentials(account.id, version, &sealed, base).await? {
        ReplaceOutcome::Done => Ok(version),
        ReplaceOutcome::Overtaken => Err(Problem::CredentialsChanged),
        ReplaceOutcome::NoAccount => Err(not_found()),
    }
}

/// Replaces an account's credentials, or some of them. A new version may be typed at the site again after a rejected one.
pub(super) async fn replace(
    AdminAuth(actor): AdminAuth,
    ReadableAccount(account): ReadableAccount,
    State(app): State<App>,
    FieldBody(body): FieldBody<OtherCredentials>,
) -> Result<Json<CredentialsVersion>, Problem> {
    let (credentials, base) = body.check(&app, &account).await?;
    let version = put(&app, &account, &credentials, base).await?;
    app.store.reset_failures(account.id).await?;
    let after = accounts::recovered(&account, Timestamp::now());
    let change = AccountChange {
        step: Some(Transition::new(TransitionCause::CredentialsReplaced, after.state, after.reason)),
        refresh_at: Some(after.refresh_at),
        ..AccountChange::default()
    };
    app.store.change_account(account.id, change).await?;
    tracing::info!(account.id = %account.id, version, "credentials replaced");
    let detail = format!("version {version}");
    audit::record(&app.store, actor, "credentials.replaced", account.id, &detail).await;
    Ok(Json(CredentialsVersion { version }))
}
