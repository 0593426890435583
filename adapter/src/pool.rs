//! The accounts and their sessions: leases one, asks the site with it, and takes the next on the account's own fault.
//!
//! Nothing here knows a client's or a site's words. The pool never writes a session.

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use latchkey_shared::{
    id::AccountId,
    session::Session,
    shutdown::Tasks,
    site::Site,
    store::{AdapterStore, SESSION_EXPIRED, StoredConversation},
    vault::{RecordOwner, SessionVault},
};
use prometheus_client::metrics::{counter::Counter, family::Family};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

mod again;
pub(crate) mod directory;
mod error;
pub(crate) mod lease;
mod leasing;
mod presence;
mod queue;
mod renewal;
mod run_queue;
mod scheduler;
mod sessions;
mod waiting;

use directory::AccountDirectory;
pub(crate) use error::PoolError;
use lease::{Lease, LeaseRegistry};
use presence::AdapterPresence;
use queue::WaitQueue;
use sessions::SessionCache;

use crate::{
    capability,
    metrics::{LimitLabels, Metrics},
    prompt::Prompt,
    recorder,
    scope::AccountScope,
    sites::{self, DriverContext, DriverRequest, http::HttpClients, trace::Tracer},
    stream::{DeltaStream, delta::Captures, fault::Fault},
};

/// Accounts that one turn may try: a site that refuses three sessions refuses the next as well.
pub(crate) const ATTEMPTS: usize = 3;
/// A site that limits a rate without saying for how long.
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(30);
/// No site may put an account away for longer.
const LONGEST_COOLDOWN: Duration = Duration::from_secs(15 * 60);
/// Long enough for the broker to sign in again.
const EXPIRED_COOLDOWN: Duration = Duration::from_secs(30);

/// Reason of a cooldown: the site limits the account's rate.
const RATE_LIMITED: &str = "rate_limited";

/// The accounts of all sites.
pub(crate) struct Pool {
    store: AdapterStore,
    context: DriverContext,
    directory: AccountDirectory,
    sessions: SessionCache,
    queue: WaitQueue,
    leases: Arc<LeaseRegistry>,
    presence: AdapterPresence,
    tasks: Tasks,
    patience: WaitLimits,
    limits: Family<LimitLabels, Counter>,
}

/// How long a request waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitLimits {
    /// For an account that is free.
    pub queue: Duration,
    /// For a new session, where no other account serves.
    pub renewal: Duration,
}

/// An answer that has begun, and the hold on the account that gives it.
#[derive(Debug)]
pub(crate) struct OpenAnswer {
    /// The answer. Dropped first: the upstream call ends before the account is free.
    pub deltas: DeltaStream,
    /// The hold.
    pub hold: ActiveAccount,
    /// Accounts that failed before.
    pub failovers: usize,
    /// When the site was asked for it.
    pub asked: Instant,
}

/// A hold on an account, and all that is needed to ask its site again.
pub(crate) struct ActiveAccount {
    /// The hold.
    pub lease: Lease,
    site: Arc<Site>,
    session: Arc<Session>,
    context: DriverContext,
}

/// An answer that has not yet begun. Owns what it needs, so that its owner can wait for it piecemeal.
pub(crate) type PendingAnswer = BoxFuture<'static, Result<DeltaStream, Fault>>;

impl ActiveAccount {
    /// Asks the site once more, with the account that is held.
    ///
    /// `captures` are of the answer before, if that ended well: the site may have a conversation of its own.
    pub(crate) fn ask(&self, prompt: &Prompt, captures: Option<Captures>) -> PendingAnswer {
        let outside = self.context.clone();
        let site = Arc::clone(&self.site);
        let session = Arc::clone(&self.session);
        let ask = match captures.and_then(|values| capability::kept(&site, &values)) {
            Some(kept) => DriverRequest::going_on(&site, prompt, kept),
            None => DriverRequest::new(&site, prompt),
        };
        Box::pin(async move { sites::open(&outside, &site, &session, ask).await })
    }
}

impl ActiveAccount {
    /// The site's conversation, and how long it remembers it; `None` where each prompt is the whole one.
    pub(crate) fn conversation(&self, captures: &Captures) -> Option<(StoredConversation, Duration)> {
        let Lease { account, generation, .. } = self.lease;
        let values = capability::kept(&self.site, captures)?;
        Some((StoredConversation { account, generation, values }, capability::remembers(&self.site)?))
    }
}

impl fmt::Debug for ActiveAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl Pool {
    /// A pool that knows no account yet.
    pub(crate) fn new(
        store: AdapterStore,
        vault: SessionVault,
        clients: HttpClients,
        tasks: Tasks,
        patience: WaitLimits,
        metrics: &Metrics,
    ) -> Self {
        let holds = Arc::new(LeaseRegistry::new(store.clone(), tasks.clone(), metrics.leases.clone()));
        Self {
            presence: AdapterPresence::new(store.clone(), Arc::clone(&holds)),
            leases: holds,
            directory: AccountDirectory::default(),
            sessions: SessionCache::new(vault),
            queue: WaitQueue::new(metrics.queue.clone()),
            store,
            context: DriverContext {
                clients,
                tasks: tasks.clone(),
                cancels: metrics.cancels.clone(),
                tracer: Tracer::off(),
                span: Span::none(),
            },
            tasks,
            patience,
            limits: metrics.limits.clone(),
        }
    }

    /// Which accounts there are.
    pub(crate) fn directory(&self) -> &AccountDirectory {
        &self.directory
    }

