//! Connections to Redis, whatever kind of Redis it is.

use std::time::Duration;

use deadpool_redis::{
    Connection, Manager, Pool, PoolError,
    redis::{
        self, Arg, AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, Pipeline, RedisFuture,
        RedisResult, TlsMode, Value,
        aio::{ConnectionLike, MultiplexedConnection, PubSub},
        cluster::ClusterClient,
        cluster_async::ClusterConnection,
        sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
    },
};
use secrecy::ExposeSecret;

use super::{
    StoreError,
    address::{RedisAddress, SentinelAddress},
};

/// How connections are made.
#[derive(Clone)]
pub(super) enum Topology {
    /// One server; the pool makes its connections.
    Server(Pool, Client),
    /// Whichever server the Sentinels name at that moment.
    Sentinel(Box<SentinelAddress>, AsyncConnectionConfig),
    /// All servers of a cluster behind one connection, which finds them anew by itself.
    Cluster(Box<ClusterClient>, Vec<ConnectionInfo>),
}

/// A connection that all tasks share. Clones are the same connection.
#[derive(Clone)]
pub(super) enum SharedConnection {
    Server(MultiplexedConnection),
    /// With a key of the last script that was called.
    Cluster(ClusterConnection, Option<Vec<u8>>),
}

impl Topology {
    pub(super) fn new(address: RedisAddress, timeout: Duration, lanes: usize) -> Result<Self, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout));
        match address {
            RedisAddress::Server(info) => {
                let manager = Manager::new_with_config(info.clone(), config)?;
                let pool = Pool::builder(manager).max_size(lanes).build();
                let pool = pool.map_err(|error| StoreError::Unavailable(error.to_string()))?;
                Ok(Self::Server(pool, Client::open(info)?))
            }
            RedisAddress::Sentinel(sentinels) => Ok(Self::Sentinel(sentinels, config)),
            RedisAddress::Cluster(nodes, certificates) => {
                let mut builder = ClusterClient::builder(nodes.clone())
                    .connection_timeout(timeout)
                    .response_timeout(timeout)
                    .overall_response_timeout(Some(timeout));
                if let Some(certificates) = certificates {
                    builder = builder.certs(certificates);
                }
                Ok(Self::Cluster(Box::new(builder.build()?), nodes))
            }
        }
    }

    /// Makes a connection. Its caller sets the deadline.
    pub(super) async fn connect(&self) -> Result<SharedConnection, StoreError> {
        match self {
            Self::Server(pool, _) => {
                let made = pool.get().await.map_err(|error| match error {
                    PoolError::Backend(error) => StoreError::from(error),
                    other => StoreError::Unavailable(other.to_string()),
                })?;
                Ok(SharedConnection::Server(Connection::take(made)))
            }
            Self::Sentinel(sentinels, config) => {
                // Nothing is kept between two questions: the Sentinel that was asked last may be the one that is gone.
                let mut client = sentinels.client()?;
                Ok(SharedConnection::Server(client.get_async_connection_with_config(config).await?))
            }
            Self::Cluster(client, _) => {
                Ok(SharedConnection::Cluster(client.get_async_connection().await?, None))
            }
        }
    }

    /// Makes a connection that hears what is published: at the server that all write to, or at any of a cluster,
    /// whose servers tell each other.
    pub(super) async fn listen(&self) -> Result<PubSub, StoreError> {
        match self {
            Self::Server(_, client) => Ok(client.get_async_pubsub().await?),
            Self::Sentinel(sentinels, _) => {
                Ok(sentinels.client()?.async_get_client().await?.get_async_pubsub().await?)
            }
            Self::Cluster(_, nodes) => {
                let mut last = StoreError::Unavailable("the cluster has no servers".to_owned());
                for node in nodes {
                    match Client::open(node.clone())?.get_async_pubsub().await {
                        Ok(listening) => return Ok(listening),
                        Err(error) => last = error.into(),
                    }
                }
                Err(last)
            }
        }
    }

    /// Whether a command may go to one slot only.
    pub(super) fn has_slots(&self) -> bool {
        matches!(self, Self::Cluster(..))
    }
}

impl SentinelAddress {
    fn client(&self) -> RedisResult<SentinelClient> {
        let addresses = self.nodes.iter().map(|node| node.addr().clone());
        let mut builder = SentinelClientBuilder::new(addresses, &self.master, SentinelServerType::Master)?;
        let server = self.nodes[0].redis_settings();
        builder = builder.set_client_to_redis_db(server.db());
        if let Some(username) = server.username() {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = server.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(username) = &self.username {
            builder = builder.set_client_to_sentinel_username(username);
        }
        if let Some(password) = &self.password {
            builder = builder.set_client_to_sentinel_password(password.expose_secret());
        }
        if matches!(self.nodes[0].addr(), ConnectionAddr::TcpTls { .. }) {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = &self.certificates {
            builder = builder.set_client_to_redis_certificates(certificates.clone());
        }
        builder.build()
    }
}

impl SharedConnection {
    /// Whether a call that failed leaves it useless. That of a cluster mends itself.
    pub(super) fn breaks(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}

impl ConnectionLike for SharedConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection, script_key) => {
                let mut words = cmd.args_iter().map(|argument| match argument {
                    Arg::Simple(word) => word,
                    _ => b"".as_slice(),
                });
                match (words.next(), words.nth(2)) {
                    (Some(b"EVALSHA"), Some(key)) => *script_key = Some(key.to_vec()),
                    (Some(b"SCRIPT"), _) => {
                        if let Some(key) = script_key.take() {
                            return Box::pin(load(connection.clone(), cmd.clone(), key));
                        }
                    }
                    _ => {}
                }
                connection.req_packed_command(cmd)
            }
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection, _) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection, _) => connection.get_db(),
        }
    }
}

/// Loads a script where it is about to run: to all servers of a cluster, it would fail with any of them. A pipeline goes
/// where its keys are.
async fn load(mut connection: ClusterConnection, load: Cmd, key: Vec<u8>) -> RedisResult<Value> {
    let mut pipe = redis::pipe();
    pipe.add_command(load).cmd("EXISTS").arg(key);
    let answers = connection.req_packed_commands(&pipe, 0, 2).await?;
    answers.into_iter().next().unwrap_or(Value::Nil).extract_error()
}
