//! Leases and cooldowns: who may use which account, how often, and not yet. Counted here for all adapters together.

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use deadpool_redis::redis;

use super::{
    AdapterStore, BrokerStore, Store, StoreError,
    values::{millis, random_token},
};
use crate::{
    id::{AccountId, PoolName, SiteName},
    keys,
    site::SharedLimits,
    time::Timestamp,
};

/// Made once: a script is known by the digest of its code, and every request asks for a lease.
static LEASE_ACCOUNT: LazyLock<redis::Script> = LazyLock::new(|| {
    redis::Script::new(concat!(include_str!("lease_account.lua"), include_str!("lease.lua")))
});
static LEASE_SITE: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(include_str!("lease.lua")));

/// Reason of a cooldown: the site refused the account's session. A newer session ends it.
pub const SESSION_EXPIRED: &str = "session_expired";

/// What is left of a cooldown that had no end: the script that finds one gives it this.
const NO_END: Duration = Duration::from_secs(60);

/// Proof of one lease; the places that it holds are each known by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken(String);

impl LeaseToken {
    /// Draws a new one, of an adapter that does not say whether it is there.
    #[must_use]
    pub fn draw() -> Self {
        Self(random_token())
    }

    /// Draws a new one of an adapter, by the id with which it says that it is there.
    #[must_use]
    pub fn of(adapter: &str) -> Self {
        Self(format!("{adapter}.{}", random_token()))
    }
}

/// What an account must be and bear to be leased.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTerms<'a> {
    /// Leases that it has at most, this one included.
    pub concurrency: u32,
    /// Turns of it that begin within any minute at most, this one included.
    pub requests_per_minute: Option<u32>,
    /// Pools of which it must be in one; `None` where every account will do.
    pub pools: Option<&'a BTreeSet<PoolName>>,
    /// Adapters whose places do not count: see [`super::Attendance::absent`].
    pub absent: &'a str,
    /// Life of the lease if nobody renews it.
    pub ttl: Duration,
}

/// What came of asking for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// It is held.
    Held,
    /// All are taken.
    Full,
    /// As many turns have begun in the last minute as may; there is room again after this.
    Spent(Duration),
    /// The account is not to be used for now.
    Cooling {
        /// Why.
        reason: String,
        /// For how long still.
        left: Duration,
    },
    /// The account was removed, switched off, or is in none of the pools that will do.
    Gone,
}

impl AdapterStore {
    /// Holds an account, if it will do and bears one more. Leases past their end do not count.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn lease(
        &self,
        id: AccountId,
        token: &LeaseToken,
        terms: LeaseTerms<'_>,
    ) -> Result<LeaseOutcome, StoreError> {
        let mut call = LEASE_ACCOUNT.key(keys::leases(id));
        call.key(keys::rate(id)).key(keys::cooldown(id));
        call.arg(&token.0).arg(millis(terms.ttl)).arg(terms.concurrency);
        call.arg(optional(terms.requests_per_minute)).arg(terms.absent).arg(keys::account(id));
        for pool in terms.pools.into_iter().flatten() {
            call.arg(pool.as_str());
        }
        self.script(&call).await.map(|answer| self.outcome(answer))
    }

    /// Takes a place of all that a site bears. Never one of a single account: that is another call, and whoever gets
    /// only one of the two gives it back.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn lease_site(
        &self,
        site: &SiteName,
        token: &LeaseToken,
        limits: SharedLimits,
        absent: &str,
        ttl: Duration,
    ) -> Result<LeaseOutcome, StoreError> {
        let mut call = LEASE_SITE.key(keys::site_leases(site));
        call.key(keys::site_rate(site)).arg(&token.0).arg(millis(ttl));
        call.arg(optional(limits.concurrency)).arg(optional(limits.requests_per_minute)).arg(absent);
        self.script(&call).await.map(|answer| self.outcome(answer))
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
        self.renew_place(&keys::leases(id), token, ttl).await
    }

    /// Keeps a site's place for longer; false when it had ended.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn renew_site_lease(
        &self,
        site: &SiteName,
        token: &LeaseToken,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        self.renew_place(&keys::site_leases(site), token, ttl).await
    }

    async fn renew_place(&self, key: &str, token: &LeaseToken, ttl: Duration) -> Result<bool, StoreError> {
        let script = redis::Script::new(
            "if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end \
             local now = redis.call('TIME') \
             redis.call('ZADD', KEYS[1], now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2], ARGV[1]) \
             redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1",
        );
        self.script(script.key(key).arg(&token.0).arg(millis(ttl))).await
    }

    /// Takes a lease that runs, whether it is known still or not: Redis may have forgotten it, or others took its holder for gone.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn claim_lease(
        &self,
        id: AccountId,
        token: &LeaseToken,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        self.claim_place(&keys::leases(id), token, ttl).await
    }

    /// Takes a site's place that is in use, as above.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn claim_site_lease(
        &self,
        site: &SiteName,
        token: &LeaseToken,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        self.claim_place(&keys::site_leases(site), token, ttl).await
    }

    async fn claim_place(&self, key: &str, token: &LeaseToken, ttl: Duration) -> Result<(), StoreError> {
        let script = redis::Script::new(
            "local now = redis.call('TIME') \
             redis.call('ZADD', KEYS[1], now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2], ARGV[1]) \
             redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1",
        );
        self.script(script.key(key).arg(&token.0).arg(millis(ttl))).await
    }

    /// Gives a lease back. Its turn has begun and counts for a minute.
    ///
    /// # Errors
    /// When Redis is unavailable; the lease ends by itself then.
    pub async fn release_lease(&self, id: AccountId, token: &LeaseToken) -> Result<(), StoreError> {
        self.command(redis::cmd("ZREM").arg(keys::leases(id)).arg(&token.0)).await
    }

    /// Gives a site's place back.
    ///
    /// # Errors
    /// When Redis is unavailable; the place is free by itself then.
    pub async fn release_site_lease(&self, site: &SiteName, token: &LeaseToken) -> Result<(), StoreError> {
        self.command(redis::cmd("ZREM").arg(keys::site_leases(site)).arg(&token.0)).await
    }

    /// Undoes a lease whose turn does not begin.
    ///
    /// # Errors
    /// When Redis is unavailable; the lease ends by itself then.
    pub async fn undo_lease(&self, id: AccountId, token: &LeaseToken) -> Result<(), StoreError> {
        self.undo_place(keys::leases(id), keys::rate(id), token).await
    }

    /// Undoes a site's place whose turn does not begin.
    ///
    /// # Errors
    /// When Redis is unavailable; the place is free by itself then.
    pub async fn undo_site_lease(&self, site: &SiteName, token: &LeaseToken) -> Result<(), StoreError> {
        self.undo_place(keys::site_leases(site), keys::site_rate(site), token).await
    }

    async fn undo_place(&self, leases: String, rate: String, token: &LeaseToken) -> Result<(), StoreError> {
        let mut pipe = redis::pipe();
        pipe.cmd("ZREM").arg(leases).arg(&token.0).ignore();
        pipe.cmd("ZREM").arg(rate).arg(&token.0).ignore();
        self.pipeline(&pipe).await
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

    fn outcome(&self, (word, reason, millis): (String, Vec<u8>, i64)) -> LeaseOutcome {
        let left = Duration::from_millis(u64::try_from(millis).unwrap_or_default().max(1));
        match word.as_str() {
            "held" => LeaseOutcome::Held,
            "spent" => LeaseOutcome::Spent(left),
            "cooling" => {
                let reason = String::from_utf8_lossy(&reason).into_owned();
                if millis < 0 {
                    self.note_junk(keys::ANY_COOLDOWN, 1);
                    return LeaseOutcome::Cooling { reason, left: NO_END };
                }
                LeaseOutcome::Cooling { reason, left }
            }
            "gone" => LeaseOutcome::Gone,
            _ => LeaseOutcome::Full,
        }
    }
}