    /// How many sessions serve without Redis.
    pub(crate) fn opened_sessions(&self) -> usize {
        self.sessions.count()
    }

    /// Keeps the directory fresh until the process stops. What accounts do that are switched off is broken off, and
    /// their sessions are forgotten.
    pub(crate) async fn watch(&self, stopping: CancellationToken) {
        let is_switched_off = |account| self.directory.is_switched_off(account);
        let changed = || {
            self.sessions.forget(is_switched_off);
            self.leases
                .accounts()
                .into_iter()
                .filter(|id| is_switched_off(*id))
                .for_each(|id| self.leases.cut(id));
        };
        self.directory.watch(&self.store, stopping, changed).await;
    }

    /// Says that this adapter is there until the process stops, and then that it goes.
    pub(crate) async fn attend(&self, stopping: CancellationToken) {
        self.presence.attend(stopping).await;
        self.presence.leave().await;
    }

    /// Asks a site with one of its accounts and waits for the beginning of the answer.
    ///
    /// # Errors
    /// When no account is to be had, or the answer does not begin.
    pub(crate) async fn open(
        self: &Arc<Self>,
        site: &Arc<Site>,
        scope: &AccountScope,
        request: &DriverRequest,
    ) -> Result<OpenAnswer, PoolError> {
        let renewal = Instant::now() + self.patience.renewal;
        let mut tried: Vec<AccountId> = Vec::new();
        let mut last = None;
        // A fault of the account leads to the next one, and so does a session that is gone; any other fault is the same
        // whoever asks. Where nobody is left, the last fault says more than that.
        for failovers in 0..ATTEMPTS {
            let leasing = tracing::info_span!("lease", site = %site.name);
            let leasing = self.lease_or_wait(site, scope, &tried, renewal).instrument(leasing);
            let lease = match leasing.await {
                Ok(lease) => lease,
                // The account that failed was the last one: its fault tells more than its absence.
                Err(PoolError::NoAccount) if last.is_some() => break,
                Err(error) => return Err(error),
            };
            let Some(session) = self.session_of(site, lease.account, lease.generation).await else {
                tried.push(lease.account);
                continue;
            };
            let asked = Instant::now();
            let outside = DriverContext { span: Span::current(), ..self.context.clone() };
            let asking = tracing::info_span!("ask", site = %site.name, account.id = %lease.account);
            let opening = sites::open(&outside, site, &session, request.clone()).instrument(asking);
            let fault = match opening.await {
                Ok(deltas) => {
                    let hold = ActiveAccount { lease, site: Arc::clone(site), session, context: outside };
                    return Ok(OpenAnswer { deltas, hold, failovers, asked });
                }
                Err(fault) if fault.is_of_the_account() => fault,
                Err(fault) => return Err(fault.into()),
            };
            tracing::warn!(account.id = %lease.account, site = %site.name, cause = %fault, "account failed, trying the next");
            if let Some(tape) = recorder::tape() {
                tape.fault(fault.label());
            }
            if self.penalize(&lease, &fault).await {
                tried.push(lease.account);
            }
            last = Some(fault);
        }
        Err(last.map_or(PoolError::NoAccount, PoolError::Fault))
    }

    /// A session of any account that serves and was not tried yet, for a call that is no chat.
    pub(crate) async fn session(
        &self,
        site: &Site,
        scope: &AccountScope,
        tried: &[AccountId],
    ) -> Option<(AccountId, Arc<Session>)> {
        let mut skipped = tried.to_vec();
        for _ in 0..ATTEMPTS {
            let candidate = self.directory.next(&site.name, scope, &skipped)?;
            if let Some(session) = self.session_of(site, candidate.id, candidate.generation).await {
                return Some((candidate.id, session));
            }
            skipped.push(candidate.id);
        }
        None
    }

    async fn session_of(&self, site: &Site, id: AccountId, generation: u64) -> Option<Arc<Session>> {
        match self.sessions.open(&self.store, RecordOwner { account: id, site: &site.name }, generation).await
        {
            Ok(Some(session)) => Some(session),
            Ok(None) => {
                self.directory.invalidate_generation(id, generation);
                None
            }
            Err(error) => {
                tracing::warn!(account.id = %id, %error, "cannot read the session");
                None
            }
        }
    }

    /// Keeps everybody from an account that failed by its own fault; false when it may serve this turn all the same,
    /// with a newer session. Sites that know one session at a time end the old one during a login, in the middle of
    /// whatever it does.
    async fn penalize(&self, lease: &Lease, fault: &Fault) -> bool {
        let Lease { account, generation, .. } = *lease;
        if let Fault::RateLimited { retry_after } = fault {
            let wait = retry_after.unwrap_or(DEFAULT_COOLDOWN).min(LONGEST_COOLDOWN);
            self.set_cooldown(account, RATE_LIMITED, wait).await;
            return true;
        }
        self.directory.invalidate_generation(account, generation);
        let newer = self.directory.serves_newer(&self.store, account, generation).await;
        if !newer.is_ok_and(|newer| newer) {
            self.set_cooldown(account, SESSION_EXPIRED, EXPIRED_COOLDOWN).await;
            self.ask_refresh(account, generation).await;
        }
        false
    }

    async fn set_cooldown(&self, account: AccountId, reason: &str, duration: Duration) {
        if let Err(error) = self.store.cool(account, reason, duration).await {
            tracing::warn!(account.id = %account, %error, "cannot put the account away for the other adapters");
        }
    }
}
