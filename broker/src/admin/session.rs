//! A session that an operator gives to an account: it goes in, is proved, and never comes out.

use axum::{Json, extract::State};
use latchkey_shared::{account, account::Rung, time::Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    accounts::{self, AccountView},
    auth::AdminAuth,
    body::FieldBody,
    found::ReadableAccount,
    problem::Problem,
};
use crate::{
    audit, due,
    login::{
        FailureCode,
        import::ImportError,
        session_import::{SessionImport, StorageState},
    },
    state::App,
};

/// `PUT /v1/accounts/{id}/session`: one of the forms, and when it ends if the operator knows.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "GivenSession")]
#[serde(deny_unknown_fields)]
pub(super) struct SessionBody {
    /// A token, sent as `Authorization: Bearer`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    bearer: Option<SecretString>,
    /// The value of a `Cookie` header.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    cookies: Option<SecretString>,
    /// What Playwright's `storageState` writes: cookies, and localStorage by origin; what is not the site's is left.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>", extend("writeOnly" = true))]
    storage_state: Option<StorageState>,
    /// A key of the site's API; it has no end unless it or `expires_at` says so.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    api_key: Option<SecretString>,
    /// When it ends; an earlier end that it says itself, or that the site file says, counts all the same.
    expires_at: Option<Timestamp>,
}

/// The account with its new session.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "AccountGiven")]
pub(crate) struct ImportedView {
    /// The account.
    #[serde(flatten)]
    pub(crate) account: AccountView,
    /// What can bring the next session, the first tried first; empty where only an operator can.
    pub(crate) renewed_by: Vec<Rung>,
}

impl SessionBody {
    fn check(self) -> Result<(SessionImport, Option<Timestamp>), Problem> {
        let forms = [
            self.bearer.map(SessionImport::Bearer),
            self.cookies.map(SessionImport::Cookies),
            self.storage_state.map(SessionImport::StorageState),
            self.api_key.map(SessionImport::ApiKey),
        ];
        let mut given = forms.into_iter().flatten();
        let first = given.next().ok_or_else(|| {
            Problem::invalid("body", "expected one of bearer, cookies, storage_state and api_key")
        })?;
        if let Some(second) = given.next() {
            let what = format!("there is {} already; give one of them", first.form());
            return Err(Problem::invalid(second.form(), what));
        }
        if self.expires_at.is_some_and(|end| end <= Timestamp::now()) {
            return Err(Problem::invalid("expires_at", "it has passed; expected a time to come"));
        }
        Ok((first, self.expires_at))
    }
}

/// Proves the session and makes it the account's. One that is refused changes nothing.
pub(super) async fn give(
    AdminAuth(actor): AdminAuth,
    ReadableAccount(account): ReadableAccount,
    State(app): State<App>,
    FieldBody(body): FieldBody<SessionBody>,
) -> Result<Json<ImportedView>, Problem> {
    if account.state == account::State::Disabled {
        return Err(Problem::AccountDisabled(account.id, account.state));
    }
    let site = accounts::site(&app.catalog, &account.site)?;
    let (given, until) = body.check()?;
    let form = given.form();
    let taken = match app.operations.import(&account, &site, &given, until).await {
        Ok(taken) => taken,
        Err(refusal) => {
            tracing::info!(account.id = %account.id, session.form = form, reason = refusal.code(), "a given session was refused");
            if matches!(refusal, ImportError::Refused(_)) {
                let detail = format!("{form} {}", refusal.code());
                audit::record(&app.store, actor, "session.refused", account.id, &detail).await;
            }
            return Err(problem(form, refusal));
        }
    };
    tracing::info!(account.id = %account.id, session.form = form, session.generation = taken.generation, "a session was given");
    let detail = format!("session {} {form}", taken.generation);
    audit::record(&app.store, actor, "session.given", account.id, &detail).await;
    due::plan(&app.store, account.id).await;
    let now = app.store.account(account.id).await?;
    let account = now.ok_or_else(|| Problem::AccountNotFound(account.id.to_string()))?;
    let leases = app.store.leases(account.id).await?;
    Ok(Json(ImportedView { account: AccountView { account, leases }, renewed_by: taken.renewed_by }))
}

fn problem(form: &'static str, refusal: ImportError) -> Problem {
    let failure = match refusal {
        ImportError::Mistake(mistake) => return Problem::invalid(mistake.field, mistake.message),
        ImportError::Refused(what) => return Problem::SessionRefused { field: form, what },
        ImportError::Failure(failure) => failure,
    };
    match failure.code {
        FailureCode::AlreadyRunning | FailureCode::Superseded => Problem::LoginRunning,
        FailureCode::StoreUnavailable => Problem::StoreUnavailable,
        _ => Problem::SessionUnproved(failure.message),
    }
}
