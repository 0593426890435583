//! Redis: the one place where broker and adapters meet, and the only door to it.
//!
//! Every call has a deadline and fails closed. What is secret comes in as `Sealed` and goes out so.

use std::{path::PathBuf, time::Duration};

use deadpool_redis::redis;
use futures::{StreamExt, TryStreamExt};
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ScriptInvocation, ServerErrorKind, Value};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout};

use address::RedisAddress;
use connections::{CallClass, Connections};
use junk::JunkCount;
use lists::CachedSets;
use topology::{SharedConnection, Topology};

use crate::{
    env::{Env, EnvError},
    time::Timestamp,
};

mod accounts;
mod address;
mod answers;
mod attendance;
mod audit;
mod connections;
mod conversations;
mod due;
mod events;
mod flights;
mod junk;
pub mod keys;
mod leases;
mod lists;
mod records;
mod refresh;
mod rights;
mod services;
mod sessions;
mod topology;
mod totp;

pub use accounts::AccountChange;
pub use attendance::{Attendance, PRESENCE};
pub use audit::{AuditEntry, AuditQuery, is_audit_id};
pub use conversations::StoredConversation;
pub use events::{EventStream, StoreEvent};
pub use leases::{LeaseOutcome, LeaseTerms, LeaseToken, SESSION_EXPIRED};
pub use records::SealedRecord;
pub use refresh::RefreshRequest;
pub use rights::{AclRights, AclUser, StoreRole, acl_file};
pub use services::Service;
pub use sessions::{LoginLock, NewSession, Published, ReplaceOutcome, StoredSession};
pub use totp::SeedDigest;

/// Commands of one caller to a cluster that are on their way at once.
const AT_ONCE: usize = 32;

/// How Redis is reached.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// A server, Sentinels or a cluster, with or without TLS.
    pub url: SecretString,
    /// The authority that signed the servers' certificates; the public ones without it.
    pub ca: Option<PathBuf>,
    /// Limit of one call, waiting for a connection included.
    pub timeout: Duration,
    /// Threads that call, at least one: each has a connection of its own. See [`crate::threads`].
    pub threads: usize,
}

impl RedisConfig {
    /// Reads `LATCHKEY_REDIS_URL`, `LATCHKEY_REDIS_CA` and `LATCHKEY_REDIS_TIMEOUT`.
    ///
    /// # Errors
    /// When the URL is missing or no Redis URL.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let url = env.required_secret("LATCHKEY_REDIS_URL")?;
        if !address::is_address(&url) {
            return Err(EnvError::invalid("LATCHKEY_REDIS_URL", address::FORMS));
        }
        let ca = env.text("LATCHKEY_REDIS_CA")?.map(PathBuf::from);
        let timeout = env.duration("LATCHKEY_REDIS_TIMEOUT", Duration::from_secs(2))?;
        Ok(Self { url, ca, timeout, threads: 1 })
    }
}

