//! When each account's next login is due, and which wait for a browser.

use deadpool_redis::redis::{self, Cmd, FromRedisValue};

use super::{BrokerStore, Store, StoreError, values::parsed};
use crate::{id::AccountId, keys, time::Timestamp};

impl BrokerStore {
    /// Accounts whose time has come, the longest overdue first; not those that wait for a browser.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn due(&self, now: Timestamp, count: usize) -> Result<Vec<AccountId>, StoreError> {
        self.first(keys::DUE, now, count).await
    }

    /// Accounts that are due and wait for a browser, the longest waiting first.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn waiting(&self, now: Timestamp, count: usize) -> Result<Vec<AccountId>, StoreError> {
        self.first(keys::WAITING, now, count).await
    }

    async fn first(
        &self,
        queue: &'static str,
        now: Timestamp,
        count: usize,
    ) -> Result<Vec<AccountId>, StoreError> {
        let mut range = redis::cmd("ZRANGEBYSCORE");
        range.arg(queue).arg("-inf").arg(now.millis()).arg("LIMIT").arg(0).arg(count);
        let members: Vec<Vec<u8>> = self.sorted(queue, &range).await?;
        let mut ids = Vec::with_capacity(members.len());
        let mut junk = Vec::new();
        for member in members {
            match parsed(&member) {
                Some(id) => ids.push(id),
                None => junk.push(member),
            }
        }
        // It would stand before the others for ever.
        self.discard_members(queue, queue, &junk).await?;
        Ok(ids)
    }

    /// Sets when an account is due, sooner or later than it was.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn set_due(&self, id: AccountId, until: Timestamp) -> Result<(), StoreError> {
        let mut add = redis::cmd("ZADD");
        add.arg(keys::DUE).arg(until.millis()).arg(id.to_string());
        // In this order, so that it is never in neither.
        self.sorted::<()>(keys::DUE, &add).await?;
        self.sorted(keys::WAITING, redis::cmd("ZREM").arg(keys::WAITING).arg(id.to_string())).await
    }

    /// Has an account wait for a browser, after all that have waited since before `since`. One that waits keeps its
    /// place.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn wait_for_browser(&self, id: AccountId, since: Timestamp) -> Result<(), StoreError> {
        let mut add = redis::cmd("ZADD");
        add.arg(keys::WAITING).arg("NX").arg(since.millis()).arg(id.to_string());
        self.sorted::<()>(keys::WAITING, &add).await?;
        self.sorted(keys::DUE, redis::cmd("ZREM").arg(keys::DUE).arg(id.to_string())).await
    }

    /// Whether an account waits for a browser.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn is_waiting_for_browser(&self, id: AccountId) -> Result<bool, StoreError> {
        let score: Option<Vec<u8>> =
            self.sorted(keys::WAITING, redis::cmd("ZSCORE").arg(keys::WAITING).arg(id.to_string())).await?;
        Ok(score.is_some())
    }

    /// How many accounts wait for a browser.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn waiting_count(&self) -> Result<u64, StoreError> {
        self.sorted(keys::WAITING, redis::cmd("ZCARD").arg(keys::WAITING)).await
    }

    /// Claims an account that waits for a browser: makes it due at `until`; false when somebody else was faster.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn claim_waiting(&self, id: AccountId, until: Timestamp) -> Result<bool, StoreError> {
        let mut add = redis::cmd("ZADD");
        add.arg(keys::DUE).arg("NX").arg(until.millis()).arg(id.to_string());
        self.sorted::<()>(keys::DUE, &add).await?;
        self.sorted(keys::WAITING, redis::cmd("ZREM").arg(keys::WAITING).arg(id.to_string())).await
    }

    /// Claims an account that is due: sets it to `until`; false when somebody else was faster.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn claim_due(
        &self,
        id: AccountId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let script = redis::Script::new(
            "local due = redis.call('ZSCORE', KEYS[1], ARGV[1]) \
             if not due or (tonumber(due) or 0) > tonumber(ARGV[2]) then return 0 end \
             redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) return 1",
        );
        let mut call = script.key(keys::DUE);
        self.script(call.arg(id.to_string()).arg(now.millis()).arg(until.millis())).await
    }

    /// Takes an account from the due times.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn unschedule(&self, id: AccountId) -> Result<(), StoreError> {
        let remove = |queue: &str| {
            let mut remove = redis::cmd("ZREM");
            remove.arg(queue).arg(id.to_string());
            remove
        };
        self.each_readable::<redis::Value>(vec![remove(keys::DUE), remove(keys::WAITING)]).await.map(drop)
    }
}

impl Store {
    /// A command on a list that all accounts share. Where it is no sorted set, it is made anew.
    pub(super) async fn sorted<T: FromRedisValue>(
        &self,
        list: &'static str,
        command: &Cmd,
    ) -> Result<T, StoreError> {
        match self.command(command).await {
            Err(StoreError::Unreadable(_)) if self.discard_unsorted(list, list).await? => {
                if list != keys::REFRESH {
                    self.plan_anew().await?;
                }
                self.command(command).await
            }
            answer => answer,
        }
    }

    /// Has every account due when its record says so, where the list of due times was lost.
    async fn plan_anew(&self) -> Result<(), StoreError> {
        for account in self.accounts().await? {
            let Some(at) = account.refresh_at.filter(|_| account.state.signs_in_unasked()) else { continue };
            let mut add = redis::cmd("ZADD");
            add.arg(keys::DUE).arg("NX").arg(at.millis()).arg(account.id.to_string());
            match self.command::<()>(&add).await {
                // The other list is in nobody's way.
                Ok(()) | Err(StoreError::Unreadable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
