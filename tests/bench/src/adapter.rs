//! The real adapter, with accounts that no browser signed in.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use latchkey_shared::{
    account::Account,
    env::Env,
    session::Session,
    store::{BrokerStore, NewSession, RedisConfig},
    time::Timestamp,
    vault::{KeyRing, RecordOwner, SessionVault},
};
use secrecy::ExposeSecret;

use crate::process::{Process, free_address};

/// Bearer of the adapters of a run; they listen on loopback and live as long as the run.
pub(crate) const SECRET: &str = "sk-shared-secret-of-a-bench-run";

/// A site whose model takes tools.
pub(crate) const NATIVE: &str = "bench-native";
/// A site that knows only text, so that tool calls go through the sieve.
pub(crate) const TEXT: &str = "bench-text";
const SITES: [(&str, bool); 2] = [(NATIVE, true), (TEXT, false)];
/// Accounts that are added at once.
const ADDED_AT_ONCE: usize = 32;

/// What adapters of one run share.
pub(crate) struct Deployment {
    env: Vec<(String, String)>,
    store: BrokerStore,
    vault: SessionVault,
}

impl Deployment {
    /// Writes the site files and connects.
    pub(crate) async fn new(
        directory: &Path,
        redis: SocketAddr,
        upstream: SocketAddr,
    ) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        let mut urls = Vec::new();
        for (name, tools) in SITES {
            let path = directory.join(format!("{name}.toml"));
            std::fs::write(&path, site_file(name, tools))?;
            files.push(path.display().to_string());
            urls.push(format!("{name}=http://{upstream}"));
        }
        let env: Vec<(String, String)> = [
            ("LATCHKEY_REDIS_URL", format!("redis://{redis}/0")),
            ("LATCHKEY_SESSION_KEYS", KeyRing::generate().expose_secret().to_owned()),
            ("LATCHKEY_SITES", files.join(",")),
            ("LATCHKEY_SITE_URLS", urls.join(",")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let vault = SessionVault::from_env(&Env::of(env.clone()))?;
        let store = BrokerStore::connect(&RedisConfig::from_env(&Env::of(env.clone()))?).await?;
        Ok(Self { env, store, vault })
    }

    /// Adds accounts with sessions to a site; together they bear more streams than any scenario opens.
    pub(crate) async fn add_accounts(&self, site: &str, count: usize) -> anyhow::Result<()> {
        let added = (0..count).map(|number| self.add_account(site, number));
        stream::iter(added).buffer_unordered(ADDED_AT_ONCE).try_collect().await
    }

    async fn add_account(&self, site: &str, number: usize) -> anyhow::Result<()> {
        let account =
            Account { concurrency: Some(4000), ..Account::new(site.parse()?, format!("account-{number}")) };
        self.store.create_account(&account).await?;
        let lock = self.store.lock_login(account.id, Duration::from_secs(30)).await?;
        let lock = lock.with_context(|| format!("account {} is being signed in by another", account.id))?;
        let session = session();
        let sealed = self.vault.seal(&session, RecordOwner::of(&account), lock.generation);
        let new = NewSession::given(&sealed, session.expires_at);
        self.store.publish_session(&lock, new).await?;
        self.store.unlock_login(&lock).await?;
        Ok(())
    }

    /// Starts an adapter; gives how long it took to be ready.
    pub(crate) async fn start(&self, binary: &Path) -> anyhow::Result<(Process, SocketAddr, Duration)> {
        let listen = free_address()?;
        let mut process = Process::start(binary, &[], &self.environment(listen))?;
        let took = process.ready(&format!("http://{listen}/readyz")).await?;
        Ok((process, listen, took))
    }

    /// What an adapter is told that listens there.
    pub(crate) fn environment(&self, listen: SocketAddr) -> Vec<(String, String)> {
        let mut env = self.env.clone();
        env.push(("LATCHKEY_ADAPTER_LISTEN".to_owned(), listen.to_string()));
        env.push(("LATCHKEY_SHARED_SECRETS".to_owned(), SECRET.to_owned()));
        env.push(("LATCHKEY_LOG".to_owned(), "error".to_owned()));
        env
    }
}

fn session() -> Session {
    let now = Timestamp::now();
    Session {
        cookies: Vec::new(),
        bearer: Some("a-session-of-the-bench".into()),
        local_storage: BTreeMap::new(),
        session_storage: BTreeMap::new(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"
            .to_owned(),
        captured_at: now,
        expires_at: now + Duration::from_secs(24 * 3600),
    }
}

fn site_file(name: &str, tools: bool) -> String {
    format!(
        "version = 1\n[site]\nname = \"{name}\"\ntitle = \"{name}\"\nmodels = [\"{name}\"]\n\
         [login]\n[[login.steps]]\ngoto = \"{{base_url}}/login\"\n\
         [session]\ncookies = []\nbearer = {{ local_storage = \"token\" }}\n\
         [probe]\npath = \"/me\"\npointer = \"/name\"\n\
         [chat]\ntools = {tools}\n[chat.openai]\npath = \"/v1/chat/completions\"\n\
         [limits]\nconcurrency = 4000\n"
    )
}
