//! A hold on an account, as a guard: whoever drops it frees the account, whatever the reason.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, stream};
use latchkey_shared::{
    id::{AccountId, SiteName},
    shutdown::Tasks,
    store::{AdapterStore, LeaseToken, StoreError},
};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::scheduler::Candidate;

/// Life of a lease that is not renewed: what an adapter that died holds at most.
pub(super) const TTL: Duration = Duration::from_secs(60);
const RENEW: Duration = Duration::from_secs(20);
/// How often it is looked for leases to be renewed.
const LOOK: Duration = Duration::from_secs(1);
/// Leases that are renewed at once.
const AT_ONCE: usize = 32;

/// A hold on an account by one stream.
pub(crate) struct Lease {
    /// The account.
    pub account: AccountId,
    /// Generation of its session when it was leased.
    pub generation: u64,
    /// Cancelled when an operator switches the account off: what it does is broken off.
    pub switched_off: CancellationToken,
    /// The site, where it has a limit of its own of which this is one.
    site: Option<SiteName>,
    leases: Arc<LeaseRegistry>,
    /// None once it is over.
    token: Option<LeaseToken>,
    is_over: bool,
    /// The request's span: a stream is dropped outside of it.
    span: Span,
}

/// What all leases of this process share.
pub(crate) struct LeaseRegistry {
    store: AdapterStore,
    tasks: Tasks,
    gauge: Gauge,
    leases: Mutex<HeldLeases>,
    released: Notify,
}

/// What this process holds.
#[derive(Default)]
struct HeldLeases {
    accounts: HashMap<AccountId, AccountUse>,
    sites: HashMap<SiteName, u32>,
    /// What is renewed in Redis.
    granted: HashMap<LeaseToken, LeaseRenewal>,
    /// Whether somebody does that.
    is_renewing: bool,
}

/// What this process holds of one account.
#[derive(Default)]
struct AccountUse {
    leases: u32,
    switched_off: CancellationToken,
}

impl LeaseRegistry {
    /// No leases yet; `gauge` shows how many there are.
    pub(crate) fn new(store: AdapterStore, tasks: Tasks, gauge: Gauge) -> Self {
        Self { store, tasks, gauge, leases: Mutex::default(), released: Notify::new() }
    }

