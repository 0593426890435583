//! A hold on an account, as a guard: whoever drops it frees the account, whatever the reason.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use latchkey_shared::{
    id::AccountId,
    shutdown::Tasks,
    store::{LeaseToken, Store},
};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{Instrument, Span};

/// Life of a lease that is not renewed: what an adapter that died holds at most.
pub(super) const TTL: Duration = Duration::from_secs(60);
const RENEW: Duration = Duration::from_secs(20);

/// A hold on an account by one stream.
pub(crate) struct Lease {
    /// The account.
    pub account: AccountId,
    /// Generation of its session when it was leased.
    pub generation: u64,
    /// Cancelled when an operator switches the account off: what it does is broken off.
    pub switched_off: CancellationToken,
    holds: Arc<Holds>,
    /// None while Redis is away: then only this process counts it.
    token: Option<LeaseToken>,
    /// The request's span: a stream is dropped outside of it.
    span: Span,
    _renewal: Option<DropGuard>,
}

/// What all leases of this process share.
pub(crate) struct Holds {
    store: Store,
    tasks: Tasks,
    gauge: Gauge,
    held: Mutex<HashMap<AccountId, Held>>,
    released: Notify,
}

/// What this process holds of one account.
#[derive(Default)]
struct Held {
    leases: u32,
    switched_off: CancellationToken,
}

impl Holds {
    /// No leases yet; `gauge` shows how many there are.
    pub(crate) fn new(store: Store, tasks: Tasks, gauge: Gauge) -> Self {
        Self { store, tasks, gauge, held: Mutex::default(), released: Notify::new() }
    }

    /// Completes when a lease of this process ends after this call.
    pub(crate) fn released(&self) -> impl Future<Output = ()> + '_ {
        let mut released = Box::pin(self.released.notified());
        released.as_mut().enable();
        released
    }

    /// Guards a lease that Redis granted; it is renewed until it is dropped, at most for `life`.
    pub(crate) fn guard(
        self: &Arc<Self>,
        account: AccountId,
        generation: u64,
        token: LeaseToken,
        life: Duration,
    ) -> Lease {
        let switched_off = self.count(account, u32::MAX).unwrap_or_default();
        let stop = CancellationToken::new();
        let renewal = Renewal { holds: Arc::clone(self), account, token: token.clone(), stop: stop.clone() };
        self.tasks.spawn(renewal.run(Instant::now() + life).in_current_span());
        let (holds, token, renewal) = (Arc::clone(self), Some(token), Some(stop.drop_guard()));
        Lease { account, generation, switched_off, holds, token, span: Span::current(), _renewal: renewal }
    }

    /// Guards a lease that only this process knows, for as long as Redis is away; `None` when it has `limit`.
    pub(crate) fn guard_unrecorded(
        self: &Arc<Self>,
        account: AccountId,
        generation: u64,
        limit: u32,
    ) -> Option<Lease> {
        let switched_off = self.count(account, limit)?;
        let (holds, span) = (Arc::clone(self), Span::current());
        Some(Lease { account, generation, switched_off, holds, token: None, span, _renewal: None })
    }

    /// Accounts that this process holds.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        self.held().keys().copied().collect()
    }

    /// Breaks off whatever this process does with an account.
    pub(super) fn cut(&self, account: AccountId) {
        // Taken: whoever leases it once it is switched on again is not cut with the others.
        if let Some(held) = self.held().get_mut(&account) {
            std::mem::take(&mut held.switched_off).cancel();
        }
    }

    /// Counts one more lease; `None` when there are `limit` already.
    fn count(&self, account: AccountId, limit: u32) -> Option<CancellationToken> {
        let mut all = self.held();
        let held = all.entry(account).or_default();
        if held.leases >= limit {
            return None;
        }
        held.leases += 1;
        self.gauge.inc();
        Some(held.switched_off.clone())
    }

    fn uncount(&self, account: AccountId) {
        let mut all = self.held();
        if let Some(held) = all.get_mut(&account) {
            held.leases -= 1;
            if held.leases == 0 {
                all.remove(&account);
            }
        }
        self.gauge.dec();
    }

    fn held(&self) -> MutexGuard<'_, HashMap<AccountId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Renewal {
    holds: Arc<Holds>,
    account: AccountId,
    token: LeaseToken,
    stop: CancellationToken,
}

impl Renewal {
    /// Renews until the lease is dropped, also while the process stops: that waits so for the last release. The end
    /// is for a client that neither reads nor leaves.
    async fn run(self, end: Instant) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep_until(end) => return,
                () = sleep(RENEW) => {}
            }
            match self.holds.store.renew_lease(self.account, &self.token, TTL).await {
                Ok(true) => {}
                Ok(false) => tracing::warn!(account.id = %self.account, "the lease ended early"),
                Err(error) => tracing::warn!(account.id = %self.account, %error, "cannot renew the lease"),
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.holds.uncount(self.account);
        let Some(token) = self.token.take() else {
            self.holds.released.notify_waiters();
            return;
        };
        let (account, holds) = (self.account, Arc::clone(&self.holds));
        let release = async move {
            if let Err(error) = holds.store.release_lease(account, &token).await {
                tracing::warn!(account.id = %account, %error, "cannot release the lease, it ends by itself");
            }
            holds.released.notify_waiters();
        };
        self.holds.tasks.spawn(release.instrument(self.span.clone()));
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recorded = self.token.is_some();
        f.debug_struct("Lease")
            .field("account", &self.account)
            .field("recorded", &recorded)
            .finish_non_exhaustive()
    }
}
