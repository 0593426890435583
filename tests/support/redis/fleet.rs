//! Redis as it is run: one server, a server with a replica and Sentinels, or a cluster. Real processes all.

use std::time::Duration;

use latchkey_shared::store::{AclRights, AclUser, StoreRole, acl_file};
use redis::FromRedisValue;
use tempfile::NamedTempFile;

use super::{Redis, free_port};
use crate::wait;

/// What the Sentinels call the server.
const MASTER: &str = "latchkey";
/// Until servers that start together know each other.
const ACQUAINTED: Duration = Duration::from_secs(30);
const SLOTS: usize = 16_384;

/// A kind of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One server.
    Server,
    /// One server, a Valkey.
    Valkey,
    /// A server, a replica, and three Sentinels that make the replica the server when that is gone for a second.
    Sentinel,
    /// Three servers that share the slots.
    Cluster,
}

/// The processes of one Redis, and how all of it is reached.
#[derive(Debug)]
pub struct Fleet {
    /// The server that is written to first, then the others, Sentinels last.
    pub servers: Vec<Redis>,
    /// For `LATCHKEY_REDIS_URL`, without a user.
    pub url: String,
    _users: Option<NamedTempFile>,
}

impl Fleet {
    /// Starts a Redis of some kind, every server with these arguments.
    pub async fn start(kind: Kind, arguments: &[&str]) -> Self {
        match kind {
            Kind::Server => {
                let server = Redis::start_with(arguments).await;
                Self { url: server.url(), servers: vec![server], _users: None }
            }
            Kind::Valkey => {
                let server = Redis::start_valkey_with(arguments).await;
                Self { url: server.url(), servers: vec![server], _users: None }
            }
            Kind::Sentinel => Self::sentinels(arguments).await,
            Kind::Cluster => Self::cluster(arguments).await,
        }
    }

    /// Starts one with the users of `latchkey-broker acl`: a broker's, the adapters', that of replicas and that of
    /// Sentinels. The test itself stays the user `default`, who has all rights.
    pub async fn start_with_users(kind: Kind, arguments: &[&str]) -> Self {
        let sides = [AclRights::Side(StoreRole::Broker), AclRights::Side(StoreRole::Adapter)];
        let rights = [sides[0], sides[1], AclRights::Replica, AclRights::Sentinel];
        let user = |(name, rights): (&&str, AclRights)| {
            AclUser::of_url(rights, &format!("redis://{name}:{}@redis:6379/0", password(name)).into())
                .unwrap()
        };
        let users: Vec<AclUser> =
            ["broker", "adapter", "replica", "sentinel"].iter().zip(rights).map(user).collect();
        let acl = acl_file(&users).replacen("user default off resetpass", "user default on nopass", 1);
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), acl).unwrap();
        let path = file.path().display().to_string();
        let secret = password("replica");
        let own = ["--aclfile", &path, "--masteruser", "replica", "--masterauth", &secret];
        let fleet = Self::start(kind, &[arguments, &own].concat()).await;
        Self { _users: Some(file), ..fleet }
    }

    /// The URL for a user of the servers' ACL.
    #[must_use]
    pub fn url_as(&self, user: &str) -> String {
        self.url.replacen("://", &format!("://{user}:{}@", password(user)), 1)
    }

    async fn sentinels(arguments: &[&str]) -> Self {
        let primary = Redis::start_with(arguments).await;
        let port = primary.port.to_string();
        let replica = Redis::start_with(&[arguments, &["--replicaof", "127.0.0.1", &port]].concat()).await;
        wait::until_some(ACQUAINTED, async || {
            let info: String = ask(&replica, &["INFO", "replication"]).await;
            info.contains("master_link_status:up").then_some(())
        })
        .await;
        let lines = [
            format!("sentinel monitor {MASTER} 127.0.0.1 {port} 2"),
            format!("sentinel down-after-milliseconds {MASTER} 1000"),
            format!("sentinel failover-timeout {MASTER} 5000"),
        ];
        let auth = [
            format!("sentinel auth-user {MASTER} sentinel"),
            format!("sentinel auth-pass {MASTER} {}", password("sentinel")),
        ];
        let lines = match arguments.contains(&"--aclfile") {
            true => [&lines[..], &auth].concat(),
            false => lines.to_vec(),
        };
        let mut servers = vec![primary, replica];
        for _ in 0..3 {
            servers.push(Redis::start_as("redis-server".into(), lines.clone(), true).await);
        }
        for sentinel in &servers[2..] {
            wait::until_some(ACQUAINTED, async || {
                let master: Vec<String> = ask(sentinel, &["SENTINEL", "MASTER", MASTER]).await;
                let says = |name: &str, value: &str| master.windows(2).any(|pair| pair == [name, value]);
                (says("num-other-sentinels", "2") && says("num-slaves", "1")).then_some(())
            })
            .await;
        }
        let hosts: Vec<String> = servers[2..].iter().map(Redis::address).collect();
        Self { url: format!("redis-sentinel://{}/0#{MASTER}", hosts.join(",")), servers, _users: None }
    }

    async fn cluster(arguments: &[&str]) -> Self {
        let mut servers = Vec::new();
        for _ in 0..3 {
            let bus = free_port().to_string();
            let own = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "2000"];
            servers.push((Redis::start_with(&[arguments, &own].concat()).await, bus));
        }
        let share = SLOTS / servers.len() + 1;
        for (index, (server, _)) in servers.iter().enumerate() {
            let first = index * share;
            let last = ((index + 1) * share).min(SLOTS) - 1;
            ask::<()>(server, &["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]).await;
        }
        for (server, bus) in &servers[1..] {
            let port = server.port.to_string();
            ask::<()>(&servers[0].0, &["CLUSTER", "MEET", "127.0.0.1", &port, bus]).await;
        }
        let servers: Vec<Redis> = servers.into_iter().map(|(server, _)| server).collect();
        for server in &servers {
            wait::until_some(ACQUAINTED, async || {
                let info: String = ask(server, &["CLUSTER", "INFO"]).await;
                info.contains("cluster_state:ok").then_some(())
            })
            .await;
        }
        let hosts: Vec<String> = servers.iter().map(Redis::address).collect();
        Self { url: format!("redis-cluster://{}", hosts.join(",")), servers, _users: None }
    }
}

/// Of a user that [`Fleet::start_with_users`] made.
fn password(user: &str) -> String {
    format!("{user}-password")
}

async fn ask<T: FromRedisValue>(server: &Redis, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    words[1..].iter().for_each(|word| {
        command.arg(word);
    });
    command.query_async(&mut server.connection().await).await.unwrap()
}
