//! How many accounts cannot be read, for whoever asks whether the broker is well: often, and without a secret.

use std::sync::{Mutex, PoisonError};

use latchkey_shared::{account::State, store::BrokerStore};
use tokio::time::{Duration, Instant};

/// Reading all accounts costs something, and anybody may ask.
const FRESH: Duration = Duration::from_secs(2);

/// The last count.
#[derive(Debug, Default)]
pub(crate) struct DamagedCount(Mutex<Option<(Instant, usize)>>);

impl DamagedCount {
    /// How many there are; `None` while Redis does not tell.
    pub(crate) async fn count(&self, store: &BrokerStore) -> Option<usize> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = known.filter(|(at, _)| at.elapsed() < FRESH) {
            return Some(count);
        }
        let accounts = store.accounts().await.ok()?;
        let count = accounts.iter().filter(|account| account.state == State::Damaged).count();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), count));
        Some(count)
    }
}
