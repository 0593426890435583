//! Answers that are kept for a moment: for a client that asks the same again, which takes it once; or for one that names
//! what it was answered, as often as it likes.

use std::time::Duration;

use deadpool_redis::redis;

use super::{AdapterStore, StoreError, values::millis};
use crate::{keys, vault::Sealed};

impl AdapterStore {
    /// Keeps an answer under the digest of what was asked.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn keep_answer(&self, digest: &str, sealed: &Sealed, ttl: Duration) -> Result<(), StoreError> {
        let mut set = redis::cmd("SET");
        set.arg(keys::answer(digest)).arg(sealed.as_bytes()).arg("PX").arg(millis(ttl).max(1));
        self.command(&set).await
    }

    /// Takes the answer to what was asked; nobody else gets it.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn take_answer(&self, digest: &str) -> Result<Option<Sealed>, StoreError> {
        self.sealed_answer("GETDEL", digest).await
    }

    /// The answer that is kept under a digest, for everybody who knows that.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn answer(&self, digest: &str) -> Result<Option<Sealed>, StoreError> {
        self.sealed_answer("GET", digest).await
    }

    async fn sealed_answer(&self, command: &str, digest: &str) -> Result<Option<Sealed>, StoreError> {
        let record: Option<Vec<u8>> = match self.command(redis::cmd(command).arg(keys::answer(digest))).await
        {
            Err(StoreError::Unreadable(_)) => None,
            record => record?,
        };
        Ok(record.map(Sealed::from_stored))
    }
}
