//! Credentials: they go in, and only their version comes out.

use axum::{Json, extract::State};
use latchkey_shared::{
    account::{Cause, Move},
    credentials::Credentials,
    store::AccountChange,
    time::Timestamp,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{accounts, auth::Admin, body::Body, found::Sound, problem::Problem, valid};
use crate::{audit, state::App};

/// Credentials on their way in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Credentials")]
pub(super) struct CredentialsBody {
    username: String,
    password: SecretString,
    totp_seed: Option<SecretString>,
}

/// What may be known of stored credentials.
#[derive(Debug, Serialize)]
pub(super) struct CredentialsVersion {
    version: u64,
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

/// Replaces an account's credentials. A new version may be typed at the site again after a rejected one.
pub(super) async fn replace(
    Admin(actor): Admin,
    Sound(account): Sound,
    State(app): State<App>,
    Body(body): Body<CredentialsBody>,
) -> Result<Json<CredentialsVersion>, Problem> {
    let credentials = body.check("")?;
    let version = accounts::put_credentials(&app, &account, &credentials).await?;
    app.store.forget_failures(account.id).await?;
    let after = accounts::recovered(&account, Timestamp::now());
    let change = AccountChange {
        step: Some(Move::new(Cause::CredentialsReplaced, after.state, after.reason)),
        refresh_at: Some(after.refresh_at),
        ..AccountChange::default()
    };
    app.store.change_account(account.id, change).await?;
    tracing::info!(account.id = %account.id, version, "credentials replaced");
    let detail = format!("version {version}");
    audit::record(&app.store, actor, "credentials.replaced", account.id, &detail).await;
    Ok(Json(CredentialsVersion { version }))
}
