//! What came of something, counted for a time: names and numbers, and nothing of what was said.

use std::{collections::BTreeMap, time::Duration};

use deadpool_redis::redis;

use super::{AdapterStore, StoreError, values::millis};
use crate::keys;

impl AdapterStore {
    /// Counts an outcome under a digest in a period; `ttl` is from now.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn count_outcome(
        &self,
        digest: &str,
        period: u64,
        name: &str,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        let key = keys::outcomes(digest, period);
        let mut pipeline = redis::pipe();
        pipeline.cmd("HINCRBY").arg(&key).arg(name).arg(1).ignore();
        // Whatever the key holds, it ends.
        pipeline.cmd("PEXPIRE").arg(&key).arg(millis(ttl).max(1)).ignore();
        self.pipeline(&pipeline).await
    }

    /// How often each outcome was counted under a digest, in two periods together. What is no number is left out.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn outcomes(
        &self,
        digest: &str,
        periods: [u64; 2],
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for period in periods {
            let fields: BTreeMap<Vec<u8>, Vec<u8>> =
                match self.command(redis::cmd("HGETALL").arg(keys::outcomes(digest, period))).await {
                    Err(StoreError::Unreadable(_)) => continue,
                    fields => fields?,
                };
            for (name, count) in fields {
                let read = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
                let Some((name, count)) =
                    read(name).zip(read(count).and_then(|count| count.parse::<u64>().ok()))
                else {
                    continue;
                };
                let total: &mut u64 = counts.entry(name).or_default();
                *total = total.saturating_add(count);
            }
        }
        Ok(counts)
    }
}
