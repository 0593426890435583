//! Says in the log that secrets were refused: at once, and then no more often than once a minute, with how many.
//!
//! Whoever guesses must not fill the log, and an operator whose gateway has an old key must find out why it is silent.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(60);

/// What was refused and not told yet.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog(Mutex<RefusalCounts>);

#[derive(Debug, Default)]
struct RefusalCounts {
    refused: u64,
    told: Option<Instant>,
}

impl RefusalLog {
    /// Counts one, and logs it with those before if it is time.
    pub(crate) fn note(&self) {
        if let Some(refused) = self.due(Instant::now()) {
            tracing::warn!(
                refused,
                "requests had no shared secret, or a wrong one; compare the key of the gateway's channel with \
                 LATCHKEY_SHARED_SECRETS"
            );
        }
    }

    fn due(&self, now: Instant) -> Option<u64> {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        untold.refused += 1;
        if untold.told.is_some_and(|told| now < told + PAUSE) {
            return None;
        }
        untold.told = Some(now);
        Some(std::mem::take(&mut untold.refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_line_a_minute() {
        let refusals = RefusalLog::default();
        let now = Instant::now();

        assert_eq!(refusals.due(now), Some(1));
        assert!((1..1000).all(|at| refusals.due(now + Duration::from_millis(at)).is_none()));
        assert_eq!(refusals.due(now + PAUSE), Some(1000));
    }
}
