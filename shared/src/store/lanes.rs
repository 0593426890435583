//! The connections that all calls of a process share.
//!
//! Each is multiplexed: calls of many tasks go out in one write and need no turn of their own. deadpool makes the
//! connections; checking one out for each call would cost a PING each (measured, deadpool-redis 0.23.1, 2026-11:
//! three times the round trips, half of an adapter's CPU time per request).

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    StoreError,
    reach::{Line, Reach},
};

/// Connections of one process; the second keeps a large answer from holding up everybody.
pub(super) const LANES: usize = 2;

/// Clones share the connections.
#[derive(Clone)]
pub(super) struct Lanes {
    reach: Reach,
    open: Arc<[Mutex<Option<Line>>; LANES]>,
    next: Arc<AtomicUsize>,
}

/// A connection for one call.
pub(super) struct Lane {
    pub(super) connection: Line,
}

impl Lanes {
    pub(super) fn new(reach: Reach) -> Self {
        Self { reach, open: Arc::default(), next: Arc::default() }
    }

    /// One of the connections, made anew if it is not there.
    pub(super) async fn take(&self) -> Result<Lane, StoreError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % LANES;
        if let Some(connection) = self.slot(index).clone() {
            return Ok(Lane { connection });
        }
        let made = self.reach.connect().await?;
        // Whoever was faster keeps the place: two connections for one lane would be one too many.
        let connection = self.slot(index).get_or_insert(made).clone();
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
        for index in 0..LANES {
            self.slot(index).take_if(|line| line.breaks());
        }
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    fn slot(&self, index: usize) -> std::sync::MutexGuard<'_, Option<Line>> {
        self.open[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
