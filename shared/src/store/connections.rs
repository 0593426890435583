//! The connections that all calls of a process share.
//!
//! Each is multiplexed: calls of many tasks go out in one write and need no turn of their own. deadpool makes the
//! connections; checking one out for each call would cost a PING each (measured, deadpool-redis 0.23.1, 2026-11:
//! three times the round trips, half of an adapter's CPU time per request).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::threads::PerThread;

use super::{
    StoreError,
    topology::{SharedConnection, Topology},
};

/// What a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallClass {
    /// One command or script, as each request needs them: those of a moment go out in one write and come back in one.
    Light,
    /// A pipeline, whose answer may be large: it holds up nobody who asks for a lease.
    Heavy,
}

/// Calls without an answer, one after the other, after which the next ones do not wait for theirs.
const MISSES: u32 = 2;
/// For how long they do not; then one finds out.
const PAUSE: Duration = Duration::from_secs(1);

/// Clones share the connections.
#[derive(Clone)]
pub(super) struct Connections {
    topology: Topology,
    /// Each thread's own: an answer comes in on the thread that asked.
    light: PerThread<ConnectionSlot>,
    heavy: Arc<ConnectionSlot>,
    breaker: Arc<Mutex<CircuitBreaker>>,
}

/// A connection, once it is there.
type ConnectionSlot = Mutex<Option<SharedConnection>>;

/// How long Redis has not answered. One that froze would make every caller wait for the whole limit.
#[derive(Debug, Default)]
struct CircuitBreaker {
    misses: u32,
    until: Option<Instant>,
}

/// A connection for one call.
pub(super) struct Lane {
    pub(super) connection: SharedConnection,
}

impl Connections {
    pub(super) fn new(topology: Topology, threads: usize) -> Self {
        let light = PerThread::of(threads, ConnectionSlot::default);
        Self { topology, light, heavy: Arc::default(), breaker: Arc::default() }
    }

    /// The connection for such calls, made anew if it is not there.
    pub(super) async fn take(&self, class: CallClass) -> Result<Lane, StoreError> {
        let slot = match class {
            CallClass::Light => self.light.here(),
            CallClass::Heavy => &*self.heavy,
        };
        if let Some(connection) = locked(slot).clone() {
            return Ok(Lane { connection });
        }
        let made = Box::pin(self.topology.connect()).await?;
        // Whoever was faster keeps the place: two connections for one lane would be one too many.
        let connection = locked(slot).get_or_insert(made).clone();
        Ok(Lane { connection })
    }

    /// Forgets the connections after one has failed: the others lead to the same server. The next calls make them anew.
    pub(super) fn forget(&self, lane: &Lane) {
        if lane.connection.breaks() {
            self.forget_all();
        }
    }

    /// Forgets every connection that can break.
    pub(super) fn forget_all(&self) {
        for slot in self.light.all().chain([&*self.heavy]) {
            locked(slot).take_if(|line| line.breaks());
        }
    }

    /// Whether a call need not be tried: the last ones had no answer, and it was a moment ago. One caller a moment does
    /// try.
    pub(super) fn is_silent(&self) -> bool {
        let mut silence = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_silent = MISSES <= silence.misses && silence.until.is_some_and(|until| now < until);
        if MISSES <= silence.misses && !is_silent {
            silence.until = Some(now + PAUSE);
        }
        is_silent
    }

    pub(super) fn answered(&self) {
        *self.breaker.lock().unwrap_or_else(PoisonError::into_inner) = CircuitBreaker::default();
    }

    pub(super) fn missed(&self) {
        let mut silence = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        silence.misses = silence.misses.saturating_add(1);
        silence.until = Some(Instant::now() + PAUSE);
    }

    pub(super) fn reach(&self) -> &Topology {
        &self.topology
    }
}

fn locked(slot: &ConnectionSlot) -> MutexGuard<'_, Option<SharedConnection>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
