//! How Redis is reached.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::address;
use crate::env::{Env, EnvError};

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
