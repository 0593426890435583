//! What adapters ask of brokers: a newer session of an account whose site refuses the present one.
//!
//! A sorted set and no stream: however many adapters ask for one account, there is one request, and any broker may
//! answer it. It stays until a broker has seen to it.

use std::time::Duration;

use deadpool_redis::redis;

use super::{
    AdapterStore, BrokerStore, StoreError,
    accounts::fields::optional,
    values::{millis, parsed},
};
use crate::{
    id::{AccountId, SiteName},
    keys,
};

/// In which a site's logins are counted.
const MINUTE: Duration = Duration::from_secs(60);
/// No pause of a site is longer; one without an end is as long.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// An adapter's word that a site refuses a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshRequest {
    /// Whose session it is.
    pub account: AccountId,
    /// The newest generation that was refused.
    pub generation: u64,
}

impl AdapterStore {
    /// Asks for a session newer than `generation`.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn ask_refresh(&self, request: RefreshRequest) -> Result<(), StoreError> {
        let mut add = redis::cmd("ZADD");
        add.arg(keys::REFRESH).arg("GT").arg(request.generation).arg(request.account.to_string());
        self.sorted(keys::REFRESH, &add).await
    }
}

impl BrokerStore {
    /// Requests that no broker has seen to yet, at most `count`.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn refresh_requests(&self, count: usize) -> Result<Vec<RefreshRequest>, StoreError> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(keys::REFRESH).arg(0).arg(count.saturating_sub(1)).arg("WITHSCORES");
        let found: Vec<(Vec<u8>, Vec<u8>)> = self.sorted(keys::REFRESH, &range).await?;
        let mut requests = Vec::with_capacity(found.len());
        let mut junk = Vec::new();
        for (member, score) in found {
            match parsed(&member).zip(parsed(&score)) {
                Some((account, generation)) => requests.push(RefreshRequest { account, generation }),
                None => junk.push(member),
            }
        }
        // It would be looked at before the others for ever.
        self.discard_members(keys::REFRESH, keys::REFRESH, &junk).await?;
        Ok(requests)
    }

    /// Takes away a request that no adapter can have made. It may not keep a true one out: the higher generation stays.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn refuse_refresh_request(&self, request: RefreshRequest) -> Result<(), StoreError> {
        let script = redis::Script::new(
            "local asked = redis.call('ZSCORE', KEYS[1], ARGV[1]) \
             if not asked or tonumber(asked) ~= tonumber(ARGV[2]) then return 0 end \
             return redis.call('ZREM', KEYS[1], ARGV[1])",
        );
        let mut call = script.key(keys::REFRESH);
        let removed = self.script(call.arg(request.account.to_string()).arg(request.generation)).await?;
        self.note_junk(keys::REFRESH, removed);
        Ok(())
    }

    /// Ends a request, unless a newer generation was refused since.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn end_refresh_request(&self, request: RefreshRequest) -> Result<(), StoreError> {
        let script = redis::Script::new(
            "local asked = redis.call('ZSCORE', KEYS[1], ARGV[1]) \
             if asked and tonumber(asked) <= tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[1]) end \
             return 1",
        );
        let mut call = script.key(keys::REFRESH);
        self.script(call.arg(request.account.to_string()).arg(request.generation)).await
    }

    /// Counts a login at a site, if it had fewer than `most` in this minute; false when it had.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn count_login(&self, site: &SiteName, most: u32) -> Result<bool, StoreError> {
        self.count(&keys::site_logins(site), Some(MINUTE), Some(most)).await.map(|count| count > 0)
    }

    /// How long the minute still is in which a site's logins are counted.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn logins_left_spent(&self, site: &SiteName) -> Result<Duration, StoreError> {
        let left: i64 = self.command(redis::cmd("PTTL").arg(keys::site_logins(site))).await?;
        Ok(Duration::from_millis(u64::try_from(left).unwrap_or_default()).min(MINUTE))
    }

    /// Notes that a site refused an account's password; gives how many of its accounts had that within `window`.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn count_rejected(
        &self,
        site: &SiteName,
        id: AccountId,
        window: Duration,
    ) -> Result<u32, StoreError> {
        let script = redis::Script::new(include_str!("count_rejected.lua"));
        let mut call = script.key(keys::site_rejected(site));
        self.script(call.arg(id.to_string()).arg(millis(window))).await
    }

    /// Has nothing typed at a site unasked for a while.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn pause_site(&self, site: &SiteName, pause: Duration) -> Result<(), StoreError> {
        let mut set = redis::cmd("SET");
        set.arg(keys::site_paused(site)).arg(1).arg("PX").arg(millis(pause));
        self.command(&set).await
    }

    /// How long a site is paused still.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn site_paused(&self, site: &SiteName) -> Result<Option<Duration>, StoreError> {
        let script = redis::Script::new(
            "local left = redis.call('PTTL', KEYS[1]) \
             if left == -1 or left > tonumber(ARGV[1]) then \
             redis.call('PEXPIRE', KEYS[1], ARGV[1]) return tonumber(ARGV[1]) end \
             return left",
        );
        let left: i64 = self.script(script.key(keys::site_paused(site)).arg(millis(LONGEST_PAUSE))).await?;
        Ok(u64::try_from(left).ok().map(Duration::from_millis))
    }

    /// Ends the pause of a site, and forgets whom it refused.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn resume_site(&self, site: &SiteName) -> Result<(), StoreError> {
        let mut delete = redis::cmd("DEL");
        delete.arg(keys::site_paused(site)).arg(keys::site_rejected(site));
        self.command(&delete).await
    }

    /// Counts a login of an account that adapters asked for; gives how many there were since `window` began.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn count_requested_logins(&self, id: AccountId, window: Duration) -> Result<u32, StoreError> {
        self.count(&keys::forced(id), Some(window), None).await
    }

    /// Counts one more, if there are fewer than `most` within `life` of the first; gives the count, or 0.
    pub(super) async fn count(
        &self,
        key: &str,
        life: Option<Duration>,
        most: Option<u32>,
    ) -> Result<u32, StoreError> {
        let script = redis::Script::new(include_str!("count.lua"));
        let mut call = script.key(key);
        let count: u64 = self.script(call.arg(optional(life.map(millis))).arg(optional(most))).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}
