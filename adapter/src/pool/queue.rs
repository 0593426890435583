//! Waiting for an account: bounded in time and in number, woken by whatever is released here or elsewhere.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use latchkey_shared::{
    id::{AccountId, SiteName},
    site::Site,
    store::{LeaseOutcome, StoreError},
    time::Timestamp,
};
use prometheus_client::metrics::gauge::Gauge;
use rand::{RngExt, seq::SliceRandom};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tracing::Instrument;

use super::{
    Pool, PoolError, RATE_LIMITED,
    directory::Candidate,
    lease::{self, Lease},
};
use crate::stream::fault::Fault;

/// Requests that may wait at once: more would only time out together.
const PLACES: usize = 2048;
/// How many accounts one attempt asks at most: the longest idle first, then some at random.
const ASKED: usize = 16;
/// Releases by other adapters are found by asking again; jitter keeps adapters from asking together.
const POLL_MS: std::ops::Range<u64> = 100..300;
/// A Redis that answered nobody for this long is away; one call that failed may only have been slow.
const AWAY: Duration = Duration::from_secs(1);

/// Who waits. Of those who wait for one site only the first asks Redis, so that a long queue costs no more than a
/// short one, and whoever came first is served first.
pub(super) struct Queue {
    places: Semaphore,
    heads: Mutex<HashMap<SiteName, Arc<Semaphore>>>,
    answered: Mutex<Instant>,
    gauge: Gauge,
}

/// One request that waits.
struct Place<'a> {
    _permit: SemaphorePermit<'a>,
    gauge: &'a Gauge,
}

impl Queue {
    pub(super) fn new(gauge: Gauge) -> Self {
        let (places, heads) = (Semaphore::new(PLACES), Mutex::default());
        Self { places, heads, answered: Mutex::new(Instant::now()), gauge }
    }