    /// Completes when a lease of this process ends after this call.
    pub(crate) fn released(&self) -> impl Future<Output = ()> + '_ {
        let mut released = Box::pin(self.released.notified());
        released.as_mut().enable();
        released
    }

    /// Guards a lease that Redis granted; it is renewed until it is dropped, at most for `life`. With it goes the
    /// place of the site, if that has a limit of its own.
    pub(crate) fn guard(
        self: &Arc<Self>,
        candidate: Candidate,
        token: LeaseToken,
        site: Option<SiteName>,
        life: Duration,
    ) -> Lease {
        let Candidate { id: account, generation, .. } = candidate;
        let counted = self.count(account, u32::MAX, site.as_ref(), u32::MAX);
        let switched_off = counted.unwrap_or_default();
        let span = Span::current();
        let granted =
            LeaseGrant { recorded: true.into(), ..LeaseGrant::new(account, site.clone(), &token, &span) };
        let now = Instant::now();
        self.keep(LeaseRenewal { granted: Arc::new(granted), due: now + RENEW, end: now + life });
        let holds = Arc::clone(self);
        let token = Some(token);
        Lease { account, generation, switched_off, site, leases: holds, token, is_over: false, span }
    }

    fn keep(self: &Arc<Self>, renewal: LeaseRenewal) {
        let mut held = self.held();
        held.granted.insert(renewal.granted.token.clone(), renewal);
        if !std::mem::replace(&mut held.is_renewing, true) {
            self.tasks.spawn(Arc::clone(self).renew());
        }
    }

    /// Claims all that is held: Redis may have forgotten it, or others took this adapter for gone.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub(super) async fn claim(&self) -> Result<(), StoreError> {
        let now = Instant::now();
        let mut running = Vec::new();
        for renewal in self.held().granted.values_mut().filter(|renewal| now < renewal.end) {
            renewal.due = now + RENEW;
            running.push(Arc::clone(&renewal.granted));
        }
        let claims = running.into_iter().map(|granted| self.claim_one(granted));
        stream::iter(claims).buffer_unordered(AT_ONCE).try_for_each(async |()| Ok(())).await
    }

    async fn claim_one(&self, granted: Arc<LeaseGrant>) -> Result<(), StoreError> {
        granted.claim(&self.store).await?;
        // Its release may have come before: nobody gives it back then but whoever claimed it.
        let is_held = self.held().granted.contains_key(&granted.token);
        if is_held { Ok(()) } else { granted.release(&self.store).await }
    }

    async fn renew_one(&self, granted: Arc<LeaseGrant>) {
        let account = granted.account;
        let span = granted.span.clone();
        let renewed = async {
            match granted.renew(&self.store).await {
                Ok(false) => self.claim_one(Arc::clone(&granted)).await,
                other => other.map(|_| ()),
            }
        };
        if let Err(error) = renewed.instrument(span.clone()).await {
            span.in_scope(|| tracing::warn!(account.id = %account, %error, "cannot renew the lease"));
        }
    }

    /// Renews what is held until nothing is, also while the process stops: that waits so for the last release.
    async fn renew(self: Arc<Self>) {
        let stopping = self.tasks.stopping();
        loop {
            // Before looking: a release in between must not be missed.
            let released = self.released();
            let Some(due) = self.due(Instant::now()) else { return };
            let renewals = due.into_iter().map(|granted| self.renew_one(granted));
            stream::iter(renewals).buffer_unordered(AT_ONCE).for_each(async |()| {}).await;
            tokio::select! {
                () = sleep(LOOK) => {}
                () = released, if stopping.is_cancelled() => {}
                () = stopping.cancelled(), if !stopping.is_cancelled() => {}
            }
        }
    }

    /// What is to be renewed now; `None` when nothing is held any more, and who renews may go.
    fn due(&self, now: Instant) -> Option<Vec<Arc<LeaseGrant>>> {
        let mut held = self.held();
        if held.granted.is_empty() {
            held.is_renewing = false;
            return None;
        }
        let mut due = Vec::new();
        for renewal in held.granted.values_mut() {
            if renewal.due <= now && now < renewal.end {
                renewal.due = now + RENEW;
                due.push(Arc::clone(&renewal.granted));
            }
        }
        Some(due)
    }

    /// Guards a lease that only this process knows, for as long as Redis is away, and that is claimed when it is back;
    /// `None` when the account or the site has as many as it bears.
    pub(crate) fn guard_unrecorded(
        self: &Arc<Self>,
        candidate: Candidate,
        token: LeaseToken,
        limit: u32,
        site: Option<(&SiteName, u32)>,
        life: Duration,
    ) -> Option<Lease> {
        let Candidate { id: account, generation, .. } = candidate;
        let (site, site_limit) = site.unzip();
        let switched_off = self.count(account, limit, site, site_limit.unwrap_or(u32::MAX))?;
        let holds = Arc::clone(self);
        let span = Span::current();
        let site = site.cloned();
        let granted = Arc::new(LeaseGrant::new(account, site.clone(), &token, &span));
        let now = Instant::now();
        self.keep(LeaseRenewal { granted, due: now + LOOK, end: now + life });
        let token = Some(token);
        Some(Lease { account, generation, switched_off, site, leases: holds, token, is_over: false, span })
    }

    /// Accounts that this process holds.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        self.held().accounts.keys().copied().collect()
    }

    /// Breaks off whatever this process does with an account.
    pub(super) fn cut(&self, account: AccountId) {
        // Taken: whoever leases it once it is switched on again is not cut with the others.
        if let Some(held) = self.held().accounts.get_mut(&account) {
            std::mem::take(&mut held.switched_off).cancel();
        }
    }

    /// Counts one more lease; `None` when the account or the site has as many as it bears.
    fn count(
        &self,
        account: AccountId,
        limit: u32,
        site: Option<&SiteName>,
        site_limit: u32,
    ) -> Option<CancellationToken> {
        let mut held = self.held();
        let of_account = held.accounts.get(&account).map_or(0, |held| held.leases);
        let of_site = site.and_then(|site| held.sites.get(site)).copied().unwrap_or_default();
        if of_account >= limit || of_site >= site_limit {
            return None;
        }
        if let Some(site) = site {
            held.sites.insert(site.clone(), of_site + 1);
        }
        let of_account = held.accounts.entry(account).or_default();
        of_account.leases += 1;
        let switched_off = of_account.switched_off.clone();
        drop(held);
        self.gauge.inc();
        Some(switched_off)
    }

    fn uncount(&self, account: AccountId, site: Option<&SiteName>) {
        let mut all = self.held();
        if let Some(held) = all.accounts.get_mut(&account) {
            held.leases -= 1;
            if held.leases == 0 {
                all.accounts.remove(&account);
            }
        }
        if let Some(count) = site.and_then(|site| all.sites.get_mut(site)) {
            *count -= 1;
        }
        self.gauge.dec();
    }

    fn held(&self) -> MutexGuard<'_, HeldLeases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is held under one token.
