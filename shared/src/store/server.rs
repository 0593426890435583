//! What the servers say of themselves.

use std::time::Duration;

use deadpool_redis::redis::{self, FromRedisValue, RedisError, Value};

use super::{Store, StoreError};
use crate::time::Timestamp;

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// Its version.
    pub version: String,
    /// `maxmemory-policy`.
    pub eviction_policy: String,
    /// Whether the append-only file is on.
    pub append_only: bool,
}

impl Store {
    /// The ACL user that this process is; `None` when it may not ask.
    pub async fn user(&self) -> Option<String> {
        self.command(redis::cmd("ACL").arg("WHOAMI")).await.ok()
    }

    /// The server's clock, by which everything expires.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn server_time(&self) -> Result<Timestamp, StoreError> {
        let (secs, micros): (u64, u64) = self.command(&redis::cmd("TIME")).await?;
        Ok(Timestamp::from_secs(secs) + Duration::from_micros(micros))
    }

    /// What the server says of itself; of a cluster, the worst that any of its servers says.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn server_info(&self) -> Result<ServerInfo, StoreError> {
        let answer: Value = self.command(&redis::cmd("INFO")).await?;
        let texts: Vec<String> = match answer {
            Value::Map(servers) => {
                let texts = servers.into_iter().map(|(_, text)| String::from_redis_value(text));
                texts.collect::<Result<_, _>>().map_err(RedisError::from)?
            }
            one => vec![String::from_redis_value(one).map_err(RedisError::from)?],
        };
        let servers = texts.iter().map(|text| ServerInfo::read(text));
        let worst = servers.reduce(ServerInfo::worse);
        worst.ok_or_else(|| StoreError::Unavailable("no server of the cluster says what it is".to_owned()))
    }
}

impl ServerInfo {
    fn read(text: &str) -> Self {
        let field = |name: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        Self {
            version: field("redis_version"),
            eviction_policy: field("maxmemory_policy"),
            append_only: field("aof_enabled") == "1",
        }
    }

    /// Two servers as one: what one of them forgets is forgotten.
    fn worse(self, other: Self) -> Self {
        let rank = |policy: &str| (policy.starts_with("allkeys"), policy.starts_with("volatile"));
        let append_only = self.append_only && other.append_only;
        let this_is_worse = rank(&self.eviction_policy) >= rank(&other.eviction_policy);
        let worse = if this_is_worse { self } else { other };
        Self { append_only, ..worse }
    }
}
