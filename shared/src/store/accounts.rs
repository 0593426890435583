//! Accounts, and when their next login is due.

use deadpool_redis::redis;

use super::{BrokerStore, Store, StoreError};
use crate::{
    account::{Account, State, Transition},
    id::{AccountId, SiteName},
    keys,
};

mod change;
pub(super) mod fields;
mod reader;
mod repair;

pub use change::AccountChange;
pub(super) use reader::RedisHash;

impl BrokerStore {
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
        let mut site = redis::cmd("SADD");
        let mut listed = redis::cmd("SADD");
        site.arg(keys::SITES).arg(account.site.as_str());
        listed.arg(keys::site_accounts(&account.site)).arg(&id);
        self.each::<redis::Value>(vec![site, listed]).await?;
        self.announce(account.id, account.generation, account.state).await
    }

    /// Changes an account; false when there is none, or when it stands where no such change is made.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn change_account(&self, id: AccountId, change: AccountChange) -> Result<bool, StoreError> {
        let refresh_at = change.refresh_at;
        let mut origins = change.step.as_ref().map_or_else(|| State::stored().collect(), Transition::origins);
        origins.retain(|state| change.from.is_none_or(|from| from == *state));
        let script = redis::Script::new(include_str!("change_account.lua"));
        let mut call = script.key(keys::account(id));
        call.arg(keys::EVENTS).arg(id.to_string()).arg(fields::states(&origins));
        for (field, value) in fields::of_change(change) {
            call.arg(field).arg(value);
        }
        let changed: bool = self.script(&call).await?;
        match refresh_at {
            Some(Some(at)) if changed => self.set_due(id, at).await?,
            Some(None) if changed => self.unschedule(id).await?,
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
        self.unschedule(id).await?;
        let text = id.to_string();
        let mut sites = vec![account.site.clone()];
        if account.state == State::Damaged {
            // Its record may not say whose it is.
            sites.extend(self.sites().await?);
        }
        let mut asked = redis::cmd("ZREM");
        asked.arg(keys::REFRESH).arg(&text);
        let unlist = |site: &SiteName| {
            let mut unlist = redis::cmd("SREM");
            unlist.arg(keys::site_accounts(site)).arg(&text);
            unlist
        };
        let removals = sites.iter().map(unlist).chain([asked]).collect();
        self.each_readable::<redis::Value>(removals).await?;
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

    /// Counts one more login in a row that failed for a passing reason; gives the count.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn count_failure(&self, id: AccountId) -> Result<u32, StoreError> {
        self.count(&keys::failures(id), None, None).await
    }

    /// Begins to count failures anew.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn reset_failures(&self, id: AccountId) -> Result<(), StoreError> {
        self.command(redis::cmd("DEL").arg(keys::failures(id))).await
    }
}

impl Store {
    /// One account; [`State::Damaged`] where its record cannot be read.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        match self.command::<RedisHash>(redis::cmd("HGETALL").arg(keys::account(id))).await {
            Ok(hash) if hash.is_empty() => Ok(None),
            Ok(hash) => {
                let account = reader::account(id, &hash, None);
                if account.damage.iter().all(|field| field != "site") {
                    return Ok(Some(account));
                }
                let site = self.listing_site(id).await?;
                Ok(Some(reader::account(id, &hash, site.as_ref())))
            }
            Err(StoreError::Unreadable(_)) => {
                Ok(Some(reader::lost(id, self.listing_site(id).await?.as_ref())))
            }
            Err(error) => Err(error),
        }
    }

    /// Every account, the oldest first; those whose records cannot be read are [`State::Damaged`].
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let mut accounts = Vec::new();
        for site in self.sites().await? {
            accounts.append(&mut self.site_accounts(&site).await?);
        }
        // Of one that two sites list, the one whose record says the same.
        accounts.sort_by_key(|account| (account.id, account.state == State::Damaged));
        accounts.dedup_by_key(|account| account.id);
        Ok(accounts)
    }

    /// The accounts of one site, the oldest first.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn site_accounts(&self, site: &SiteName) -> Result<Vec<Account>, StoreError> {
        let ids: Vec<AccountId> = self.members(&keys::site_accounts(site)).await?;
        let mut accounts = Vec::with_capacity(ids.len());
        // In batches, so that ten thousand accounts are no single long call.
        for batch in ids.chunks(500) {
            let read = |id: &AccountId| {
                let mut read = redis::cmd("HGETALL");
                read.arg(keys::account(*id));
                read
            };
            let hashes = self.each_readable::<RedisHash>(batch.iter().map(read).collect()).await?;
            for (id, hash) in batch.iter().zip(hashes) {
                match hash {
                    Some(hash) if hash.is_empty() => {}
                    Some(hash) => accounts.push(reader::account(*id, &hash, Some(site))),
                    None => accounts.push(reader::lost(*id, Some(site))),
                }
            }
        }
        accounts.sort_by_key(|account| account.id);
        Ok(accounts)
    }
}
