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
    Asked, Attempt, Code, Context, Failure, New,
    failure::Trouble,
    given::{Given, Holds, Mistake},
    hold::Hold,
    probe, renew,
    rung::{Climbed, Fetched},
};

/// Why a given session is not the account's.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is none of this site.
    Mistake(Mistake),
    /// The site does not know it; what the probe met.
    Refused(String),
    /// It could not be proved or published.
    Failure(Failure),
}

/// A given session that is the account's now.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Its generation.
    pub(crate) generation: u64,
    /// What can bring the next one, the first tried first; empty where only an operator can.
    pub(crate) renewed_by: Vec<Rung>,
}

/// Proves a given session and publishes it; `until` is when the operator says that it ends.
///
/// # Errors
/// Why it is not the account's session.
pub(crate) async fn give(
    context: &Context,
    account: &Account,
    site: &Site,
    given: &Given,
    until: Option<Timestamp>,
) -> Result<Taken, Refusal> {
    let state = given.state(site)?;
    let holds = given.holds(site, &state)?;
    let hold = Hold::take(&context.store, account, context.browser.tasks()).await?;
    let mut attempt = Attempt {
        context,
        account,
        site,
        asked: Asked::ByOperator,
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

impl Attempt<'_> {
    async fn take(
        &mut self,
        lock: &LoginLock,
        given: &Given,
        state: Session,
        holds: Holds,
        until: Option<Timestamp>,
    ) -> Result<Taken, Refusal> {
        let credentials = self.credentials().await?;
        let state = match holds {
            Holds::Enough => state,
            Holds::Less(missing) => self.complete(given, &state, &missing).await?,
        };
        let session = given.session(self.site, &state, until)?;
        let evidence = probe::check(&self.context.http, self.site, &session, credentials.as_ref()).await?;
        let kept = self.keeps_state().then_some(&state).filter(|_| given.origin() == SessionOrigin::Import);
        let renewed_by = self.ways_on(kept, credentials.as_ref());
        let new = New { session: &session, state: kept, origin: given.origin(), rung: None, evidence };
        self.publish(lock, new).await?;
        Ok(Taken { generation: lock.generation, renewed_by })
    }

    /// Has the site's renewal bring what the given session lacks.
    async fn complete(&self, given: &Given, state: &Session, missing: &str) -> Result<Session, Refusal> {
        let Some(rule) = &self.site.refresh.http else { return Ok(state.clone()) };
        match renew::climb(&self.context.http, self.site, rule, state).await? {
            Climbed::Up(fetched) => {
                let Fetched { state, .. } = *fetched;
                Ok(state)
            }
            Climbed::Refused(why) => {
                let what = format!("it holds no {missing}, and [refresh.http] brings none: {why}");
                Err(given.mistake(what).into())
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

impl Refusal {
    /// What logs and audit say of it: a code, never what was given.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Mistake(_) => "invalid_request",
            Self::Refused(_) => Code::ProbeFailed.as_str(),
            Self::Failure(failure) => failure.code.as_str(),
        }
    }
}

impl From<Mistake> for Refusal {
    fn from(mistake: Mistake) -> Self {
        Self::Mistake(mistake)
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble.code {
            Code::ProbeFailed => Self::Refused(trouble.what),
            _ => Self::Failure(trouble.into()),
        }
    }
}
