//! What each side may do in Redis: the ACL file is made of it, and each side tries all of it at start.
//!
//! Lua runs under the rights of its caller, so what a script calls is in here too. A script that dies half-way is not
//! rolled back: a right that is missing must be known before the first one runs.

use std::{collections::BTreeSet, fmt::Write};

use deadpool_redis::redis::{self, Cmd, ErrorKind, ServerErrorKind, Value};
use futures::{StreamExt, TryStreamExt};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{
    Store, StoreError, StoreRole, address, connections::CallClass, core::AT_ONCE, topology::Topology,
};
use crate::{
    id::{AccountId, SiteName},
    keys,
};

/// What every connection needs, whatever kind of Redis it leads to. Left out on purpose: client|setinfo, which Redis
/// 7.0 does not know and then refuses to start.
const CONNECTION: &[&str] = &["PING", "TIME", "INFO", "ACL WHOAMI"];
/// What only some kinds of Redis are asked; an ACL file allows it everywhere.
const OF_SENTINEL: &str = "ROLE";
const OF_CLUSTER: &[&str] = &["CLUSTER SLOTS", "ASKING"];

/// What cannot be tried alone, because it changes the connection; [`Store::prove`] does with it what the store does.
const STATEFUL: &[&str] = &[
    "MULTI",
    "EXEC",
    "DISCARD",
    "UNWATCH",
    "EVAL",
    "EVALSHA",
    "SCRIPT LOAD",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "CLIENT SETNAME",
];

/// A command that changes nothing, because its arguments are wrong or its key is nobody's. Redis checks rights first.
struct RightsProbe {
    command: &'static str,
    key: Option<String>,
    rest: &'static str,
}

/// Who may connect, for the ACL file.
pub struct AclUser {
    /// Whose rights it gets.
    pub rights: AclRights,
    /// Its name.
    pub name: String,
    /// SHA-256 of its password, in hexadecimal.
    pub digest: String,
}

/// The rights of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclRights {
    /// A side of the store.
    Side(StoreRole),
    /// A replica that copies the server (`masteruser`).
    Replica,
    /// A Sentinel that watches it (`sentinel auth-user`).
    Sentinel,
}

impl AclUser {
    /// The user that a Redis URL names; `None` where it names none, or no password.
    #[must_use]
    pub fn of_url(rights: AclRights, url: &SecretString) -> Option<Self> {
        let (name, password) = address::user(url)?;
        let digest = Sha256::digest(password.expose_secret());
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { rights, name, digest })
    }
}

/// An ACL file: one line for each user, and `default` switched off.
///
/// Nobody can be `default`. It has its rights all the same, because Redis reads its own append-only file as this user:
/// without them it drops every transaction in the file at the next start (7.0.15: stored credentials were gone).
#[must_use]
pub fn acl_file(users: &[AclUser]) -> String {
    let mut file = "user default off resetpass ~* &* +@all\n".to_owned();
    for AclUser { rights, name, digest } in users {
        let rights = match rights {
            AclRights::Side(role) => role.rights(),
            AclRights::Replica => "resetkeys resetchannels -@all +psync +replconf +ping".to_owned(),
            AclRights::Sentinel => "resetkeys resetchannels &* -@all +multi +exec +discard +ping +subscribe \
                +publish +role +info +replicaof +slaveof +config|rewrite +client|setname +client|kill +script|kill"
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        };
        // Writing to a String never fails.
        writeln!(file, "user {name} on #{digest} {rights}").unwrap_or_default();
    }
    file
}

impl StoreRole {
    fn rights(self) -> String {
        let channels = match self {
            Self::Broker => "&lk:*".to_owned(),
            Self::Adapter => format!("&{}", keys::EVENTS),
        };
        let patterns = match self {
            Self::Broker => keys::OF_BROKER,
            Self::Adapter => keys::OF_ADAPTER,
        };
        let commands: Vec<String> = self.commands().iter().map(|command| right(command)).collect();
        format!("resetkeys resetchannels {channels} -@all {} {}", patterns.join(" "), commands.join(" "))
    }

