//! Signing in: the whole corridor from credentials to a published session.
//!
//! One login of an account runs at a time, whatever brokers there are. It publishes a session only after the site's
//! own API accepted it, and it writes down how it ended. A failed one leaves an earlier session serving.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use latchkey_shared::{
    account::{Account, LastLogin, RECENT_LOGINS, Rung, SessionOrigin},
    credentials::Credentials,
    session::Session,
    site::Site,
    store::{BrokerStore, LoginLock, NewSession, Published, StoreError},
    time::Timestamp,
    vault::{CredentialsVault, RecordOwner, SessionVault},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use crate::browser::Supervisor;

mod browser_turn;
mod capture;
mod expiry;
mod failure;
pub(crate) mod import;
mod ledger;
mod login_hold;
mod parts;
mod probe;
mod recipe;
mod record;
mod renew;
mod renewal;
mod runner;
mod screenshot;
pub(crate) mod session_import;
mod strategies;
mod totp;
pub(crate) mod trial;

pub use failure::{FailedStep, FailureCode, LoginError, LoginFailure};
pub(crate) use login_hold::CLAIM;
pub use login_hold::{LoginHold, begin_to_type, recover_interrupted};
pub use record::{TypedSecrets, failure as record_failure};

/// How long a login holds on to what it has to write down while Redis is away: a password that was typed is worth it.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);
/// How long a login waits whose site had its share in this minute, where Redis does not say how much of it is left.
const SPENT: Duration = Duration::from_secs(30);
/// So that not all of them come back at one moment.
const SPENT_SPREAD: Duration = Duration::from_secs(3);

/// What every login needs.
pub struct LoginContext {
    /// Where accounts, credentials and sessions are.
    pub store: BrokerStore,
    /// Opens credentials.
    pub credentials_vault: Arc<CredentialsVault>,
    /// Seals sessions.
    pub session_vault: Arc<SessionVault>,
    /// Where pages are opened.
    pub browser: Supervisor,
    /// Asks the probe. It must not follow redirects.
    pub http: reqwest::Client,
    /// Logins in the browser at once; whoever holds one may open a page.
    pub turns: Semaphore,
    /// Where pictures of failures go; without it, none are taken.
    pub artefacts: Option<PathBuf>,
}

/// Where a login is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginProgress {
    /// It waits for a browser.
    Waiting,
    /// The session is renewed by a request, without a browser.
    Renewing,
    /// A browser is opened with what it kept.
    Restoring,
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

/// Who wants a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// An operator, who sees what comes of it.
    Operator,
    /// Nobody: it was due.
    Scheduled,
}

/// Hears of progress.
pub type ReportProgress<'a> = &'a (dyn Fn(LoginProgress) + Send + Sync);

/// A login that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginDone {
    /// Generation of the session.
    pub generation: u64,
    /// Its hard end.
    pub expires_at: Timestamp,
    /// How it was come by; none where the one that was given works still.
    pub rung: Option<Rung>,
    /// How long the login took.
    pub duration: Duration,
}

impl LoginDone {
    /// How it was come by, in a word.
    pub(crate) fn rung(&self) -> String {
        self.rung.map_or_else(|| "given".to_owned(), |rung| rung.to_string())
    }
}

