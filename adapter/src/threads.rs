//! Which thread this is, of those that serve. Each has a runtime of its own and keeps the connections that it is handed,
//! so that no token crosses threads: with one runtime over all of them a token costs a fifth more (measured on two cores,
//! 2026-11).

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(0) };
}

/// Says which of the threads this one is; the first need not.
pub(crate) fn is(index: usize) {
    INDEX.set(index);
}

/// One value for each thread that serves.
#[derive(Clone, Debug)]
pub(crate) struct PerThread<T>(Arc<[T]>);

impl<T> PerThread<T> {
    /// Makes one for each of so many threads, at least for one.
    pub(crate) fn new<E>(threads: usize, make: impl Fn() -> Result<T, E>) -> Result<Self, E> {
        (0..threads.max(1)).map(|_| make()).collect::<Result<_, _>>().map(Self)
    }

    /// This thread's. Whoever is none of them uses that of the first.
    pub(crate) fn here(&self) -> &T {
        &self.0[INDEX.get() % self.0.len()]
    }
}

/// How many connections a thread has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load(Arc<AtomicUsize>);

/// One connection of a thread. Dropped, it is none.
#[derive(Debug)]
pub(crate) struct Counted(Load);

impl Load {
    /// Counts one more.
    pub(crate) fn count(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }

    /// How many there are.
    pub(crate) fn now(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