impl Store {
    /// Why an account is not to be used, and for how long still.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn cooldown(&self, id: AccountId) -> Result<Option<(String, Duration)>, StoreError> {
        let mut pipe = redis::pipe();
        pipe.cmd("GET").arg(keys::cooldown(id)).cmd("PTTL").arg(keys::cooldown(id));
        let (reason, left): (Option<Vec<u8>>, i64) = match self.pipeline(&pipe).await {
            Err(StoreError::Unreadable(_)) => return Ok(None),
            cooldown => cooldown?,
        };
        let left = u64::try_from(left).map_or(NO_END, Duration::from_millis);
        Ok(reason.map(|reason| (String::from_utf8_lossy(&reason).into_owned(), left)))
    }
}

impl BrokerStore {
    /// How many leases an account has; those of adapters that are gone do not count.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn leases(&self, id: AccountId) -> Result<u32, StoreError> {
        Ok(self.leases_of(&[id]).await?.into_iter().sum())
    }

    /// How many leases each of these accounts has; those of adapters that are gone do not count.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn leases_of(&self, ids: &[AccountId]) -> Result<Vec<u32>, StoreError> {
        let gone = self.gone().await?;
        let now = Timestamp::now().millis();
        let counts = |place: &Vec<u8>| {
            let place = String::from_utf8_lossy(place);
            place.split_once('.').is_none_or(|(adapter, _)| !gone.contains(adapter))
        };
        let mut counted = Vec::with_capacity(ids.len());
        // In batches, so that ten thousand accounts are no single long call.
        for batch in ids.chunks(500) {
            let list = |id: &AccountId| {
                let mut list = redis::cmd("ZRANGEBYSCORE");
                list.arg(keys::leases(*id)).arg(now).arg("+inf");
                list
            };
            let places = self.each_readable::<Vec<Vec<u8>>>(batch.iter().map(list).collect()).await?;
            let count = |places: Vec<Vec<u8>>| places.iter().filter(|place| counts(place)).count();
            let held = places.into_iter().map(|places| count(places.unwrap_or_default()));
            counted.extend(held.map(|held| u32::try_from(held).unwrap_or(u32::MAX)));
        }
        Ok(counted)
    }
}

fn optional(limit: Option<u32>) -> String {
    limit.map(|limit| limit.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::State;

    #[test]
    fn the_script_knows_every_state_that_may_serve() {
        let script = include_str!("lease_account.lua");
        let known = script.split_once("known = '").and_then(|(_, rest)| rest.split_once('\''));
        let known: BTreeSet<&str> = known.unwrap().0.split_whitespace().collect();
        let stored = State::stored().filter(|state| *state != State::Disabled);

        assert_eq!(
            known,
            stored.map(|state| state.to_string()).collect::<Vec<_>>().iter().map(String::as_str).collect()
        );
    }
}
