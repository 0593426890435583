//! Redis: the one place where broker and adapters meet, and the only door to it.
//!
//! Every call has a deadline and fails closed. What is secret comes in as `Sealed` and goes out so.

use std::time::Duration;

use deadpool_redis::{Manager, Pool, redis};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError,
    ScriptInvocation, aio::MultiplexedConnection,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout};

use lanes::{LANES, Lanes};

use crate::{
    env::{Env, EnvError},
    time::Timestamp,
};

mod accounts;
mod answers;
mod conversations;
mod events;
pub mod keys;
mod lanes;
mod leases;
mod refresh;
mod sessions;

pub use accounts::AccountChange;
pub use conversations::Conversation;
pub use events::{Event, EventStream};
pub use leases::{LeaseOutcome, LeaseToken, SESSION_EXPIRED};
pub use refresh::RefreshRequest;
pub use sessions::{LoginLock, NewSession, Published, StoredSession};

/// How Redis is reached.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://user:password@host:port/0`, or `rediss://` for TLS.
    pub url: SecretString,
    /// Limit of one call, waiting for a connection included.
    pub timeout: Duration,
}

impl RedisConfig {
    /// Reads `LATCHKEY_REDIS_URL` and `LATCHKEY_REDIS_TIMEOUT`.
    ///
    /// # Errors
    /// When the URL is missing or no Redis URL.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let url = env.required_secret("LATCHKEY_REDIS_URL")?;
        if url.expose_secret().into_connection_info().is_err() {
            return Err(EnvError::invalid(
                "LATCHKEY_REDIS_URL",
                "redis://user:password@host:6379/0 or rediss://...",
            ));
        }
        Ok(Self { url, timeout: env.duration("LATCHKEY_REDIS_TIMEOUT", Duration::from_secs(2))? })
    }
}

/// The store. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    lanes: Lanes,
    client: Client,
    timeout: Duration,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Redis does not answer, or refuses. Nothing is known about what it did.
    #[error("redis is unavailable: {0}")]
    Unavailable(String),
    /// What is stored makes no sense.
    #[error("redis holds a damaged {what} of account {account}")]
    Corrupt {
        /// What is damaged.
        what: &'static str,
        /// Whose it is.
        account: crate::id::AccountId,
    },
}

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
    /// Connects and asks once, so that a wrong address or password is known at start.
    ///
    /// # Errors
    /// When Redis does not answer in time or refuses the user.
    pub async fn connect(config: &RedisConfig) -> Result<Self, StoreError> {
        let info = config.url.expose_secret().into_connection_info()?;
        // CLIENT SETINFO is unknown to Redis 7.0, and an ACL that names it keeps that server from starting.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let info: ConnectionInfo = info.set_redis_settings(settings);
        let connection = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.timeout))
            .set_response_timeout(Some(config.timeout));
        let manager = Manager::new_with_config(info.clone(), connection)?;
        let pool = Pool::builder(manager).max_size(LANES).build();
        let pool = pool.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let store = Self { lanes: Lanes::new(pool), client: Client::open(info)?, timeout: config.timeout };
        store.ping().await?;
        Ok(store)
    }

    /// Asks whether Redis answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.command(&redis::cmd("PING")).await
    }

    /// What the server says of itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn server_info(&self) -> Result<ServerInfo, StoreError> {
        let text: String = self.command(&redis::cmd("INFO")).await?;
        let field = |name: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            lines
                .into_iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
                .unwrap_or_default()
        };
        Ok(ServerInfo {
            version: field("redis_version"),
            eviction_policy: field("maxmemory_policy"),
            append_only: field("aof_enabled") == "1",
        })
    }

    /// The server's clock, by which everything expires.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn server_time(&self) -> Result<Timestamp, StoreError> {
        let (secs, micros): (u64, u64) = self.command(&redis::cmd("TIME")).await?;
        Ok(Timestamp::from_secs(secs) + Duration::from_micros(micros))
    }

    /// The ACL user that this process is; `None` when it may not ask.
    pub async fn user(&self) -> Option<String> {
        self.command(redis::cmd("ACL").arg("WHOAMI")).await.ok()
    }

    async fn command<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StoreError> {
        self.within(async |connection| command.query_async(connection).await).await
    }

    async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        self.within(async |connection| pipeline.query_async(connection).await).await
    }

    async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        self.within(async |connection| script.invoke_async(connection).await).await
    }

    async fn within<T>(
        &self,
        call: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        let late = || {
            StoreError::Unavailable(format!("no answer within {}", humantime::format_duration(self.timeout)))
        };
        let begun = Instant::now();
        let lane = timeout(self.timeout, self.lanes.take()).await.map_err(|_| late())??;
        let mut connection = lane.connection.clone();
        match timeout(self.timeout.saturating_sub(begun.elapsed()), call(&mut connection)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                // Redis said no: the connection is as good as before.
                if error.is_io_error() || error.is_unrecoverable_error() {
                    self.lanes.forget(&lane);
                }
                Err(error.into())
            }
            Err(_) => {
                self.lanes.forget(&lane);
                Err(late())
            }
        }
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
