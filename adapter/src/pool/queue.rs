//! Waiting for an account: bounded in time and in number, woken by whatever is released here or elsewhere.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use latchkey_shared::id::SiteName;
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use super::error::PoolError;
use crate::scope::AccountScope;

/// Requests that may wait at once: more would only time out together.
const PLACES: usize = 2048;
/// A Redis that answered nobody for this long is away; one call that failed may only have been slow.
const AWAY: Duration = Duration::from_secs(1);

/// Who waits. Of those who wait for the same accounts of one site only the first asks Redis, so that a long queue costs
/// no more than a short one, and whoever came first is served first.
pub(super) struct WaitQueue {
    places: Semaphore,
    heads: Mutex<HashMap<(SiteName, AccountScope), Arc<Semaphore>>>,
    answered: Mutex<Instant>,
    gauge: Gauge,
}

/// One request that waits.
pub(super) struct Waiter<'a> {
    _permit: SemaphorePermit<'a>,
    gauge: &'a Gauge,
}

impl WaitQueue {
    pub(super) fn new(gauge: Gauge) -> Self {
        let places = Semaphore::new(PLACES);
        let heads = Mutex::default();
        Self { places, heads, answered: Mutex::new(Instant::now()), gauge }
    }

    pub(super) fn join(&self) -> Result<Waiter<'_>, PoolError> {
        let permit = self.places.try_acquire().map_err(|_| PoolError::QueueFull)?;
        self.gauge.inc();
        Ok(Waiter { _permit: permit, gauge: &self.gauge })
    }

    /// The one permit to be first of those who wait for the same. Fair: it goes from one to the next in order.
    pub(super) fn head(&self, site: &SiteName, scope: &AccountScope) -> Arc<Semaphore> {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(heads.entry((site.clone(), scope.clone())).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }

    pub(super) fn redis_answered(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn redis_is_away(&self) -> bool {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > AWAY
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
