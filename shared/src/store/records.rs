//! Sealed records as they lie there: who sealed them, and the same again under another key.

use deadpool_redis::redis;

use super::{BrokerStore, StoreError};
use crate::{id::AccountId, keys, vault::Sealed};

/// What of an account lies sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedRecord {
    /// What is typed; the ring of credentials.
    Credentials,
    /// What its browser kept; the ring of credentials too.
    State,
    /// What adapters use; the ring of sessions.
    Session,
}

impl SealedRecord {
    fn key(self, id: AccountId) -> String {
        match self {
            Self::Credentials => keys::credentials(id),
            Self::State => keys::state(id),
            Self::Session => keys::session(id),
        }
    }
}

impl BrokerStore {
    /// Which key sealed each account's record of a kind; `None` where there is no record.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn sealing_keys(
        &self,
        record: SealedRecord,
        accounts: &[AccountId],
    ) -> Result<Vec<Option<String>>, StoreError> {
        let mut found = Vec::with_capacity(accounts.len());
        for batch in accounts.chunks(500) {
            let read = |id: &AccountId| {
                let mut read = redis::cmd("GETRANGE");
                read.arg(record.key(*id)).arg(0).arg(Sealed::BEGINNING - 1);
                read
            };
            let beginnings = self.each_readable::<Vec<u8>>(batch.iter().map(read).collect()).await?;
            found.extend(beginnings.iter().map(|beginning| Sealed::key_of(beginning.as_deref()?)));
        }
        Ok(found)
    }

    /// Puts a record in the place of another, which must be there still: a newer one is never overwritten. Its expiry
    /// stays.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn replace_record(
        &self,
        record: SealedRecord,
        id: AccountId,
        old: &Sealed,
        new: &Sealed,
    ) -> Result<bool, StoreError> {
        let script = redis::Script::new(
            "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
             redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') return 1",
        );
        let mut call = script.key(record.key(id));
        self.script(call.arg(old.as_bytes()).arg(new.as_bytes())).await
    }
}
