//! What adapters ask of brokers: a newer session of an account whose site refuses the present one.
//!
//! A sorted set and no stream: however many adapters ask for one account, there is one request, and any broker may
//! answer it. It stays until a broker has seen to it.

use std::time::Duration;

use deadpool_redis::redis;

use super::{Store, StoreError, keys, sessions::millis};
use crate::id::{AccountId, SiteName};

/// An adapter's word that a site refuses a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshRequest {
    /// Whose session it is.
    pub account: AccountId,
    /// The newest generation that was refused.
    pub generation: u64,
}

impl Store {
    /// Asks for a session newer than `generation`.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn ask_refresh(&self, request: RefreshRequest) -> Result<(), StoreError> {
        let mut add = redis::cmd("ZADD");
        add.arg(keys::REFRESH).arg("GT").arg(request.generation).arg(request.account.to_string());
        self.command(&add).await
    }

    /// Requests that no broker has seen to yet, at most `count`.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn refresh_requests(&self, count: usize) -> Result<Vec<RefreshRequest>, StoreError> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(keys::REFRESH).arg(0).arg(count.saturating_sub(1)).arg("WITHSCORES");
        let found: Vec<(String, u64)> = self.command(&range).await?;
        let request = |(id, generation): (String, u64)| {
            id.parse().ok().map(|account| RefreshRequest { account, generation })
        };
        Ok(found.into_iter().filter_map(request).collect())
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
        let script = redis::Script::new(
            "redis.call('SET', KEYS[1], 0, 'NX', 'PX', 60000) \
             if tonumber(redis.call('GET', KEYS[1])) >= tonumber(ARGV[1]) then return 0 end \
             redis.call('INCR', KEYS[1]) return 1",
        );
        self.script(script.key(keys::site_logins(site)).arg(most)).await
    }

    /// How long the minute still is in which a site's logins are counted.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn logins_left_spent(&self, site: &SiteName) -> Result<Duration, StoreError> {
        let left: i64 = self.command(redis::cmd("PTTL").arg(keys::site_logins(site))).await?;
        Ok(Duration::from_millis(u64::try_from(left).unwrap_or_default()))
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
        let left: i64 = self.command(redis::cmd("PTTL").arg(keys::site_paused(site))).await?;
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
    pub async fn count_forced(&self, id: AccountId, window: Duration) -> Result<u32, StoreError> {
        // The expiry first: a counter without one would never begin anew.
        let script = redis::Script::new(
            "redis.call('SET', KEYS[1], 0, 'NX', 'PX', ARGV[1]) return redis.call('INCR', KEYS[1])",
        );
        self.script(script.key(keys::forced(id)).arg(millis(window))).await
    }
}
