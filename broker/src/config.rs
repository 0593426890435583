//! What the broker is told at its start: read once, checked whole, then never looked at again.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::ensure;
use latchkey_shared::{
    env::Env,
    site::catalog::SiteCatalog,
    store::RedisConfig,
    vault::{CredentialsVault, SessionVault},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A shorter token could be guessed over the network.
const SHORTEST_TOKEN: usize = 20;

/// Everything that [`crate::run`] needs but its listener.
pub struct Config {
    /// `LATCHKEY_BROKER_LISTEN`; `serve` binds it.
    pub listen: SocketAddr,
    /// `LATCHKEY_ADMIN_TOKEN`: bearer of the admin API. There is no API without one.
    pub admin_token: SecretString,
    /// Where Redis is.
    pub redis: RedisConfig,
    /// Seals passwords; only the broker has it.
    pub credentials_vault: Arc<CredentialsVault>,
    /// Seals sessions; adapters have it too.
    pub session_vault: Arc<SessionVault>,
    /// The sites.
    pub catalog: Arc<SiteCatalog>,
    /// What opens pages.
    pub browser: BrowserChoice,
    /// `LATCHKEY_LOGIN_CONCURRENCY`: logins at once.
    pub login_concurrency: usize,
    /// `LATCHKEY_ARTEFACTS`: where masked screenshots are kept.
    pub artefacts: Option<PathBuf>,
}

/// Which Chromium, and whether its sandbox is on.
#[derive(Clone, Debug)]
pub struct BrowserChoice {
    /// `LATCHKEY_CHROMIUM`; looked for where systems put it without it.
    pub chromium: Option<PathBuf>,
    /// `LATCHKEY_CHROMIUM_SANDBOX`.
    pub sandbox: bool,
}

/// A digest of the admin token: of fixed length, so that comparing tells neither content nor length.
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(crate) fn of(token: &SecretString) -> Self {
        Self(Sha256::digest(token.expose_secret()).into())
    }

    pub(crate) fn admits(&self, token: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(token).into();
        self.0.ct_eq(&given).into()
    }
}

impl Config {
    /// Reads the environment, the key files and the site files.
    ///
    /// # Errors
    /// The first thing that is missing or wrong, by its variable or its file and line.
    pub fn from_env(env: &Env) -> anyhow::Result<Self> {
        env.reject_unknown()?;
        Ok(Self {
            listen: env.address("LATCHKEY_BROKER_LISTEN", "127.0.0.1:7801")?,
            admin_token: admin_token(env)?,
            redis: RedisConfig::from_env(env)?,
            credentials_vault: Arc::new(CredentialsVault::from_env(env)?),
            session_vault: Arc::new(SessionVault::from_env(env)?),
            catalog: Arc::new(SiteCatalog::from_env(env)?),
            browser: BrowserChoice::from_env(env)?,
            login_concurrency: login_concurrency(env)?,
            artefacts: env.text("LATCHKEY_ARTEFACTS")?.map(PathBuf::from),
        })
    }
}

impl BrowserChoice {
    pub(crate) fn from_env(env: &Env) -> anyhow::Result<Self> {
        Ok(Self {
            chromium: env.text("LATCHKEY_CHROMIUM")?.map(PathBuf::from),
            sandbox: env.choice("LATCHKEY_CHROMIUM_SANDBOX", &[("on", true), ("off", false)], true)?,
        })
    }
}

/// The token, without which neither the API nor the CLI does anything.
pub(crate) fn admin_token(env: &Env) -> anyhow::Result<SecretString> {
    let token = env.required_secret("LATCHKEY_ADMIN_TOKEN")?;
    ensure!(
        token.expose_secret().len() >= SHORTEST_TOKEN,
        "LATCHKEY_ADMIN_TOKEN is too short: it needs {SHORTEST_TOKEN} characters; \
         `latchkey-broker keys new --out DIR` writes a good one"
    );
    Ok(token)
}

fn login_concurrency(env: &Env) -> anyhow::Result<usize> {
    let logins = env.number("LATCHKEY_LOGIN_CONCURRENCY", 2)?;
    ensure!((1..=64).contains(&logins), "LATCHKEY_LOGIN_CONCURRENCY is wrong: expected 1 to 64");
    Ok(logins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_admitted() {
        let digest = TokenDigest::of(&"a-token-of-twenty-one".into());

        assert!(digest.admits("a-token-of-twenty-one"));
        for wrong in ["", "a-token-of-twenty-on", "a-token-of-twenty-one ", "A-token-of-twenty-one"] {
            assert!(!digest.admits(wrong), "{wrong:?}");
        }
    }
}
