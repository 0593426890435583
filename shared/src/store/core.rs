//! The calls that everything in the store is made of: each has a deadline, and fails closed.

use std::time::Duration;

use deadpool_redis::redis::{
    self, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ScriptInvocation, ServerErrorKind,
};
use futures::{StreamExt, TryStreamExt};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout};

use super::{
    RedisConfig, StoreError,
    address::{self, RedisAddress},
    cached_sets::CachedSets,
    connections::{CallClass, Connections},
    junk_count::JunkCount,
    topology::{SharedConnection, Topology},
};

/// Commands of one caller to a cluster that are on their way at once.
pub(super) const AT_ONCE: usize = 32;

/// What both sides may do. Only [`super::AdapterStore`] and [`super::BrokerStore`] connect one; clones share the
/// connections.
#[derive(Clone)]
pub struct Store {
    pub(super) connections: Connections,
    pub(super) timeout: Duration,
    pub(super) count: JunkCount,
    pub(super) sets: CachedSets,
}

impl Store {
    /// Connects and asks once, so that a wrong address or password is known at start.
    ///
    /// # Errors
    /// When Redis does not answer in time or refuses the user.
    pub(super) async fn connect(config: &RedisConfig) -> Result<Self, StoreError> {
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
            connections: Connections::new(reach, config.threads),
            timeout: config.timeout,
            count: JunkCount::default(),
            sets: CachedSets::default(),
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

    pub(super) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.within(CallClass::Light, async |connection| command.query_async(connection).await).await
    }

    pub(super) async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        self.within(CallClass::Heavy, async |connection| pipeline.query_async(connection).await).await
    }

    /// Several commands of any slots, in no order: together where there are no slots, else a few at a time.
    pub(super) async fn each<T: FromRedisValue>(&self, commands: Vec<Cmd>) -> Result<Vec<T>, StoreError> {
        if !self.connections.reach().has_slots() {
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
    pub(super) async fn each_readable<T: FromRedisValue>(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        let answers: Vec<Result<T, RedisError>> = if self.connections.reach().has_slots() {
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

    pub(super) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        self.within(CallClass::Light, async |connection| script.invoke_async(connection).await).await
    }

    pub(super) async fn within<T>(
        &self,
        class: CallClass,
        call: impl AsyncFnOnce(&mut SharedConnection) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        let late = || {
            StoreError::Unavailable(format!("no answer within {}", humantime::format_duration(self.timeout)))
        };
        if self.connections.is_silent() {
            return Err(StoreError::Unavailable("it did not answer a moment ago".to_owned()));
        }
        let begun = Instant::now();
        let lane = timeout(self.timeout, self.connections.take(class)).await.map_err(|_| {
            self.connections.missed();
            late()
        })??;
        let mut connection = lane.connection.clone();
        // Boxed: whoever waits for Redis would carry it otherwise, through every future above.
        let call = Box::pin(call(&mut connection));
        match timeout(self.timeout.saturating_sub(begun.elapsed()), call).await {
            Ok(Ok(value)) => {
                self.connections.answered();
                Ok(value)
            }
            Ok(Err(error)) => {
                // Redis said no: the connection is as good as before, unless the server was demoted meanwhile.
                let demoted = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
                if demoted || error.is_io_error() || error.is_unrecoverable_error() {
                    self.connections.forget(&lane);
                }
                if error.is_timeout() {
                    self.connections.missed();
                } else {
                    self.connections.answered();
                }
                Err(error.into())
            }
            Err(_) => {
                self.connections.forget(&lane);
                self.connections.missed();
                Err(late())
            }
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