    fn commands(self) -> BTreeSet<&'static str> {
        let tried = self.trials().into_iter().map(|trial| trial.command);
        let others = STATEFUL.iter().chain(OF_CLUSTER).copied();
        tried.chain(others).chain([OF_SENTINEL]).collect()
    }

    /// Everything that this side sends, and that its scripts call.
    fn trials(self) -> Vec<RightsProbe> {
        let id = AccountId::nobody();
        let site = SiteName::self_test();
        let mut trials: Vec<RightsProbe> =
            CONNECTION.iter().map(|command| RightsProbe::keyless(command)).collect();
        let mut on = |key: String, commands: &[(&'static str, &'static str)]| {
            trials.extend(commands.iter().map(|(command, rest)| RightsProbe::on(&key, command, rest)));
        };
        match self {
            Self::Broker => {
                on(keys::self_test(id), BROKER);
                trials.push(RightsProbe {
                    command: "PUBLISH",
                    key: Some(keys::EVENTS.to_owned()),
                    rest: "self-test",
                });
            }
            Self::Adapter => {
                on(keys::SITES.to_owned(), &[("SMEMBERS", "")]);
                on(keys::site_accounts(&site), &[("SMEMBERS", "")]);
                on(keys::site_leases(&site), LEASES);
                on(keys::site_rate(&site), LEASES);
                on(keys::rate(id), LEASES);
                on(keys::account(id), &[("HGETALL", ""), ("HGET", "generation"), ("HMGET", "generation")]);
                on(keys::session(id), &[("GET", ""), ("EXISTS", "")]);
                on(keys::leases(id), LEASES);
                on(
                    keys::cooldown(id),
                    &[("GET", ""), ("SET", "x NX XX"), ("PTTL", ""), ("EXISTS", ""), ("PEXPIRE", "1")],
                );
                on(keys::REFRESH.to_owned(), &[("ZADD", "XX 0")]);
                on(
                    keys::services(self),
                    &[("HSET", "x x x"), ("HGETALL", ""), ("HDEL", "x"), ("PEXPIRE", "x")],
                );
                on(
                    keys::ADAPTERS.to_owned(),
                    &[("HSET", "x x x"), ("HMGET", "x"), ("HGETALL", ""), ("HDEL", "x"), ("PEXPIRE", "x")],
                );
                on(keys::answer("self-test"), &[("GET", ""), ("GETDEL", ""), ("SET", "x NX XX")]);
                on(keys::flight("self-test"), &[("GET", ""), ("SET", "x NX XX"), ("PEXPIRE", "x")]);
                on(keys::FLIGHTS.to_owned(), LEASES);
                on(keys::nudges("self-test"), &[("ZADD", "XX 0"), ("ZCOUNT", "0 0"), ("PEXPIRE", "x")]);
                on(keys::outcomes("self-test", 0), &[("HINCRBY", "x x"), ("HGETALL", ""), ("PEXPIRE", "x")]);
                on(keys::conversation("self-test"), &[("GETDEL", ""), ("SET", "x NX XX")]);
            }
        }
        trials
    }
}

/// On a key that is nobody's.
const BROKER: &[(&str, &str)] = &[
    ("GET", ""),
    ("MGET", ""),
    ("GETRANGE", "0 9"),
    ("SET", "x NX XX"),
    ("DEL", ""),
    ("EXISTS", ""),
    ("INCRBY", "x"),
    ("INCR", ""),
    ("PEXPIRE", "x"),
    ("PTTL", ""),
    ("HSET", "x x x"),
    ("HGET", "x"),
    ("HMGET", "x"),
    ("HGETALL", ""),
    ("HDEL", "x"),
    ("SADD", "x"),
    ("SREM", "x"),
    ("SMEMBERS", ""),
    ("ZADD", "XX 0"),
    ("ZREM", "x"),
    ("ZRANGE", "0 0"),
    ("ZRANGEBYSCORE", "0 0"),
    ("ZREMRANGEBYSCORE", "0 0"),
    ("ZCARD", ""),
    ("ZCOUNT", "0 0"),
    ("ZSCORE", "x"),
    ("XADD", "0-0 x x"),
    ("XRANGE", "- +"),
    ("XREVRANGE", "+ -"),
];

const LEASES: &[(&str, &str)] = &[
    ("ZADD", "XX 0"),
    ("ZREM", "x"),
    ("ZREMRANGEBYSCORE", "0 0"),
    ("ZCARD", ""),
    ("ZCOUNT", "0 0"),
    ("ZRANGE", "0 0"),
    ("ZSCORE", "x"),
    ("PEXPIRE", "x"),
    ("EXISTS", ""),
];

