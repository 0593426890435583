//! Which thread this is, of those that serve.
//!
//! Each has a runtime of its own, with what it talks to, and keeps the connections that it is handed: so no token crosses
//! threads. With one runtime over all of them a token costs a fifth more (measured on two cores, 2026-11).

use std::{cell::Cell, sync::Arc};

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(0) };
}

/// Says which of the threads this one is; the first need not.
pub fn is(index: usize) {
    INDEX.set(index);
}

/// One value for each thread that serves. Clones share them.
#[derive(Debug)]
pub struct PerThread<T>(Arc<[T]>);

impl<T> Clone for PerThread<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PerThread<T> {
    /// Makes one for each of so many threads, at least for one.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn new<E>(threads: usize, make: impl Fn() -> Result<T, E>) -> Result<Self, E> {
        (0..threads.max(1)).map(|_| make()).collect::<Result<_, _>>().map(Self)
    }

    /// Makes one for each of so many threads, at least for one.
    #[must_use]
    pub fn of(threads: usize, make: impl Fn() -> T) -> Self {
        Self((0..threads.max(1)).map(|_| make()).collect())
    }

    /// This thread's. Whoever is none of them uses that of the first.
    #[must_use]
    pub fn here(&self) -> &T {
        &self.0[INDEX.get() % self.0.len()]
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}
