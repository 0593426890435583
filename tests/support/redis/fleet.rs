//! Redis as it is run: one server, a server with a replica and Sentinels, or a cluster. Real processes all.

use std::time::Duration;

use redis::FromRedisValue;

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
}

impl Fleet {
    /// Starts a Redis of some kind, every server with these arguments.
    pub async fn start(kind: Kind, arguments: &[&str]) -> Self {
        match kind {
            Kind::Server => {
                let server = Redis::start_with(arguments).await;
                Self { url: server.url(), servers: vec![server] }
            }
            Kind::Sentinel => Self::sentinels(arguments).await,
            Kind::Cluster => Self::cluster(arguments).await,
        }
    }

    /// The URL for a user of the servers' ACL.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        self.url.replacen("://", &format!("://{user}:{password}@"), 1)
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
        let mut servers = vec![primary, replica];
        for _ in 0..3 {
            servers.push(Redis::start_as(lines.to_vec(), true).await);
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
        Self { url: format!("redis-sentinel://{}/0#{MASTER}", hosts.join(",")), servers }
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
            let (first, last) = (index * share, ((index + 1) * share).min(SLOTS) - 1);
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
        Self { url: format!("redis-cluster://{}", hosts.join(",")), servers }
    }
}

async fn ask<T: FromRedisValue>(server: &Redis, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    words[1..].iter().for_each(|word| {
        command.arg(word);
    });
    command.query_async(&mut server.connection().await).await.unwrap()
}
