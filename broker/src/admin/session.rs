//! A session that an operator gives to an account: it goes in, is proved, and never comes out.

use axum::{Json, extract::State};
use latchkey_shared::{account, account::Rung, time::Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    accounts::{self, AccountView},
    auth::Admin,
    body::Body,
    found::Sound,
    problem::Problem,
};
use crate::{
    audit,
    login::{
        Code,
        give::Refusal,
        given::{Given, StorageState},
    },
    refresh,
    state::App,
};

/// `PUT /v1/accounts/{id}/session`: one of the forms, and when it ends if the operator knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenSession {
    bearer: Option<SecretString>,
    cookies: Option<SecretString>,
    storage_state: Option<StorageState>,
    api_key: Option<SecretString>,
    expires_at: Option<Timestamp>,
}

/// The account with its new session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct GivenView {
    /// The account.
    #[serde(flatten)]
    pub(crate) account: AccountView,
    /// What can bring the next session, the first tried first; empty where only an operator can.
    pub(crate) renewed_by: Vec<Rung>,
}

impl GivenSession {
    fn check(self) -> Result<(Given, Option<Timestamp>), Problem> {
        let forms = [
            self.bearer.map(Given::Bearer),
            self.cookies.map(Given::Cookies),
            self.storage_state.map(Given::StorageState),
            self.api_key.map(Given::ApiKey),
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
    Admin(actor): Admin,
    Sound(account): Sound,
    State(app): State<App>,
    Body(body): Body<GivenSession>,
) -> Result<Json<GivenView>, Problem> {
    if account.state == account::State::Disabled {
        return Err(Problem::AccountDisabled(account.id, account.state));
    }
    let site = accounts::site(&app.catalog, &account.site)?;
    let (given, until) = body.check()?;
    let form = given.form();
    let taken = match app.operations.give(&account, &site, &given, until).await {
        Ok(taken) => taken,
        Err(refusal) => {
            tracing::info!(account.id = %account.id, session.form = form, reason = refusal.code(), "a given session was refused");
            if matches!(refusal, Refusal::Refused(_)) {
                let detail = format!("{form} {}", refusal.code());
                audit::record(&app.store, actor, "session.refused", account.id, &detail).await;
            }
            return Err(problem(form, refusal));
        }
    };
    tracing::info!(account.id = %account.id, session.form = form, session.generation = taken.generation, "a session was given");
    let detail = format!("session {} {form}", taken.generation);
    audit::record(&app.store, actor, "session.given", account.id, &detail).await;
    refresh::plan(&app.store, account.id).await;
    let now = app.store.account(account.id).await?;
    let account = now.ok_or_else(|| Problem::AccountNotFound(account.id.to_string()))?;
    let leases = app.store.leases(account.id).await?;
    Ok(Json(GivenView { account: AccountView { account, leases }, renewed_by: taken.renewed_by }))
}

fn problem(form: &'static str, refusal: Refusal) -> Problem {
    let failure = match refusal {
        Refusal::Mistake(mistake) => return Problem::invalid(mistake.field, mistake.message),
        Refusal::Refused(what) => return Problem::SessionRefused { field: form, what },
        Refusal::Failure(failure) => failure,
    };
    match failure.code {
        Code::AlreadyRunning | Code::Superseded => Problem::LoginRunning,
        Code::StoreUnavailable => Problem::StoreUnavailable,
        _ => Problem::SessionUnproved(failure.message),
    }
}
