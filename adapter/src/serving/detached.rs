//! Turns whose clients have gone in the middle, for the moment in which they may ask again.
//!
//! Nothing is read from the site meanwhile, and nothing is sent; what it generates waits in the connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use latchkey_shared::shutdown::Tasks;
use tokio::time::sleep;

use super::{fingerprint::RequestFingerprint, transcript::Transcript};
use crate::turn::Turn;

/// OpenCode asks again after two seconds, then after four more; a client that has really gone should not hold an
/// account for longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Turns that may wait at once; each holds an account.
const LIMIT: usize = 64;

/// The turns that wait.
pub(crate) struct DetachedTurns {
    tasks: Tasks,
    waiting: Mutex<DetachedShard>,
}

#[derive(Default)]
struct DetachedShard {
    turns: HashMap<String, DetachedEntry>,
    /// Tells a turn from a later one of the same question.
    tickets: u64,
}

struct DetachedEntry {
    detached: DetachedTurn,
    session: Option<String>,
    ticket: u64,
}

impl DetachedTurns {
    /// An empty one.
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self { tasks, waiting: Mutex::default() }
    }

    /// Lets a turn wait for its client.
    pub(super) fn put(shelf: &Arc<Self>, fingerprint: RequestFingerprint, detached: DetachedTurn) {
        let RequestFingerprint { digest, session } = fingerprint;
        let stopping = shelf.tasks.stopping();
        let mut waiting = shelf.lock();
        if LIMIT <= waiting.turns.len() || stopping.is_cancelled() {
            return;
        }
        waiting.tickets += 1;
        let ticket = waiting.tickets;
        tracing::debug!("the client has gone; its turn waits for a moment");
        let before = waiting.turns.insert(digest.clone(), DetachedEntry { detached, session, ticket });
        drop(waiting);
        drop(before);
        let owner = Arc::clone(shelf);
        shelf.tasks.spawn(async move {
            tokio::select! {
                () = sleep(PATIENCE) => {}
                () = stopping.cancelled() => {}
            }
            owner.remove_if(&digest, |parked| parked.ticket == ticket);
        });
    }

    /// The turn that waits for this question. A session that asks something else has given its turn up.
    pub(super) fn take(&self, fingerprint: &RequestFingerprint) -> Option<DetachedTurn> {
        let mut waiting = self.lock();
        let found = waiting.turns.remove(&fingerprint.digest).map(|parked| parked.detached);
        let given_up: Vec<DetachedEntry> = match &fingerprint.session {
            Some(session) => {
                let of_session =
                    |_: &String, entry: &mut DetachedEntry| entry.session.as_ref() == Some(session);
                waiting.turns.extract_if(of_session).map(|(_, parked)| parked).collect()
            }
            None => Vec::new(),
        };
        drop(waiting);
        drop(given_up);
        found
    }

    fn remove_if(&self, digest: &str, fits: impl Fn(&DetachedEntry) -> bool) {
        let mut waiting = self.lock();
        let over = waiting.turns.get(digest).is_some_and(fits).then(|| waiting.turns.remove(digest));
        drop(waiting);
        // The turn ends here, outside the lock.
        drop(over);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, DetachedShard> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is left of a turn whose client has gone.
pub(super) struct DetachedTurn {
    pub(super) turn: Box<Turn>,
    pub(super) transcript: Transcript,
}
