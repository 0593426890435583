//! How many connections a thread has.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many connections a thread has.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionCount(Arc<AtomicUsize>);

/// One connection of a thread. Dropped, it is none.
#[derive(Debug)]
pub(crate) struct CountedConnection(ConnectionCount);

impl ConnectionCount {
    /// Counts one more.
    pub(crate) fn count(&self) -> CountedConnection {
        self.0.fetch_add(1, Ordering::Relaxed);
        CountedConnection(self.clone())
    }

    /// How many there are.
    pub(crate) fn now(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