/// The store. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    lanes: Connections,
    timeout: Duration,
    junk: JunkCount,
    lists: CachedSets,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Redis does not answer, or refuses. Nothing is known about what it did.
    #[error("redis is unavailable: {0}")]
    Unavailable(String),
    /// The ACL lacks something that this side needs.
    #[error("the Redis user may not {0}; `latchkey-broker acl` prints the whole file")]
    Denied(String),
    /// When memory is short, Redis would delete accounts.
    #[error(
        "Redis has maxmemory-policy {0}, which deletes accounts when memory is short: set it to noeviction"
    )]
    Evicts(String),
    /// A key holds something else than it should. Whatever is done with other keys goes on.
    #[error("redis holds what does not belong there: {0}")]
    Unreadable(String),
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
        let ca = match &config.ca {
            None => None,
            Some(path) => Some(address::read_ca(path).map_err(|error| {
                StoreError::Unavailable(format!("LATCHKEY_REDIS_CA: cannot read {}: {error}", path.display()))
            })?),
        };
        let address = RedisAddress::parse(config.url.expose_secret(), ca.as_deref())?;
        // One for each thread, and one for what is large.
        let reach = Topology::new(address, config.timeout, config.threads + 1)?;
        let store = Self {
            lanes: Connections::new(reach, config.threads),
            timeout: config.timeout,
            junk: JunkCount::default(),
            lists: CachedSets::default(),
        };
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

    async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.within(CallClass::Light, async |connection| command.query_async(connection).await).await
    }

    async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        self.within(CallClass::Heavy, async |connection| pipeline.query_async(connection).await).await
    }

    /// Several commands of any slots, in no order: together where there are no slots, else a few at a time.
    async fn each<T: FromRedisValue>(&self, commands: Vec<Cmd>) -> Result<Vec<T>, StoreError> {
        if !self.lanes.reach().has_slots() {
            let mut pipe = redis::pipe();
            for command in commands {
                pipe.add_command(command);
            }
            return self.pipeline(&pipe).await;
        }
        let calls = commands.into_iter().map(async |command| self.command(&command).await);
        futures::stream::iter(calls).buffered(AT_ONCE).try_collect().await
    }

    /// The same; `None` for a key that holds something else than the command is made for.
    async fn each_readable<T: FromRedisValue>(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        let answers: Vec<Result<T, RedisError>> = if self.lanes.reach().has_slots() {
            let calls = commands.into_iter().map(async |command| match self.command(&command).await {
                Ok(answer) => Ok(Some(answer)),
                Err(StoreError::Unreadable(_)) => Ok(None),
                Err(error) => Err(error),
            });
            return futures::stream::iter(calls).buffered(AT_ONCE).try_collect().await;
        } else {
            let mut pipe = redis::pipe();
            pipe.ignore_errors();
            for command in commands {
                pipe.add_command(command);
            }
            self.pipeline(&pipe).await?
        };
        let readable = |answer: Result<T, RedisError>| match answer.map_err(StoreError::from) {
            Ok(answer) => Ok(Some(answer)),
            Err(StoreError::Unreadable(_)) => Ok(None),
            Err(error) => Err(error),
        };
        answers.into_iter().map(readable).collect()
    }

    async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        self.within(CallClass::Light, async |connection| script.invoke_async(connection).await).await
    }

    async fn within<T>(
        &self,
        load: CallClass,
        call: impl AsyncFnOnce(&mut SharedConnection) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        let late = || {
            StoreError::Unavailable(format!("no answer within {}", humantime::format_duration(self.timeout)))
        };
        if self.lanes.is_silent() {
            return Err(StoreError::Unavailable("it did not answer a moment ago".to_owned()));
        }
        let begun = Instant::now();
        let lane = timeout(self.timeout, self.lanes.take(load)).await.map_err(|_| {
            self.lanes.missed();
            late()
        })??;
        let mut connection = lane.connection.clone();
        // Boxed: whoever waits for Redis would carry it otherwise, through every future above.
        let call = Box::pin(call(&mut connection));
        match timeout(self.timeout.saturating_sub(begun.elapsed()), call).await {
            Ok(Ok(value)) => {
                self.lanes.answered();
                Ok(value)
            }
            Ok(Err(error)) => {
                // Redis said no: the connection is as good as before, unless the server was demoted meanwhile.
                let demoted = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
                if demoted || error.is_io_error() || error.is_unrecoverable_error() {
                    self.lanes.forget(&lane);
                }
                if error.is_timeout() {
                    self.lanes.missed();
                } else {
                    self.lanes.answered();
                }
                Err(error.into())
            }
            Err(_) => {
                self.lanes.forget(&lane);
                self.lanes.missed();
                Err(late())
            }
        }
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
        let (append_only, this_is_worse) = (
            self.append_only && other.append_only,
            rank(&self.eviction_policy) >= rank(&other.eviction_policy),
        );
        let worse = if this_is_worse { self } else { other };
        Self { append_only, ..worse }
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) {
            let what = error.detail().unwrap_or("do that").to_owned();
            return Self::Denied(format!("do what it must: {what}"));
        }
        let text = error.to_string();
        let is_parsed_badly = matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType)
            && !error.is_unrecoverable_error();
        let is_another_kind = ["WRONGTYPE", "user_script", "not an integer", "not a valid float"]
            .iter()
            .any(|sign| text.contains(sign));
        if is_parsed_badly || is_another_kind { Self::Unreadable(text) } else { Self::Unavailable(text) }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
