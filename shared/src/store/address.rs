//! Where Redis is: one server, a set of Sentinels that know the server, or a cluster.
//!
//! The forms are those of other clients: `redis://`, `redis-sentinel://host,host/db#master` and `redis-cluster://host,host`,
//! each with a second `s` after `redis` for TLS.

use std::path::Path;

use deadpool_redis::redis::{
    Client, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError, RedisResult, TlsCertificates,
};
use secrecy::{ExposeSecret, SecretString};

/// What a URL may look like.
pub(super) const FORMS: &str = "redis://user:password@host:6379/0, \
     redis-sentinel://user:password@host:26379,host:26379/0#master or redis-cluster://user:password@host:6379,host:6379; \
     with rediss in front for TLS";

/// A Redis and how to get to it. It holds passwords, so it has no `Debug`.
#[derive(Clone)]
pub(super) enum RedisAddress {
    Server(ConnectionInfo),
    Sentinel(Box<SentinelAddress>),
    Cluster(Vec<ConnectionInfo>, Option<TlsCertificates>),
}

/// Sentinels, and what they are to be asked for.
#[derive(Clone)]
pub(super) struct SentinelAddress {
    /// With the name and password of the server, which are not the Sentinels' own.
    pub(super) nodes: Vec<ConnectionInfo>,
    pub(super) master: String,
    pub(super) username: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) certificates: Option<TlsCertificates>,
}

impl RedisAddress {
    /// Reads a URL; `ca` is what vouches for the servers' certificates instead of the public authorities.
    pub(super) fn parse(url: &str, ca: Option<&[u8]>) -> RedisResult<Self> {
        let parts = AddressParts::split(url).ok_or_else(malformed)?;
        let certificates =
            ca.map(|root| TlsCertificates { client_tls: None, root_cert: Some(root.to_vec()) });
        let nodes = parts.nodes(certificates.as_ref())?;
        match parts.kind {
            AddressKind::Server => {
                let [node] = <[_; 1]>::try_from(nodes).map_err(|_| malformed())?;
                Ok(Self::Server(node))
            }
            AddressKind::Cluster => Ok(Self::Cluster(nodes, certificates)),
            AddressKind::Sentinel => Ok(Self::Sentinel(Box::new(SentinelAddress {
                nodes,
                master: parts.fragment.filter(|name| !name.is_empty()).ok_or_else(malformed)?.to_owned(),
                username: parts.parameter("sentinel_username"),
                password: parts.parameter("sentinel_password").map(SecretString::from),
                certificates: certificates.filter(|_| parts.tls),
            }))),
        }
    }
}

/// Reads the certificate of a private authority.
pub(super) fn read_ca(path: &Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// Whether a URL has one of the forms.
pub(super) fn is_address(url: &SecretString) -> bool {
    RedisAddress::parse(url.expose_secret(), None).is_ok()
}

/// The user and the password of a URL.
pub(super) fn user(url: &SecretString) -> Option<(String, SecretString)> {
    let node = match RedisAddress::parse(url.expose_secret(), None).ok()? {
        RedisAddress::Server(node) => node,
        RedisAddress::Sentinel(sentinels) => sentinels.nodes.into_iter().next()?,
        RedisAddress::Cluster(nodes, _) => nodes.into_iter().next()?,
    };
    let settings = node.redis_settings();
    Some((settings.username()?.to_owned(), settings.password()?.to_owned().into()))
}

enum AddressKind {
    Server,
    Sentinel,
    Cluster,
}

struct AddressParts<'a> {
    kind: AddressKind,
    tls: bool,
    user: Option<&'a str>,
    hosts: &'a str,
    database: &'a str,
    query: &'a str,
    fragment: Option<&'a str>,
}

impl<'a> AddressParts<'a> {
    fn split(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        let (kind, tls) = match scheme {
            "redis" => (AddressKind::Server, false),
            "rediss" => (AddressKind::Server, true),
            "redis-sentinel" => (AddressKind::Sentinel, false),
            "rediss-sentinel" => (AddressKind::Sentinel, true),
            "redis-cluster" => (AddressKind::Cluster, false),
            "rediss-cluster" => (AddressKind::Cluster, true),
            _ => return None,
        };
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold a slash or an `@`, if its writer forgot to escape it.
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self { kind, tls, user, hosts, database, query, fragment })
    }

    /// Each host as a URL of its own, read by the client that will use it.
    fn nodes(&self, certificates: Option<&TlsCertificates>) -> RedisResult<Vec<ConnectionInfo>> {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let user = self.user.map(|user| format!("{user}@")).unwrap_or_default();
        let query = match self.kind {
            AddressKind::Server if !self.query.is_empty() => format!("?{}", self.query),
            AddressKind::Server | AddressKind::Sentinel | AddressKind::Cluster => String::new(),
        };
        let node = |host: &str| {
            let url = format!("{scheme}://{user}{host}/{}{query}", self.database);
            let info = url.into_connection_info()?;
            let info = match certificates {
                Some(certificates) if self.tls => {
                    Client::build_with_tls(info, certificates.clone())?.get_connection_info().clone()
                }
                Some(_) | None => info,
            };
            // CLIENT SETINFO is unknown to Redis 7.0, and an ACL that names it keeps that server from starting.
            let settings = info.redis_settings().clone().set_skip_set_lib_name();
            Ok(info.set_redis_settings(settings))
        };
        self.hosts.split(',').map(node).collect()
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// It never repeats the URL.
fn malformed() -> RedisError {
    RedisError::from((ErrorKind::InvalidClientConfig, "the URL has none of the forms of a Redis URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(nodes: &[ConnectionInfo]) -> Vec<String> {
        nodes.iter().map(|node| node.addr().to_string()).collect()
    }

    #[test]
    fn each_form_of_a_url_is_understood() {
        let Ok(RedisAddress::Server(server)) = RedisAddress::parse("redis://user:pass@one:6380/0", None)
        else {
            panic!("one server")
        };
        assert_eq!(server.redis_settings().username(), Some("user"));

        let sentinel = "redis-sentinel://user:pass@a:26379,b:26380/0?sentinel_password=p%40ss#mymaster";
        let Ok(RedisAddress::Sentinel(sentinel)) = RedisAddress::parse(sentinel, None) else {
            panic!("Sentinels")
        };
        assert_eq!(hosts(&sentinel.nodes), ["a:26379", "b:26380"]);
        assert_eq!(sentinel.master, "mymaster");
        assert_eq!(sentinel.password.unwrap().expose_secret(), "p@ss");

        let Ok(RedisAddress::Cluster(nodes, _)) =
            RedisAddress::parse("rediss-cluster://user:pass@a:1,b:2,c:3", None)
        else {
            panic!("a cluster")
        };
        assert_eq!(nodes.len(), 3);
    }

    #[test]
    fn what_is_no_form_is_refused_without_repeating_it() {
        for url in [
            "http://hunter2@host",
            "redis://a:1,b:2",
            "redis-sentinel://hunter2@a:1/0",
            "redis-sentinel://a:1#",
            "redis-cluster://",
            "hunter2",
        ] {
            let refused = RedisAddress::parse(url, None).map(drop).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
