//! Sockets outlive the requests that opened them: here they are counted, told to end, and waited for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What sockets remember is counted in pieces of this size.
const PIECE_BYTES: usize = 1024;
/// Of so many answers' places one socket may be open beside them: between two turns it has only its connection.
const ANSWERS_A_SOCKET: usize = 4;
/// So many may be open however few answers there may be.
const LEAST: usize = 64;
/// So many of the longest bodies all sockets remember together.
const LONGEST_HELD: usize = 4;

/// The sockets of this process. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct OpenSockets {
    tracker: TaskTracker,
    draining: CancellationToken,
    memory: Arc<Semaphore>,
    most: usize,
}

impl OpenSockets {
    /// None as yet; `body_limit` is what one of them may remember, in bytes, `answers` how many there may be at once.
    pub(crate) fn new(body_limit: usize, answers: usize) -> Self {
        let pieces = body_limit.saturating_mul(LONGEST_HELD).div_ceil(PIECE_BYTES);
        let memory = Arc::new(Semaphore::new(pieces.min(Semaphore::MAX_PERMITS)));
        let most = answers.div_ceil(ANSWERS_A_SOCKET).max(LEAST);
        Self { tracker: TaskTracker::new(), draining: CancellationToken::new(), memory, most }
    }

    /// Whether there is room for no more of them.
    pub(crate) fn is_full(&self) -> bool {
        self.most <= self.tracker.len()
    }

    /// Serves a socket until it ends.
    pub(crate) fn spawn(&self, socket: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(socket);
    }

    /// Room to remember so many bytes, if there is some; dropped, it is free.
    pub(crate) fn hold(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE_BYTES)).ok()?;
        Arc::clone(&self.memory).try_acquire_many_owned(pieces).ok()
    }

    /// Tells all to end with the turn that they have.
    pub(crate) fn drain(&self) {
        self.draining.cancel();
    }

    /// Cancelled once they are told to end.
    pub(crate) fn draining(&self) -> &CancellationToken {
        &self.draining
    }

    /// Waits until none is left.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sockets_together_remember_no_more_than_a_few_bodies() {
        let sockets = OpenSockets::new(10 * PIECE_BYTES, 1);

        let held: Vec<_> = (0..5).map(|_| sockets.hold(10 * PIECE_BYTES)).collect();

        assert_eq!(held.iter().flatten().count(), LONGEST_HELD);
        drop(held);
        assert!(sockets.hold(PIECE_BYTES + 1).is_some());
        assert!(sockets.hold(41 * PIECE_BYTES).is_none() && sockets.hold(usize::MAX).is_none());
    }

    #[tokio::test]
    async fn there_are_no_more_sockets_than_a_share_of_the_answers() {
        let sockets = OpenSockets::new(PIECE_BYTES, 2 * LEAST * ANSWERS_A_SOCKET);

        for _ in 0..2 * LEAST {
            assert!(!sockets.is_full());
            sockets.spawn(std::future::pending());
        }
        assert!(sockets.is_full());
    }
}