/// Signs in with an account and publishes the session; records the outcome in the account.
///
/// # Errors
/// Why there is no new session. The account's state says the same.
pub async fn run(
    context: &LoginContext,
    account: &Account,
    site: &Site,
    trigger: Trigger,
    report: ReportProgress<'_>,
) -> Result<LoginDone, LoginFailure> {
    let began = Instant::now();
    let hold = LoginHold::take(&context.store, account, context.browser.tasks()).await?;
    let mut attempt = LoginAttempt {
        context,
        account,
        site,
        trigger,
        report,
        began,
        browsed: AtomicBool::new(false),
        password_typed: false,
        credentials_version: 0,
    };
    let outcome = match hold.keep(Box::pin(attempt.try_strategies(hold.lock()))).await {
        Ok(outcome) => outcome,
        Err(trouble) => Err(trouble.into()),
    };
    match &outcome {
        Ok(done) => {
            let took = done.duration.as_millis();
            tracing::info!(site = %site.name, session.generation = done.generation, login.rung = done.rung(), login.ms = %took, "signed in");
        }
        Err(failure) if failure.code.is_deferral() => {
            tracing::debug!(site = %site.name, "not now: {}", failure.message);
            let since = match failure.code {
                // It would be told the same until then.
                FailureCode::LoginsSpent => {
                    let minute = context.store.logins_left_spent(&site.name).await.unwrap_or(SPENT);
                    Timestamp::now() + minute + SPENT_SPREAD.mul_f64(rand::random())
                }
                // Its place among those that wait is that of its due time.
                _ => account.due_since(Timestamp::now()),
            };
            hold.wait(since).await;
            return outcome;
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
struct LoginAttempt<'a> {
    context: &'a LoginContext,
    account: &'a Account,
    site: &'a Site,
    trigger: Trigger,
    report: ReportProgress<'a>,
    began: Instant,
    /// Whether it has had a browser.
    browsed: AtomicBool,
    password_typed: bool,
    /// Of the credentials that were read; 0 before.
    credentials_version: u64,
}

/// A session that was proved, and what is said of it.
struct ProvedSession<'a> {
    session: &'a Session,
    /// What the browser keeps; `None` where nothing is to be renewed with it.
    state: Option<&'a Session>,
    origin: SessionOrigin,
    /// How it was come by; `None` when it was given.
    rung: Option<Rung>,
    evidence: String,
}

impl LoginAttempt<'_> {
    /// Whether the site has a use for what a browser keeps.
    fn keeps_state(&self) -> bool {
        self.site.refresh.http.is_some() || self.site.refresh.restore
    }

    /// The account's credentials, if it has any; remembers their version.
    async fn credentials(&mut self) -> Result<Option<Credentials>, LoginError> {
        let id = self.account.id;
        let Some((version, sealed)) = self.context.store.credentials(id).await? else { return Ok(None) };
        self.credentials_version = version;
        let opened = self.context.credentials_vault.open(&sealed, RecordOwner::of(self.account), version);
        opened.map(Some).map_err(|error| {
            LoginError::new(
                FailureCode::NoCredentials,
                format!("cannot open credentials of account {id}: {error}"),
            )
        })
    }

    async fn publish(&self, lock: &LoginLock, new: ProvedSession<'_>) -> Result<(), LoginError> {
        let ProvedSession { session, state, origin, rung, evidence } = new;
        let LoginContext { store, credentials_vault, session_vault, .. } = self.context;
        let (id, owner) = (self.account.id, RecordOwner::of(self.account));
        let generation = lock.generation;
        let sealed = session_vault.seal(session, owner, generation);
        let sealed_state = state.map(|state| credentials_vault.seal_state(state, owner, generation));
        let recent_login_ms = match rung {
            Some(_) => self.recent_login_ms(),
            None => self.account.recent_login_ms.clone(),
        };
        let now = Timestamp::now();
        let end = session.expires_at;
        let new = NewSession {
            sealed: &sealed,
            state: sealed_state.as_ref(),
            origin,
            expires_at: end,
            refresh_at: (end != Timestamp::NEVER)
                .then(|| expiry::refresh_at(now, end, &recent_login_ms, rand::random())),
            last_login: LastLogin { rung, ..self.last_login("ok") },
            recent_login_ms,
            evidence,
        };
        let published = persistently(|| store.publish_session(lock, new.clone())).await?;
        match published {
            Published::Done => {
                // Should it fail, the next failure waits longer than it must.
                let _ = store.reset_failures(id).await;
                if rung == Some(Rung::Recipe) && self.trigger == Trigger::Operator {
                    // Should it fail, the pause ends by itself.
                    let _ = store.resume_site(&self.site.name).await;
                }
                Ok(())
            }
            Published::Stale => Err(LoginError::new(
                FailureCode::Superseded,
                "a newer login began, or the account was removed or disabled",
            )),
        }
    }

    /// How long the last logins took, with this one.
    fn recent_login_ms(&self) -> Vec<u64> {
        let mut recent = vec![self.took_ms()];
        recent.extend(self.account.recent_login_ms.iter().take(RECENT_LOGINS - 1));
        recent
    }

    fn took_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes a failure down, unless the account is another login's business now.
    async fn record(&self, failure: &LoginFailure) {
        if failure.code == FailureCode::Superseded {
            return;
        }
        let last_login = self.last_login(failure.code.as_str());
        let store = &self.context.store;
        let typed = TypedSecrets { password: self.password_typed, version: self.credentials_version };
        let record = || record::failure(store, self.account, failure, typed, last_login.clone());
        let recorded = persistently(record).await;
        if let Err(error) = recorded {
            tracing::warn!(%error, "cannot record the failed login");
        }
    }

    fn last_login(&self, result: &str) -> LastLogin {
        LastLogin { at: Timestamp::now(), duration_ms: self.took_ms(), result: result.to_owned(), rung: None }
    }
}

/// Writes to Redis, again and again while it is away.
async fn persistently<T, F>(write: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let end = Instant::now() + PATIENCE;
    loop {
        match write().await {
            Err(StoreError::Unavailable(_)) if Instant::now() < end => sleep(PAUSE).await,
            settled => return settled,
        }
    }
}
