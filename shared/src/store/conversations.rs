//! Which conversation of a site goes on with which beginning: kept by adapters, each used once.

use std::{collections::BTreeMap, time::Duration};

use deadpool_redis::redis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AdapterStore, StoreError, values::millis};
use crate::{id::AccountId, keys, vault::Sealed};

/// A conversation at a site. Worth nothing without the account's session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredConversation {
    /// Whose it is.
    pub account: AccountId,
    /// With which of its sessions it was had: a new one may be unknown to it.
    pub generation: u64,
    /// What the site calls it.
    pub values: BTreeMap<String, Value>,
}

impl AdapterStore {
    /// Keeps a conversation under the digest of what was said in it.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn keep_conversation(
        &self,
        digest: &str,
        sealed: &Sealed,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        let mut set = redis::cmd("SET");
        set.arg(keys::conversation(digest)).arg(sealed.as_bytes()).arg("PX").arg(millis(ttl).max(1));
        self.command(&set).await
    }

    /// Notes that a turn of a conversation was nudged. Turns count on, so that the window moves by itself.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn note_nudge(&self, digest: &str, turn: u64, ttl: Duration) -> Result<(), StoreError> {
        let key = keys::nudges(digest);
        let mut pipeline = redis::pipe();
        pipeline.cmd("ZADD").arg(&key).arg(turn).arg(turn).ignore();
        pipeline.cmd("PEXPIRE").arg(&key).arg(millis(ttl).max(1)).ignore();
        match self.pipeline(&pipeline).await {
            Err(StoreError::Unreadable(_)) => self.discard_unsorted(keys::ANY_NUDGES, &key).await.map(drop),
            noted => noted,
        }
    }

    /// How many turns of a conversation were nudged, from one turn up to another, which does not count.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn nudges(&self, digest: &str, from: u64, to: u64) -> Result<u32, StoreError> {
        let mut count = redis::cmd("ZCOUNT");
        count.arg(keys::nudges(digest)).arg(from).arg(format!("({to}"));
        match self.command(&count).await {
            Err(StoreError::Unreadable(_)) => Ok(0),
            counted => counted,
        }
    }

    /// Takes the conversation in which just this was said; nobody else gets it. What cannot be read is none.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn take_conversation(&self, digest: &str) -> Result<Option<Sealed>, StoreError> {
        let record: Option<Vec<u8>> =
            match self.command(redis::cmd("GETDEL").arg(keys::conversation(digest))).await {
                Err(StoreError::Unreadable(_)) => None,
                record => record?,
            };
        Ok(record.map(Sealed::from_stored))
    }
}
