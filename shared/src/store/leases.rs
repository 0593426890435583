//! Leases and cooldowns: who may use which account, how often, and not yet.

use std::time::Duration;

use deadpool_redis::redis;

use super::{
    Store, StoreError, keys,
    sessions::{millis, random_token},
};
use crate::{
    id::{AccountId, SiteName},
    time::Timestamp,
};

/// Reason of a cooldown: the site refused the account's session. A newer session ends it.
pub const SESSION_EXPIRED: &str = "session_expired";

/// Proof of one lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseToken(String);

/// What came of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// The account is held.
    Held(LeaseToken),
    /// It has as many leases as it bears.
    Full,
    /// It is not to be used for now, with the reason.
    Cooling(String),
}

impl Store {
    /// Accounts of a site, those first that were leased longest ago.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn longest_idle(&self, site: &SiteName, count: usize) -> Result<Vec<AccountId>, StoreError> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(keys::site_idle(site)).arg(0).arg(count.saturating_sub(1));
        let ids: Vec<String> = self.command(&range).await?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Holds an account, if it has fewer than `limit` leases and is not cooling. Leases past their end do not count.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn lease(
        &self,
        id: AccountId,
        site: &SiteName,
        limit: u32,
        ttl: Duration,
    ) -> Result<LeaseOutcome, StoreError> {
        let token = random_token();
        let script = redis::Script::new(include_str!("lease.lua"));
        let mut call = script.key(keys::leases(id));
        call.key(keys::cooldown(id)).arg(&token).arg(limit).arg(millis(ttl));
        let mut touch = redis::cmd("ZADD");
        touch.arg(keys::site_idle(site)).arg("XX").arg(Timestamp::now().millis()).arg(id.to_string());
        // Together: one round trip. Whoever was asked goes to the end of the line, also when it was full.
        let (leased, touched) = tokio::join!(self.script(&call), self.command::<()>(&touch));
        // Only the order in which accounts are taken: no reason to lose a lease that is granted.
        if let Err(error) = touched {
            tracing::debug!(account.id = %id, %error, "cannot note the lease");
        }
        let (outcome, reason): (String, String) = leased?;
        match outcome.as_str() {
            "held" => Ok(LeaseOutcome::Held(LeaseToken(token))),
            "cooling" => Ok(LeaseOutcome::Cooling(reason)),
            _ => Ok(LeaseOutcome::Full),
        }
    }

    /// Keeps a lease for longer; false when it had ended.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn renew_lease(
        &self,
        id: AccountId,
        token: &LeaseToken,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let script = redis::Script::new(
            "if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end \
             local now = redis.call('TIME') \
             redis.call('ZADD', KEYS[1], now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2], ARGV[1]) \
             redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1",
        );
        self.script(script.key(keys::leases(id)).arg(&token.0).arg(millis(ttl))).await
    }

    /// Gives a lease back.
    ///
    /// # Errors
    /// When Redis is unavailable; the lease ends by itself then.
    pub async fn release_lease(&self, id: AccountId, token: &LeaseToken) -> Result<(), StoreError> {
        self.command(redis::cmd("ZREM").arg(keys::leases(id)).arg(&token.0)).await
    }

    /// How many leases an account has.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn leases(&self, id: AccountId) -> Result<u32, StoreError> {
        let mut count = redis::cmd("ZCOUNT");
        count.arg(keys::leases(id)).arg(Timestamp::now().millis()).arg("+inf");
        self.command(&count).await
    }

    /// How many leases each of these accounts has.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn leases_of(&self, ids: &[AccountId]) -> Result<Vec<u32>, StoreError> {
        let now = Timestamp::now().millis();
        let mut counts = Vec::with_capacity(ids.len());
        // In batches, so that ten thousand accounts are no single long call.
        for batch in ids.chunks(500) {
            let mut pipe = redis::pipe();
            for id in batch {
                pipe.cmd("ZCOUNT").arg(keys::leases(*id)).arg(now).arg("+inf");
            }
            counts.append(&mut self.pipeline(&pipe).await?);
        }
        Ok(counts)
    }

    /// Keeps an account from being leased for a while; a longer cooldown that runs already stays.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn cool(&self, id: AccountId, reason: &str, duration: Duration) -> Result<(), StoreError> {
        let script = redis::Script::new(
            "if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then \
             redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end return 1",
        );
        self.script(script.key(keys::cooldown(id)).arg(reason).arg(millis(duration).max(1))).await
    }

    /// Why an account is not to be used, and for how long still.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn cooldown(&self, id: AccountId) -> Result<Option<(String, Duration)>, StoreError> {
        let mut pipe = redis::pipe();
        pipe.cmd("GET").arg(keys::cooldown(id)).cmd("PTTL").arg(keys::cooldown(id));
        let (reason, left): (Option<String>, i64) = self.pipeline(&pipe).await?;
        let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
        Ok(reason.map(|reason| (reason, left)))
    }
}
