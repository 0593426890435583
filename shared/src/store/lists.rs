//! The sets that say which sites and accounts there are. Everybody needs them, so one that was lost is made anew.

use std::str::FromStr;

use deadpool_redis::redis;

use super::{Store, StoreError, values::parsed};
use crate::{id::SiteName, keys};

impl Store {
    /// Says which sites there may be, for the case that Redis cannot.
    pub fn expect_sites<'a>(&self, sites: impl Iterator<Item = &'a SiteName>) {
        let sites: Vec<Vec<u8>> = sites.map(|site| site.as_str().as_bytes().to_vec()).collect();
        self.sets.remember(keys::SITES, &sites);
    }

    /// The sites that have accounts.
    pub(super) async fn sites(&self) -> Result<Vec<SiteName>, StoreError> {
        self.members(keys::SITES).await
    }

    /// The members of a set that are what they should be. Where it is no set, those that it had.
    pub(super) async fn members<T: FromStr>(&self, key: &str) -> Result<Vec<T>, StoreError> {
        let members: Vec<Vec<u8>> = match self.command(redis::cmd("SMEMBERS").arg(key)).await {
            Err(StoreError::Unreadable(error)) => {
                tracing::error!(redis.key = key, error, "it is no set; going on with what it was");
                let last = self.sets.last(key);
                self.make_anew(key, &last).await?;
                last
            }
            members => {
                let members: Vec<Vec<u8>> = members?;
                let mut known = members.clone();
                if key == keys::SITES {
                    // A site that has no account yet is expected all the same.
                    known.extend(self.sets.last(key));
                    known.sort();
                    known.dedup();
                }
                self.sets.remember(key, &known);
                members
            }
        };
        Ok(members.iter().filter_map(|member| parsed(member)).collect())
    }

    async fn make_anew(&self, key: &str, members: &[Vec<u8>]) -> Result<(), StoreError> {
        let script = redis::Script::new(
            "local held = redis.pcall('SMEMBERS', KEYS[1]) \
             if not held.err or not string.find(held.err, 'WRONGTYPE', 1, true) then return 0 end \
             redis.call('PEXPIRE', KEYS[1], 0) \
             for _, member in ipairs(ARGV) do redis.call('SADD', KEYS[1], member) end return 1",
        );
        let mut call = script.key(key);
        for member in members {
            call.arg(member.as_slice());
        }
        match self.script::<usize>(&call).await {
            Ok(made) => self.note_junk(keys::SITES, made),
            // An adapter only reads it; a broker makes it anew.
            Err(StoreError::Denied(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