struct LeaseGrant {
    account: AccountId,
    site: Option<SiteName>,
    token: LeaseToken,
    /// Whether Redis knows it.
    recorded: AtomicBool,
    span: Span,
}

/// When a grant is renewed, and for how long.
struct LeaseRenewal {
    granted: Arc<LeaseGrant>,
    due: Instant,
    /// For a client that neither reads nor leaves.
    end: Instant,
}

impl LeaseGrant {
    fn new(account: AccountId, site: Option<SiteName>, token: &LeaseToken, span: &Span) -> Self {
        let token = token.clone();
        let span = span.clone();
        Self { account, site, token, recorded: AtomicBool::new(false), span }
    }

    /// Takes all of it, whether it is known or not.
    async fn claim(&self, store: &AdapterStore) -> Result<(), StoreError> {
        self.recorded.store(true, Ordering::Relaxed);
        let site = async {
            match &self.site {
                Some(site) => store.claim_site_lease(site, &self.token, TTL).await,
                None => Ok(()),
            }
        };
        let (account, site) = tokio::join!(store.claim_lease(self.account, &self.token, TTL), site);
        account.and(site)
    }

    /// Keeps all of it; false when some of it had ended.
    async fn renew(&self, store: &AdapterStore) -> Result<bool, StoreError> {
        let site = async {
            match &self.site {
                Some(site) => store.renew_site_lease(site, &self.token, TTL).await,
                None => Ok(true),
            }
        };
        let (account, site) = tokio::join!(store.renew_lease(self.account, &self.token, TTL), site);
        Ok(account? && site?)
    }

    /// Gives all of it back, in one round trip.
    async fn release(&self, store: &AdapterStore) -> Result<(), StoreError> {
        let site = async {
            match &self.site {
                Some(site) => store.release_site_lease(site, &self.token).await,
                None => Ok(()),
            }
        };
        let (account, site) = tokio::join!(store.release_lease(self.account, &self.token), site);
        account.and(site)
    }
}

impl Lease {
    /// Frees the account before the guard is dropped. What else is to be told to Redis goes out with it: one round trip.
    pub(crate) fn end_with(&mut self, also: impl Future<Output = ()> + Send + 'static) {
        let release = self.release();
        let both = async move { tokio::join!(release, also) };
        self.leases.tasks.spawn(both.instrument(self.span.clone()));
    }

    /// Frees the account before the guard is dropped.
    pub(crate) fn end(&mut self) {
        if self.is_over {
            return;
        }
        let release = self.release();
        self.leases.tasks.spawn(release.instrument(self.span.clone()));
    }

    fn release(&mut self) -> impl Future<Output = ()> + Send + 'static {
        let was_over = std::mem::replace(&mut self.is_over, true);
        if !was_over {
            self.leases.uncount(self.account, self.site.as_ref());
        }
        let renewal = self.token.take().and_then(|token| self.leases.held().granted.remove(&token));
        let holds = Arc::clone(&self.leases);
        async move {
            if let Some(LeaseRenewal { granted, .. }) = renewal
                && granted.recorded.load(Ordering::Relaxed)
                && let Err(error) = granted.release(&holds.store).await
            {
                let account = granted.account;
                tracing::warn!(account.id = %account, %error, "cannot release the lease, it ends by itself");
            }
            holds.released.notify_waiters();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("account", &self.account)
            .field("over", &self.is_over)
            .finish_non_exhaustive()
    }
}
