//! What does not belong into Redis: whoever meets it takes it away, counts it, and goes on with the rest.
//!
//! Only what can be done without is taken away: a member of a list that is no account, a counter that is no number.
//! A record of an account is never such; see [`crate::account::State::Damaged`].

use deadpool_redis::redis;

use super::{Store, StoreError};

impl Store {
    /// How often this process took away what did not belong there, by the kind of key.
    #[must_use]
    pub fn discarded(&self) -> Vec<(&'static str, u64)> {
        self.count.all()
    }

    /// Counts and tells, once for all that was found at one time. Never what it was: it may be anything.
    pub(super) fn note_junk(&self, kind: &'static str, count: usize) {
        if count != 0 {
            tracing::warn!(redis.key = kind, count, "took away what does not belong there");
            self.count.add(kind, count);
        }
    }

    /// Takes fields out of a hash.
    pub(super) async fn discard_fields(
        &self,
        kind: &'static str,
        key: &str,
        fields: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        if fields.is_empty() {
            return Ok(());
        }
        let mut remove = redis::cmd("HDEL");
        remove.arg(key);
        for field in fields {
            remove.arg(field.as_slice());
        }
        let removed: usize = self.command(&remove).await?;
        self.note_junk(kind, removed);
        Ok(())
    }

    /// Takes members out of a sorted set.
    pub(super) async fn discard_members(
        &self,
        kind: &'static str,
        key: &str,
        members: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        if members.is_empty() {
            return Ok(());
        }
        let mut remove = redis::cmd("ZREM");
        remove.arg(key);
        for member in members {
            remove.arg(member.as_slice());
        }
        let removed: usize = self.command(&remove).await?;
        self.note_junk(kind, removed);
        Ok(())
    }

    /// Takes away a key that should hold a sorted set and holds something else; whether it did.
    pub(super) async fn discard_unsorted(&self, kind: &'static str, key: &str) -> Result<bool, StoreError> {
        // No right to delete is needed, which an adapter does not have: what has expired is gone at once.
        let script = redis::Script::new(
            "local size = redis.pcall('ZCARD', KEYS[1]) \
             if type(size) ~= 'table' or not string.find(size.err, 'WRONGTYPE', 1, true) then return 0 end \
             redis.call('PEXPIRE', KEYS[1], 0) return 1",
        );
        let discarded: bool = self.script(&script.key(key)).await?;
        self.note_junk(kind, usize::from(discarded));
        Ok(discarded)
    }
}
