//! Accounts, and when their next login is due.

use std::collections::{BTreeSet, HashMap};

use deadpool_redis::redis;

use super::{Store, StoreError, keys};
use crate::{
    account::{Account, Evidence, LastLogin, State},
    id::{AccountId, PoolName, SiteName},
    time::Timestamp,
};

pub(super) mod fields;

/// What changes in an account; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Where it must stand now; otherwise nothing changes. Whoever changes a state that another may change needs it.
    pub from: Option<State>,
    /// What the operator calls it.
    pub label: Option<String>,
    /// Where it stands, and why.
    pub state: Option<(State, String)>,
    /// Pools that it belongs to.
    pub pools: Option<BTreeSet<PoolName>>,
    /// Its share of the turns.
    pub weight: Option<u32>,
    /// Streams at once.
    pub concurrency: Option<Option<u32>>,
    /// Turns that begin within any minute.
    pub requests_per_minute: Option<Option<u32>>,
    /// Cron expression.
    pub schedule: Option<Option<String>>,
    /// When the broker signs in next by itself; `Some(None)` never.
    pub refresh_at: Option<Option<Timestamp>>,
    /// How the last login went.
    pub last_login: Option<LastLogin>,
    /// What was seen of it at its site.
    pub evidence: Option<Evidence>,
    /// Version of the credentials that the site refused.
    pub rejected_version: Option<u64>,
}