impl Store {
    /// Proves that Redis keeps what it is given and lets this side do all that it does, before anybody relies on it.
    ///
    /// # Errors
    /// When it does not: the error names what is missing, and the line to add.
    pub async fn prove(&self, role: StoreRole) -> Result<(), StoreError> {
        let policy = self.server_info().await?.eviction_policy;
        if policy.starts_with("allkeys") {
            return Err(StoreError::Evicts(policy));
        }
        self.prove_rights(role).await
    }

    /// Proves that Redis lets this side do all that it does.
    ///
    /// # Errors
    /// When it does not: the error names what is missing, and the line to add.
    pub async fn prove_rights(&self, role: StoreRole) -> Result<(), StoreError> {
        let mut trials = role.trials();
        match self.connections.reach() {
            Topology::Server(..) => {}
            Topology::Sentinel(..) => trials.push(RightsProbe::keyless(OF_SENTINEL)),
            Topology::Cluster(..) => {
                trials.extend(OF_CLUSTER.iter().map(|command| RightsProbe::keyless(command)));
            }
        }
        let trials = trials.into_iter().map(async |trial| self.try_one(&trial).await);
        futures::stream::iter(trials).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        self.try_stateful(role).await?;
        if role == StoreRole::Adapter {
            let secret = keys::credentials(AccountId::nobody());
            if self.command::<Value>(redis::cmd("GET").arg(secret)).await.is_ok() {
                tracing::warn!(
                    "this Redis user may read credentials; give the adapters their own: `latchkey-broker acl`"
                );
            }
        }
        Ok(())
    }

    async fn try_one(&self, trial: &RightsProbe) -> Result<(), StoreError> {
        let command = trial.build();
        let answer =
            self.within(CallClass::Light, async |line| Ok(command.query_async::<Value>(line).await)).await?;
        match answer {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Err(StoreError::Denied(trial.missing()))
            }
            Err(error) if error.is_io_error() => Err(error.into()),
            // Its arguments are wrong; that it was let through is all that counts.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// A script, a transaction and a subscription, as the store uses them.
    async fn try_stateful(&self, role: StoreRole) -> Result<(), StoreError> {
        let id = AccountId::nobody();
        let key = match role {
            StoreRole::Broker => keys::self_test(id),
            StoreRole::Adapter => keys::leases(id),
        };
        let script = redis::Script::new("return redis.call('EXISTS', KEYS[1])");
        self.script::<u64>(&script.key(&key)).await?;
        self.pipeline::<Value>(redis::pipe().atomic().cmd("EXISTS").arg(&key)).await?;
        drop(self.subscribe().await?);
        match role {
            StoreRole::Broker => self.command(redis::cmd("DEL").arg(&key)).await,
            StoreRole::Adapter => Ok(()),
        }
    }
}

impl RightsProbe {
    /// What its right lacks, and the words that grant it.
    fn missing(&self) -> String {
        let right = right(self.command);
        match &self.key {
            None => format!("{}: add {right} to its line of the ACL file", self.command),
            Some(channel) if self.command == "PUBLISH" => {
                format!("PUBLISH to {channel}: add {right} &{channel} to its line of the ACL file")
            }
            Some(key) => {
                format!("{} {key}: add {right} ~{} to its line of the ACL file", self.command, pattern(key))
            }
        }
    }

    fn keyless(command: &'static str) -> Self {
        Self { command, key: None, rest: "" }
    }

    fn on(key: &str, command: &'static str, rest: &'static str) -> Self {
        Self { command, key: Some(key.to_owned()), rest }
    }

    fn build(&self) -> Cmd {
        let mut words = self.command.split(' ');
        let mut command = redis::cmd(words.next().unwrap_or_default());
        let words = words.chain(self.key.as_deref()).chain(self.rest.split_whitespace());
        words.for_each(|word| {
            command.arg(word);
        });
        command
    }
}

/// `ACL WHOAMI` as an ACL file writes it.
fn right(command: &str) -> String {
    format!("+{}", command.to_lowercase().replace(' ', "|"))
}

/// The key, whoever it belongs to.
fn pattern(key: &str) -> String {
    match (key.find('{'), key.find('}')) {
        (Some(open), Some(close)) => format!("{}*{}", &key[..=open], &key[close..]),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests;
