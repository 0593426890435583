//! The connections that all calls of a process share.
//!
//! Each is multiplexed: calls of many tasks go out in one write and need no turn of their own. deadpool makes the
//! connections; checking one out for each call would cost a PING each (measured, deadpool-redis 0.23.1, 2026-11:
//! three times the round trips, half of an adapter's CPU time per request).

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use deadpool_redis::{Connection, Pool, PoolError, redis::aio::MultiplexedConnection};

use super::StoreError;

/// Connections of one process; the second keeps a large answer from holding up everybody.
pub(super) const LANES: usize = 2;

/// Clones share the connections.
#[derive(Clone)]
pub(super) struct Lanes {
    pool: Pool,
    open: Arc<[Mutex<Option<MultiplexedConnection>>; LANES]>,
    next: Arc<AtomicUsize>,
}

/// A connection for one call, and which one it is.
pub(super) struct Lane {
    pub(super) connection: MultiplexedConnection,
    index: usize,
}

impl Lanes {
    pub(super) fn new(pool: Pool) -> Self {
        Self { pool, open: Arc::default(), next: Arc::default() }
    }

    /// One of the connections, made anew if it is not there.
    pub(super) async fn take(&self) -> Result<Lane, StoreError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % LANES;
        if let Some(connection) = self.slot(index).clone() {
            return Ok(Lane { connection, index });
        }
        let made = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => StoreError::from(error),
            other => StoreError::Unavailable(other.to_string()),
        })?;
        let made = Connection::take(made);
        // Whoever was faster keeps the place: two connections for one lane would be one too many.
        let connection = self.slot(index).get_or_insert(made).clone();
        Ok(Lane { connection, index })
    }

    /// Forgets a connection that failed; the next call makes it anew.
    pub(super) fn forget(&self, lane: &Lane) {
        *self.slot(lane.index) = None;
    }

    fn slot(&self, index: usize) -> std::sync::MutexGuard<'_, Option<MultiplexedConnection>> {
        self.open[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
