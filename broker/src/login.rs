//! Signing in: the whole corridor from credentials to a published session.
//!
//! One login of an account runs at a time, whatever brokers there are. It publishes a session only after the site's
//! own API accepted it, and it writes down how it ended. A failed one leaves an earlier session serving.

use std::{path::PathBuf, sync::Arc, time::Duration};

use latchkey_shared::{
    account::{Account, LastLogin, SessionOrigin},
    credentials::Credentials,
    session::Session,
    site::Site,
    store::{LoginLock, NewSession, Published, Store, StoreError},
    time::Timestamp,
    vault::{CredentialsVault, SessionVault},
};
use tokio::time::{Instant, sleep};

use crate::browser::{Page, Supervisor};

mod capture;
mod expiry;
mod failure;
mod hold;
mod probe;
mod record;
mod runner;
mod screenshot;
mod totp;

pub use failure::{Code, FailedStep, Failure};
pub(crate) use hold::{CLAIM, settle};

use failure::Trouble;
use hold::Hold;
use runner::Runner;

/// A login is worth more than one try to publish it.
const PUBLISH_TRIES: usize = 3;
const PUBLISH_PAUSE: Duration = Duration::from_secs(1);

/// What every login needs.
pub struct Context {
    /// Where accounts, credentials and sessions are.
    pub store: Store,
    /// Opens credentials.
    pub credentials_vault: Arc<CredentialsVault>,
    /// Seals sessions.
    pub session_vault: Arc<SessionVault>,
    /// Where pages are opened.
    pub browser: Supervisor,
    /// Asks the probe. It must not follow redirects.
    pub http: reqwest::Client,
    /// Where pictures of failures go; without it, none are taken.
    pub artefacts: Option<PathBuf>,
}

/// Where a login is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A step of the recipe begins.
    Step {
        /// Its place, from 1.
        index: usize,
        /// How many there are.
        total: usize,
        /// What it does.
        verb: &'static str,
        /// What it acts on.
        target: String,
    },
    /// The session is taken out of the browser.
    Capturing,
    /// The session is proved on the site's API.
    Probing,
    /// The session is sealed and stored.
    Publishing,
}

/// Hears of progress.
pub type Report<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A login that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Generation of the session.
    pub generation: u64,
    /// Its hard end.
    pub expires_at: Timestamp,
    /// How long the login took.
    pub duration: Duration,
}

/// Signs in with an account and publishes the session; records the outcome in the account.
///
/// # Errors
/// Why there is no new session. The account's state says the same.
pub async fn run(
    context: &Context,
    account: &Account,
    site: &Site,
    report: Report<'_>,
) -> Result<Done, Failure> {
    let began = Instant::now();
    let hold = Hold::take(&context.store, account, context.browser.tasks()).await?;
    let mut attempt = Attempt { context, account, site, report, began, password_typed: false };
    let outcome = match hold.keep(Box::pin(attempt.run(hold.lock()))).await {
        Ok(outcome) => outcome,
        Err(trouble) => Err(trouble.into()),
    };
    match &outcome {
        Ok(done) => {
            let took = done.duration.as_millis();
            tracing::info!(site = %site.name, session.generation = done.generation, login.ms = %took, "signed in");
        }
        Err(failure) => {
            tracing::warn!(site = %site.name, reason = failure.reason(), "login failed: {}", failure.message);
            attempt.record(failure).await;
        }
    }
    hold.release().await;
    outcome
}

/// One login in progress.
struct Attempt<'a> {
    context: &'a Context,
    account: &'a Account,
    site: &'a Site,
    report: Report<'a>,
    began: Instant,
    password_typed: bool,
}

impl Attempt<'_> {
    async fn run(&mut self, lock: &LoginLock) -> Result<Done, Failure> {
        let credentials = self.credentials().await?;
        let session = self.sign_in(&credentials).await?;
        (self.report)(Progress::Probing);
        probe::check(&self.context.http, self.site, &session, &credentials).await?;
        (self.report)(Progress::Publishing);
        self.publish(lock, &session).await?;
        let (generation, expires_at) = (lock.generation, session.expires_at);
        Ok(Done { generation, expires_at, duration: self.began.elapsed() })
    }

    async fn credentials(&self) -> Result<Credentials, Trouble> {
        let id = self.account.id;
        let Some((version, sealed)) = self.context.store.credentials(id).await? else {
            return Err(Trouble::new(Code::NoCredentials, "no credentials are stored"));
        };
        self.context.credentials_vault.open(&sealed, id, version).map_err(|error| {
            Trouble::new(Code::NoCredentials, format!("cannot open credentials of account {id}: {error}"))
        })
    }

    /// From an empty page to a captured session; the page is closed in any case.
    async fn sign_in(&mut self, credentials: &Credentials) -> Result<Session, Failure> {
        let page = self.context.browser.open(capture::watch(self.site)).await.map_err(Trouble::from)?;
        let mut runner = Runner::new(&page, self.site, self.account.id, &self.context.store, credentials);
        let mut outcome = match runner.run(self.report).await {
            Ok(()) => self.capture(&page).await,
            Err(failure) => Err(failure),
        };
        self.password_typed = runner.password_typed();
        if let (Err(failure), Some(directory)) = (&mut outcome, &self.context.artefacts) {
            let (id, code) = (self.account.id, failure.code);
            failure.screenshot = screenshot::take(&page, runner.secrets(), directory, id, code).await;
        }
        page.close().await;
        outcome
    }

    async fn capture(&self, page: &Page) -> Result<Session, Failure> {
        (self.report)(Progress::Capturing);
        Ok(capture::session(page, self.site).await?)
    }

    async fn publish(&self, lock: &LoginLock, session: &Session) -> Result<(), Trouble> {
        let sealed = self.context.session_vault.seal(session, self.account.id, lock.generation);
        let (now, took) = (Timestamp::now(), self.began.elapsed());
        let refresh_at = expiry::refresh_at(now, session.expires_at, took, rand::random());
        let last_login = self.last_login("ok");
        let store = &self.context.store;
        let mut tries = 0;
        let published = loop {
            tries += 1;
            let new = NewSession {
                sealed: &sealed,
                origin: SessionOrigin::Login,
                expires_at: session.expires_at,
                refresh_at: Some(refresh_at),
                last_login: &last_login,
            };
            match store.publish_session(lock, new).await {
                Ok(published) => break published,
                Err(StoreError::Unavailable(_)) if tries < PUBLISH_TRIES => sleep(PUBLISH_PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        };
        match published {
            Published::Done => {
                // Should it fail, the next failure waits longer than it must.
                let _ = store.forget_failures(self.account.id).await;
                Ok(())
            }
            Published::Stale => Err(Trouble::new(
                Code::Superseded,
                "a newer login began, or the account was removed or disabled",
            )),
        }
    }

    /// Writes a failure down, unless the account is another login's business now.
    async fn record(&self, failure: &Failure) {
        if failure.code == Code::Superseded {
            return;
        }
        let last_login = self.last_login(failure.code.as_str());
        let store = &self.context.store;
        let recorded = record::failure(store, self.account, failure, self.password_typed, last_login).await;
        if let Err(error) = recorded {
            tracing::warn!(%error, "cannot record the failed login");
        }
    }

    fn last_login(&self, result: &str) -> LastLogin {
        let duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        LastLogin { at: Timestamp::now(), duration_ms, result: result.to_owned() }
    }
}