    fn enter(&self) -> Result<Place<'_>, PoolError> {
        let permit = self.places.try_acquire().map_err(|_| PoolError::QueueFull)?;
        self.gauge.inc();
        Ok(Place { _permit: permit, gauge: &self.gauge })
    }

    /// The one permit to be first in a site's line. Fair: it goes from one to the next in order.
    fn head(&self, site: &SiteName) -> Arc<Semaphore> {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(heads.entry(site.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }

    fn redis_answered(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn redis_is_away(&self) -> bool {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > AWAY
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// What came of asking for a lease once.
pub(super) enum Attempt {
    Held(Lease),
    /// At least one account is full, or nobody knows.
    Full,
    /// All of them are cooling; one at least because of its rate.
    Limited(Duration),
    /// Nobody serves.
    Nobody,
}

impl Pool {
    /// Leases an account that was not tried yet, and waits for it if all are full.
    pub(super) async fn lease(
        self: &Arc<Self>,
        site: &Arc<Site>,
        tried: &[AccountId],
        deadline: Instant,
    ) -> Result<Lease, PoolError> {
        let head = self.queue.head(&site.name);
        let nobody_waits = head.available_permits() > 0;
        if nobody_waits && let Some(lease) = self.once(site, tried, deadline).await? {
            return Ok(lease);
        }
        let _place = self.queue.enter()?;
        let late = || PoolError::Busy { retry_after: self.patience.queue };
        let _first = timeout_at(deadline, head.acquire()).await.map_err(|_| late())?;
        loop {
            // Before asking: a release between the refusal and the wait must not be missed.
            let released = self.holds.released();
            if let Some(lease) = self.once(site, tried, deadline).await? {
                return Ok(lease);
            }
            let jitter = Duration::from_millis(rand::rng().random_range(POLL_MS));
            tokio::select! {
                () = released => {}
                () = sleep(jitter) => {}
                () = sleep_until(deadline) => return Err(late()),
            }
        }
    }

    /// Asks once; `None` when it makes sense to wait.
    async fn once(
        self: &Arc<Self>,
        site: &Arc<Site>,
        tried: &[AccountId],
        deadline: Instant,
    ) -> Result<Option<Lease>, PoolError> {
        match self.attempt(site, tried).await? {
            Attempt::Held(lease) => Ok(Some(lease)),
            Attempt::Nobody => Err(PoolError::NoAccount),
            Attempt::Limited(left) if Instant::now() + left > deadline => {
                Err(Fault::RateLimited { retry_after: Some(left) }.into())
            }
            Attempt::Limited(_) | Attempt::Full => Ok(None),
        }
    }

    /// Asks once, on a task: a client that leaves between grant and guard must not leave a lease behind.
    async fn attempt(self: &Arc<Self>, site: &Arc<Site>, tried: &[AccountId]) -> Result<Attempt, PoolError> {
        let mut candidates = self.candidates(site, tried);
        if candidates.is_empty() {
            self.directory.look(&self.store).await;
            candidates = self.candidates(site, tried);
        }
        let (pool, site) = (Arc::clone(self), Arc::clone(site));
        let asking = async move { pool.ask_for_one(&site, candidates).await };
        Ok(self.tasks.spawn(asking.in_current_span()).await.expect("asking for a lease does not panic"))
    }

    /// Accounts that serve and were not tried yet, in any order.
    pub(super) fn candidates(&self, site: &Site, tried: &[AccountId]) -> Vec<Candidate> {
        let mut candidates = self.directory.serving(&site.name, Timestamp::now());
        candidates.retain(|candidate| !tried.contains(&candidate.id));
        candidates.shuffle(&mut rand::rng());
        candidates
    }

    pub(super) async fn ask_for_one(self: &Arc<Self>, site: &Site, candidates: Vec<Candidate>) -> Attempt {
        if candidates.is_empty() {
            return Attempt::Nobody;
        }
        match self.ask_store(site, &candidates).await {
            Ok(attempt) => {
                self.queue.redis_answered();
                attempt
            }
            Err(error) if self.queue.redis_is_away() => {
                tracing::warn!(site = %site.name, %error, "cannot lease in redis, counting in memory");
                self.ask_memory(site, &candidates)
            }
            Err(error) => {
                tracing::warn!(site = %site.name, %error, "cannot lease in redis, trying again");
                Attempt::Full
            }
        }
    }

    async fn ask_store(
        self: &Arc<Self>,
        site: &Site,
        candidates: &[Candidate],
    ) -> Result<Attempt, StoreError> {
        let idle = self.store.longest_idle(&site.name, ASKED).await?;
        let of_idle = idle.iter().filter_map(|id| candidates.iter().find(|candidate| candidate.id == *id));
        let others = candidates.iter().filter(|candidate| !idle.contains(&candidate.id)).take(ASKED);
        let (mut full, mut limited) = (false, None);
        for candidate in of_idle.chain(others) {
            let limit = candidate.concurrency.unwrap_or(site.limits.concurrency);
            match self.store.lease(candidate.id, &site.name, limit, lease::TTL).await? {
                LeaseOutcome::Held(token) => {
                    let life = site.limits.turn + lease::TTL;
                    let Candidate { id, generation, .. } = *candidate;
                    return Ok(Attempt::Held(self.holds.guard(id, generation, token, life)));
                }
                LeaseOutcome::Full => full = true,
                LeaseOutcome::Cooling(reason) if reason == RATE_LIMITED => limited = Some(candidate.id),
                LeaseOutcome::Cooling(_) => {}
            }
        }
        match limited {
            _ if full => Ok(Attempt::Full),
            None => Ok(Attempt::Nobody),
            Some(id) => {
                let left = self.store.cooldown(id).await?.map_or(Duration::ZERO, |(_, left)| left);
                Ok(Attempt::Limited(left))
            }
        }
    }

    /// Redis is away: sessions that are known serve on, counted in this process alone.
    fn ask_memory(self: &Arc<Self>, site: &Site, candidates: &[Candidate]) -> Attempt {
        let held = candidates.iter().find_map(|candidate| {
            let limit = candidate.concurrency.unwrap_or(site.limits.concurrency);
            self.holds.guard_unrecorded(candidate.id, candidate.generation, limit)
        });
        held.map_or(Attempt::Full, Attempt::Held)
    }
}
