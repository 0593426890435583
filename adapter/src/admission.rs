//! How many answers this process has room for: whoever comes when it is full is told to ask another, before anything of
//! the request is read. An adapter that takes on more than it has files or memory for loses what it already has.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

mod refusals;

pub(crate) use refusals::RefusalLog;

/// An answer is a connection to the client and one to the site.
const FILES_OF_AN_ANSWER: u64 = 2;
/// Redis, listener, epoll, idle connections, and those of probes and operators.
const OTHER_FILES: u64 = 256;

/// The room. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct AdmissionLimit(Arc<Semaphore>);

impl AdmissionLimit {
    /// As many places as are wanted, or as this process may have files for.
    pub(crate) fn new(wanted: usize) -> Self {
        let files = files();
        let places = places(wanted, files);
        if places < wanted {
            let needed = wanted as u64 * FILES_OF_AN_ANSWER + OTHER_FILES;
            tracing::warn!(
                files,
                places,
                "fewer answers at once than LATCHKEY_STREAMS says: {wanted} need {needed} open files; raise the limit \
                 (ulimit -n, LimitNOFILE= of systemd, ulimits: of compose) or lower LATCHKEY_STREAMS to {places}"
            );
        }
        Self(Arc::new(Semaphore::new(places)))
    }

    /// The place of one answer, if there is one; dropped, it is free.
    pub(crate) fn try_acquire(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

/// How many files this process may open, after it has taken all that it may take by itself.
fn files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Some systems name a hard limit that they do not grant.
    let granted = setrlimit(Resource::Nofile, raised).is_ok();
    let files = if granted { limit.maximum } else { limit.current };
    files.unwrap_or(u64::MAX)
}

/// How many answers so many files are enough for; one at least.
fn places(wanted: usize, files: u64) -> usize {
    let fit = files.saturating_sub(OTHER_FILES) / FILES_OF_AN_ANSWER;
    let fit = usize::try_from(fit).unwrap_or(usize::MAX).max(1);
    wanted.clamp(1, fit.min(Semaphore::MAX_PERMITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_places_as_files() {
        assert_eq!(places(4000, 1024), 384);
        assert_eq!(places(100, 1024), 100);
        assert_eq!(places(4000, 10), 1);
        assert_eq!(places(usize::MAX, u64::MAX), Semaphore::MAX_PERMITS);
    }
}