impl Store {
    /// Adds an account.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn create_account(&self, account: &Account) -> Result<(), StoreError> {
        let mut hash = redis::cmd("HSET");
        hash.arg(keys::account(account.id));
        for (field, value) in fields::of_account(account) {
            hash.arg(field).arg(value);
        }
        // First: who is listed must be there.
        self.command::<()>(&hash).await?;
        let id = account.id.to_string();
        let (mut site, mut listed) = (redis::cmd("SADD"), redis::cmd("SADD"));
        site.arg(keys::SITES).arg(account.site.as_str());
        listed.arg(keys::site_accounts(&account.site)).arg(&id);
        self.each::<redis::Value>(vec![site, listed]).await?;
        self.announce(account.id, account.generation, account.state).await
    }

    /// One account.
    ///
    /// # Errors
    /// When Redis is unavailable or holds nonsense.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let fields: HashMap<String, String> =
            self.command(redis::cmd("HGETALL").arg(keys::account(id))).await?;
        if fields.is_empty() { Ok(None) } else { fields::parse(id, &fields).map(Some) }
    }

    /// Every account, the oldest first.
    ///
    /// # Errors
    /// When Redis is unavailable or holds nonsense.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let sites: Vec<String> = self.command(redis::cmd("SMEMBERS").arg(keys::SITES)).await?;
        let mut accounts = Vec::new();
        for site in sites.iter().filter_map(|site| site.parse::<SiteName>().ok()) {
            accounts.append(&mut self.site_accounts(&site).await?);
        }
        accounts.sort_by_key(|account| account.id);
        Ok(accounts)
    }

    /// The accounts of one site, the oldest first.
    ///
    /// # Errors
    /// When Redis is unavailable or holds nonsense.
    pub async fn site_accounts(&self, site: &SiteName) -> Result<Vec<Account>, StoreError> {
        let ids: Vec<String> = self.command(redis::cmd("SMEMBERS").arg(keys::site_accounts(site))).await?;
        let ids: Vec<AccountId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let mut accounts = Vec::with_capacity(ids.len());
        // In batches, so that ten thousand accounts are no single long call.
        for batch in ids.chunks(500) {
            let read = |id: &AccountId| {
                let mut read = redis::cmd("HGETALL");
                read.arg(keys::account(*id));
                read
            };
            let hashes: Vec<HashMap<String, String>> = self.each(batch.iter().map(read).collect()).await?;
            for (id, fields) in batch.iter().zip(&hashes).filter(|(_, fields)| !fields.is_empty()) {
                accounts.push(fields::parse(*id, fields)?);
            }
        }
        accounts.sort_by_key(|account| account.id);
        Ok(accounts)
    }

    /// Changes an account; false when there is none, or when it stands elsewhere than the change says.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn change_account(&self, id: AccountId, change: AccountChange) -> Result<bool, StoreError> {
        let refresh_at = change.refresh_at;
        let script = redis::Script::new(include_str!("change_account.lua"));
        let mut call = script.key(keys::account(id));
        call.arg(keys::EVENTS).arg(id.to_string()).arg(fields::optional(change.from));
        for (field, value) in fields::of_change(change) {
            call.arg(field).arg(value);
        }
        let changed: bool = self.script(&call).await?;
        match refresh_at {
            Some(Some(at)) if changed => self.postpone(id, at).await?,
            Some(None) if changed => self.forget_due(id).await?,
            Some(_) | None => {}
        }
        Ok(changed)
    }

    /// Removes an account with all that belongs to it; false when there is none.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn delete_account(&self, id: AccountId) -> Result<bool, StoreError> {
        let Some(account) = self.account(id).await? else { return Ok(false) };
        self.forget_due(id).await?;
        let text = id.to_string();
        let (mut listed, mut asked) = (redis::cmd("SREM"), redis::cmd("ZREM"));
        listed.arg(keys::site_accounts(&account.site)).arg(&text);
        asked.arg(keys::REFRESH).arg(&text);
        self.each::<redis::Value>(vec![listed, asked]).await?;
        let mut delete = redis::cmd("DEL");
        let of_account = [
            keys::session,
            keys::credentials,
            keys::state,
            keys::account,
            keys::generation,
            keys::login_lock,
            keys::failures,
            keys::forced,
            keys::leases,
            keys::rate,
            keys::cooldown,
        ];
        for key in of_account {
            delete.arg(key(id));
        }
        self.command::<()>(&delete).await?;
        self.announce(id, account.generation, State::Disabled).await?;
        Ok(true)
    }

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

    async fn first(&self, queue: &str, now: Timestamp, count: usize) -> Result<Vec<AccountId>, StoreError> {
        let mut range = redis::cmd("ZRANGEBYSCORE");
        range.arg(queue).arg("-inf").arg(now.millis()).arg("LIMIT").arg(0).arg(count);
        let ids: Vec<String> = self.command(&range).await?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Sets when an account is due, sooner or later than it was.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn postpone(&self, id: AccountId, until: Timestamp) -> Result<(), StoreError> {
        let mut add = redis::cmd("ZADD");
        add.arg(keys::DUE).arg(until.millis()).arg(id.to_string());
        // In this order, so that it is never in neither.
        self.command::<()>(&add).await?;
        self.command(redis::cmd("ZREM").arg(keys::WAITING).arg(id.to_string())).await
    }

    /// Has an account wait for a browser, after all that have waited since before `since`. One that waits keeps its
    /// place.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn wait_for_browser(&self, id: AccountId, since: Timestamp) -> Result<(), StoreError> {
        let mut add = redis::cmd("ZADD");
        add.arg(keys::WAITING).arg("NX").arg(since.millis()).arg(id.to_string());
        self.command::<()>(&add).await?;
        self.command(redis::cmd("ZREM").arg(keys::DUE).arg(id.to_string())).await
    }

    /// Whether an account waits for a browser.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn is_waiting(&self, id: AccountId) -> Result<bool, StoreError> {
        let score: Option<u64> =
            self.command(redis::cmd("ZSCORE").arg(keys::WAITING).arg(id.to_string())).await?;
        Ok(score.is_some())
    }

    /// How many accounts wait for a browser.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn waiting_count(&self) -> Result<u64, StoreError> {
        self.command(redis::cmd("ZCARD").arg(keys::WAITING)).await
    }

    /// Claims an account that waits for a browser: makes it due at `until`; false when somebody else was faster.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn claim_waiting(&self, id: AccountId, until: Timestamp) -> Result<bool, StoreError> {
        let mut add = redis::cmd("ZADD");
        add.arg(keys::DUE).arg("NX").arg(until.millis()).arg(id.to_string());
        self.command::<()>(&add).await?;
        self.command(redis::cmd("ZREM").arg(keys::WAITING).arg(id.to_string())).await
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
             if not due or tonumber(due) > tonumber(ARGV[2]) then return 0 end \
             redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) return 1",
        );
        let mut call = script.key(keys::DUE);
        self.script(call.arg(id.to_string()).arg(now.millis()).arg(until.millis())).await
    }

    /// Takes an account from the due times.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn forget_due(&self, id: AccountId) -> Result<(), StoreError> {
        let remove = |queue: &str| {
            let mut remove = redis::cmd("ZREM");
            remove.arg(queue).arg(id.to_string());
            remove
        };
        self.each::<redis::Value>(vec![remove(keys::DUE), remove(keys::WAITING)]).await.map(drop)
    }

    /// Counts one more login in a row that failed for a passing reason; gives the count.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn count_failure(&self, id: AccountId) -> Result<u32, StoreError> {
        self.command(redis::cmd("INCR").arg(keys::failures(id))).await
    }

    /// Begins to count failures anew.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn forget_failures(&self, id: AccountId) -> Result<(), StoreError> {
        self.command(redis::cmd("DEL").arg(keys::failures(id))).await
    }
}
