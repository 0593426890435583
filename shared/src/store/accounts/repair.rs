//! Puts a damaged account's record right, because an operator says so: nobody else overwrites what he cannot read.

use deadpool_redis::redis;

use super::{
    super::{BrokerStore, Store, StoreError},
    reader::RedisHash,
};
use crate::{
    account::{Account, State},
    id::{AccountId, SiteName},
    keys,
    time::Timestamp,
};

impl BrokerStore {
    /// Gives the fields that cannot be read what an account has that never had them; those that can be read stay, and
    /// so do those that are not known here. An account whose state is lost is switched off; false when it is beyond that.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn repair_account(&self, account: &Account) -> Result<bool, StoreError> {
        let id = account.id;
        let hash: RedisHash = match self.command(redis::cmd("HGETALL").arg(keys::account(id))).await {
            Err(StoreError::Unreadable(_)) => return Ok(false),
            hash => hash?,
        };
        let script = redis::Script::new(include_str!("../repair_account.lua"));
        let mut call = script.key(keys::account(id));
        call.arg(keys::EVENTS).arg(id.to_string());
        for field in &account.damage {
            let Some(new) = self.anew(id, field).await? else { return Ok(false) };
            let old = hash.get(field.as_bytes()).map(Vec::as_slice).unwrap_or_default();
            call.arg(field.as_str()).arg(old).arg(new);
            if field == "state" {
                let since = Timestamp::now().millis().to_string();
                for (field, new) in
                    [("reason", "its state was lost; switch it on again"), ("state_since", &since)]
                {
                    let old = hash.get(field.as_bytes()).map(Vec::as_slice).unwrap_or_default();
                    call.arg(field).arg(old).arg(new);
                }
            }
        }
        self.script(&call).await
    }

    /// What stands in a field of an account that never had anything there; `None` where nothing can.
    async fn anew(&self, id: AccountId, field: &str) -> Result<Option<String>, StoreError> {
        Ok(Some(match field {
            "state" => State::Disabled.to_string(),
            "site" => match self.listing_site(id).await? {
                Some(site) => site.to_string(),
                None => return Ok(None),
            },
            "label" => id.to_string(),
            "weight" => "1".to_owned(),
            "credentials_version" | "generation" | "last_login_ms" => "0".to_owned(),
            _ => String::new(),
        }))
    }
}

impl Store {
    /// The site that lists an account.
    pub(super) async fn listing_site(&self, id: AccountId) -> Result<Option<SiteName>, StoreError> {
        for site in self.sites().await? {
            if self.members::<AccountId>(&keys::site_accounts(&site)).await?.contains(&id) {
                return Ok(Some(site));
            }
        }
        Ok(None)
    }
}
