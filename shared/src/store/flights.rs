//! Recordings of turns: the last so many, each for a while.

use std::time::Duration;

use deadpool_redis::redis;

use super::{
    AdapterStore, StoreError,
    values::{millis, parsed},
};
use crate::{keys, time::Timestamp, vault::Sealed};

/// Recordings forgotten at once; a smaller number of them is reached over several turns.
const FORGOTTEN: isize = 16;

impl AdapterStore {
    /// Keeps a turn's recording, and forgets those that are too many.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn keep_flight(
        &self,
        id: &str,
        sealed: &Sealed,
        ttl: Duration,
        turns: usize,
    ) -> Result<(), StoreError> {
        let now = Timestamp::now().millis();
        let ttl_ms = millis(ttl).max(1);
        let mut set = redis::cmd("SET");
        set.arg(keys::flight(id)).arg(sealed.as_bytes()).arg("PX").arg(ttl_ms);
        self.command::<()>(&set).await?;
        let mut add = redis::cmd("ZADD");
        add.arg(keys::FLIGHTS).arg(now).arg(id);
        match self.command::<()>(&add).await {
            Err(StoreError::Unreadable(_)) if self.discard_unsorted(keys::FLIGHTS, keys::FLIGHTS).await? => {
                self.command::<()>(&add).await?;
            }
            added => added?,
        }
        let mut expire = redis::cmd("ZREMRANGEBYSCORE");
        expire.arg(keys::FLIGHTS).arg("-inf").arg(now.saturating_sub(ttl_ms));
        self.command::<()>(&expire).await?;
        let count: usize = self.command(redis::cmd("ZCARD").arg(keys::FLIGHTS)).await?;
        let Some(many) = count.checked_sub(turns).filter(|many| *many > 0) else { return Ok(()) };
        let last = isize::try_from(many).unwrap_or(FORGOTTEN).min(FORGOTTEN) - 1;
        let oldest: Vec<Vec<u8>> =
            self.command(redis::cmd("ZRANGE").arg(keys::FLIGHTS).arg(0).arg(last)).await?;
        for old in oldest {
            // An adapter may delete nothing; what expires at once is gone as well.
            if let Some(old) = parsed::<String>(&old) {
                self.command::<()>(redis::cmd("PEXPIRE").arg(keys::flight(&old)).arg(1)).await?;
            }
            self.command::<()>(redis::cmd("ZREM").arg(keys::FLIGHTS).arg(old)).await?;
        }
        Ok(())
    }

    /// A turn's recording, if it is still kept.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn flight(&self, id: &str) -> Result<Option<Sealed>, StoreError> {
        let sealed: Option<Vec<u8>> = match self.command(redis::cmd("GET").arg(keys::flight(id))).await {
            Err(StoreError::Unreadable(_)) => None,
            sealed => sealed?,
        };
        Ok(sealed.map(Sealed::from_stored))
    }

    /// The ids of the recorded turns, the newest first.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn flights(&self) -> Result<Vec<String>, StoreError> {
        let ids: Vec<Vec<u8>> =
            match self.command(redis::cmd("ZRANGE").arg(keys::FLIGHTS).arg(0).arg(-1)).await {
                Err(StoreError::Unreadable(_)) => Vec::new(),
                ids => ids?,
            };
        Ok(ids.iter().rev().filter_map(|id| parsed(id)).collect())
    }
}
