//! Takes a session that an operator gives: under the account's lock, proved like any other, then sealed and published.
//!
//! One that the site refuses changes nothing: the account stands where it stood, and an earlier session serves on.

use std::sync::atomic::AtomicBool;

use latchkey_shared::{
    account::{Account, Rung, SessionOrigin},
    credentials::Credentials,
    session::Session,
    site::Site,
    store::LoginLock,
    time::Timestamp,
};
use tokio::time::Instant;

use super::{
    FailureCode, LoginAttempt, LoginContext, LoginFailure, ProvedSession, Trigger,
    failure::LoginError,
    login_hold::LoginHold,
    probe, renew,
    renewal::{FetchedSession, RenewalOutcome},
    session_import::{Completeness, ImportMistake, SessionImport},
};

/// Why a given session is not the account's.
#[derive(Debug)]
pub(crate) enum ImportError {
    /// It is none of this site.
    Mistake(ImportMistake),
    /// The site does not know it; what the probe met.
    Refused(String),
    /// It could not be proved or published.
    Failure(LoginFailure),
}

/// A given session that is the account's now.
#[derive(Debug)]
pub(crate) struct Imported {
    /// Its generation.
    pub(crate) generation: u64,
    /// What can bring the next one, the first tried first; empty where only an operator can.
    pub(crate) renewed_by: Vec<Rung>,
}

/// Proves a given session and publishes it; `until` is when the operator says that it ends.
///
/// # Errors
/// Why it is not the account's session.
pub(crate) async fn import(
    context: &LoginContext,
    account: &Account,
    site: &Site,
    given: &SessionImport,
    until: Option<Timestamp>,
) -> Result<Imported, ImportError> {
    let state = given.state(site)?;
    let holds = given.holds(site, &state)?;
    let hold = LoginHold::take(&context.store, account, context.browser.tasks()).await?;
    let mut attempt = LoginAttempt {
        context,
        account,
        site,
        trigger: Trigger::Operator,
        report: &|_| {},
        began: Instant::now(),
        browsed: AtomicBool::new(false),
        password_typed: false,
        credentials_version: 0,
    };
    let taking = attempt.take(hold.lock(), given, state, holds, until);
    let outcome = hold.keep(Box::pin(taking)).await.unwrap_or_else(|lost| Err(lost.into()));
    match &outcome {
        Ok(_) => hold.release().await,
        Err(_) => hold.undo().await,
    }
    outcome
}

impl LoginAttempt<'_> {
    async fn take(
        &mut self,
        lock: &LoginLock,
        import: &SessionImport,
        state: Session,
        holds: Completeness,
        until: Option<Timestamp>,
    ) -> Result<Imported, ImportError> {
        let credentials = self.credentials().await?;
        let state = match holds {
            Completeness::Enough => state,
            Completeness::Less(missing) => self.complete(import, &state, &missing).await?,
        };
        let session = import.session(self.site, &state, until)?;
        let evidence = probe::check(&self.context.http, self.site, &session, credentials.as_ref()).await?;
        let kept = self.keeps_state().then_some(&state).filter(|_| import.origin() == SessionOrigin::Import);
        let renewed_by = self.ways_on(kept, credentials.as_ref());
        let new =
            ProvedSession { session: &session, state: kept, origin: import.origin(), rung: None, evidence };
        self.publish(lock, new).await?;
        Ok(Imported { generation: lock.generation, renewed_by })
    }

    /// Has the site's renewal bring what the given session lacks.
    async fn complete(
        &self,
        import: &SessionImport,
        state: &Session,
        missing: &str,
    ) -> Result<Session, ImportError> {
        let Some(rule) = &self.site.refresh.http else { return Ok(state.clone()) };
        match renew::renew(&self.context.http, self.site, rule, state).await? {
            RenewalOutcome::Up(fetched) => {
                let FetchedSession { state, .. } = *fetched;
                Ok(state)
            }
            RenewalOutcome::Refused(why) => {
                let what = format!("it holds no {missing}, and [refresh.http] brings none: {why}");
                Err(import.mistake(what).into())
            }
        }
    }

    /// The rungs that can lead to the next session.
    fn ways_on(&self, kept: Option<&Session>, credentials: Option<&Credentials>) -> Vec<Rung> {
        let refresh = &self.site.refresh;
        let over_http = kept.zip(refresh.http.as_ref()).is_some_and(|(kept, rule)| {
            renew::build(&self.context.http, self.site, &rule.request, kept).is_some()
        });
        let restored = kept.is_some() && refresh.restore && self.sign().is_some();
        let typed = credentials.is_some() && !self.site.login.is_given();
        let ways = [(Rung::Http, over_http), (Rung::Restored, restored), (Rung::Recipe, typed)];
        ways.into_iter().filter(|(_, leads_on)| *leads_on).map(|(rung, _)| rung).collect()
    }
}

impl ImportError {
    /// What logs and audit say of it: a code, never what was given.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Mistake(_) => "invalid_request",
            Self::Refused(_) => FailureCode::ProbeFailed.as_str(),
            Self::Failure(failure) => failure.code.as_str(),
        }
    }
}

impl From<ImportMistake> for ImportError {
    fn from(diagnostic: ImportMistake) -> Self {
        Self::Mistake(diagnostic)
    }
}

impl From<LoginError> for ImportError {
    fn from(error: LoginError) -> Self {
        match error.code {
            FailureCode::ProbeFailed => Self::Refused(error.what),
            _ => Self::Failure(error.into()),
        }
    }
}
