//! Describing a world and starting it.

use std::{
    collections::BTreeMap,
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use latchkey_shared::{
    account::Account,
    env::Env,
    id::AccountId,
    session::Session,
    store::{NewSession, Published, RedisConfig, StoredSession},
    time::Timestamp,
    vault::{RecordOwner, SessionVault},
};
use tempfile::TempDir;

use super::{Keys, Part, World};
use crate::{
    http,
    practice::{Practice, PracticeOptions},
    redis::{Fleet, Kind},
    store::TestStore,
};

/// How a world shall be; awaited, it is.
#[derive(Debug)]
pub struct WorldBuilder {
    options: PracticeOptions,
    redis_arguments: Vec<String>,
    redis_kind: Kind,
    redis_users: bool,
    site_file: Option<String>,
    brokers: usize,
    adapters: usize,
    broker_env: Vec<(String, String)>,
    adapter_env: Vec<(String, String)>,
    with_session: Vec<String>,
    signed_in: Vec<String>,
    concurrency: Option<u32>,
    key_files: bool,
}

impl Default for WorldBuilder {
    fn default() -> Self {
        Self {
            options: PracticeOptions::default(),
            redis_arguments: Vec::new(),
            redis_kind: Kind::Server,
            redis_users: false,
            site_file: None,
            brokers: 1,
            adapters: 1,
            broker_env: Vec::new(),
            adapter_env: Vec::new(),
            with_session: Vec::new(),
            signed_in: Vec::new(),
            concurrency: None,
            key_files: false,
        }
    }
}

impl WorldBuilder {
    /// How the practice site behaves.
    #[must_use]
    pub fn practice(mut self, options: PracticeOptions) -> Self {
        self.options = options;
        self
    }

    /// Further arguments of redis-server.
    #[must_use]
    pub fn redis(mut self, arguments: &[&str]) -> Self {
        self.redis_arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        self
    }

    /// What kind of Redis it is.
    #[must_use]
    pub fn redis_kind(mut self, kind: Kind) -> Self {
        self.redis_kind = kind;
        self
    }

    /// Broker and adapters are users of their own in Redis, with the rights of `latchkey-broker acl`.
    #[must_use]
    pub fn redis_users(mut self) -> Self {
        self.redis_users = true;
        self
    }

    /// A site file in place of the built-in one of the practice site; it must be named `practice` too.
    #[must_use]
    pub fn site_file(mut self, toml: impl Into<String>) -> Self {
        self.site_file = Some(toml.into());
        self
    }

    /// A variable of the broker; the last one wins.
    #[must_use]
    pub fn broker_env(mut self, name: &str, value: &str) -> Self {
        self.broker_env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A variable of every adapter; the last one wins.
    #[must_use]
    pub fn adapter_env(mut self, name: &str, value: &str) -> Self {
        self.adapter_env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How many adapters there are.
    #[must_use]
    pub fn adapters(mut self, count: usize) -> Self {
        self.adapters = count;
        self
    }

    /// How many brokers there are.
    #[must_use]
    pub fn brokers(mut self, count: usize) -> Self {
        self.brokers = count;
        self
    }

    /// No broker: sessions come from [`WorldBuilder::with_session`] only.
    #[must_use]
    pub fn without_broker(mut self) -> Self {
        self.brokers = 0;
        self
    }

    /// Streams at once on each account of this world.
    #[must_use]
    pub fn concurrency(mut self, streams: u32) -> Self {
        self.concurrency = Some(streams);
        self
    }

    /// Each part reads its key rings from files of its own: see [`World::ring_file`].
    #[must_use]
    pub fn key_files(mut self) -> Self {
        self.key_files = true;
        self
    }

    /// An account of the practice site with a session that no browser made. It has no credentials.
    #[must_use]
    pub fn with_session(mut self, username: &str) -> Self {
        self.with_session.push(username.to_owned());
        self
    }

    /// An account of the practice site that the broker has signed in with Chromium. Its password and TOTP seed are
    /// those of the practice site's options.
    #[must_use]
    pub fn signed_in(mut self, username: &str) -> Self {
        self.signed_in.push(username.to_owned());
        self
    }

    async fn start(mut self) -> World {
        http::install_tls();
        let arguments: Vec<&str> = self.redis_arguments.iter().map(String::as_str).collect();
        let mut fleet = match self.redis_users {
            true => Fleet::start_with_users(self.redis_kind, &arguments).await,
            false => Fleet::start(self.redis_kind, &arguments).await,
        };
        if self.redis_users {
            let url = |user: &str| ("LATCHKEY_REDIS_URL".to_owned(), fleet.url_as(user));
            self.broker_env.insert(0, url("broker"));
            self.adapter_env.insert(0, url("adapter"));
        }
        let redis = fleet.servers.remove(0);
        let url = fleet.url.clone();
        let practice = Practice::start(self.options.clone()).await;
        let directory = tempfile::Builder::new().prefix("latchkey-world-").tempdir().unwrap();
        let (keys, env) = self.common(&url, &practice, &directory);
        let store = TestStore::connect(&RedisConfig::from_env(&Env::of(env.clone())).unwrap()).await.unwrap();
        let session_vault = SessionVault::from_env(&Env::of(env.clone())).unwrap();
        let mut accounts = BTreeMap::new();
        let broker = None;
        let other_brokers = Vec::new();
        let adapters = Vec::new();
        for username in std::mem::take(&mut self.with_session) {
            let id = publish(&store, &session_vault, &practice, &username, self.concurrency).await;
            accounts.insert(username, id);
        }
        let mut world = World {
            broker,
            other_brokers,
            adapters,
            practice,
            redis,
            fleet,
            store,
            session_vault,
            keys,
            directory,
            accounts,
        };
        self.parts(&mut world, &env).await;
        for username in &self.signed_in {
            let id = self.sign_in(&world, username).await;
            world.accounts.insert(username.clone(), id);
        }
        world
    }

    fn common(
        &self,
        redis_url: &str,
        practice: &Practice,
        directory: &TempDir,
    ) -> (Keys, Vec<(String, String)>) {
        let keys = Keys::generate();
        let mut env = keys.common(redis_url, &format!("practice={}", practice.url));
        if let Some(toml) = &self.site_file {
            let path = directory.path().join("practice.toml");
            std::fs::write(&path, toml).unwrap();
            env.push(("LATCHKEY_SITES".to_owned(), path.display().to_string()));
        }
        (keys, env)
    }

    async fn parts(&self, world: &mut World, common: &[(String, String)]) {
        for index in 0..self.brokers {
            let artefacts = world.artefacts();
            std::fs::create_dir_all(&artefacts).unwrap();
            let own = world.keys.broker(&artefacts.display().to_string());
            let name = format!("broker-{index}");
            let env = self.environment(world, &name, &[common, &own, &self.broker_env].concat());
            let config =
                latchkey_broker::config::Config::from_env(&env).expect("the broker's environment is right");
            let part = Part::start(|listener, stopping| {
                latchkey_broker::run(config, listener, stopping.cancelled_owned())
            });
            match index {
                0 => world.broker = Some(part.await),
                _ => world.other_brokers.push(part.await),
            }
        }
        for index in 0..self.adapters {
            let mut own = world.keys.adapter();
            if self.brokers == 0 {
                // Nobody would bring a new session.
                own.push(("LATCHKEY_RENEWAL_DEADLINE".to_owned(), "1ms".to_owned()));
            }
            let name = format!("adapter-{index}");
            let env = self.environment(world, &name, &[common, &own, &self.adapter_env].concat());
            let config =
                latchkey_adapter::config::Config::from_env(&env).expect("the adapter's environment is right");
            let part = Part::start(|listener, stopping| {
                latchkey_adapter::run(config, listener, stopping.cancelled_owned())
            });
            world.adapters.push(part.await);
        }
    }

    /// The environment of one part, whose key rings may be in files of its own.
    fn environment(&self, world: &World, part: &str, pairs: &[(String, String)]) -> Env {
        let into_file = |(name, value): &(String, String)| {
            let ring = name.strip_prefix("LATCHKEY_").and_then(|name| name.strip_suffix("_KEYS"));
            let Some(ring) = ring.filter(|_| self.key_files) else { return (name.clone(), value.clone()) };
            let path = world.ring_file(part, &ring.to_lowercase());
            std::fs::write(&path, value).unwrap();
            (format!("{name}_FILE"), path.display().to_string())
        };
        Env::of(pairs.iter().map(into_file))
    }

    async fn sign_in(&self, world: &World, username: &str) -> AccountId {
        let admin = world.admin();
        let known = self.options.account(username).expect("the practice site knows the user");
        let account = admin.add(username, &known.password, known.totp_seed.as_deref()).await;
        if let Some(streams) = self.concurrency {
            admin.change(account.id, &serde_json::json!({"concurrency": streams})).await;
        }
        let operation = admin.sign_in(account.id).await;
        assert!(operation.error.is_none(), "the login of {username} failed: {operation:#?}");
        account.id
    }
}

impl World {
    /// Makes one more account of the practice site with a session that no browser made.
    pub async fn publish(&mut self, username: &str) -> AccountId {
        let id = publish(&self.store, &self.session_vault, &self.practice, username, None).await;
        self.accounts.insert(username.to_owned(), id);
        id
    }

    /// Makes an account of any site that is given a key of its API, as an operator does.
    pub async fn give_key(&self, site: &str, key: &str) -> AccountId {
        let account = Account::new(site.parse().unwrap(), "with a key".to_owned());
        self.store.create_account(&account).await.unwrap();
        let session = Session {
            cookies: Vec::new(),
            bearer: Some(key.to_owned().into()),
            local_storage: BTreeMap::new(),
            session_storage: BTreeMap::new(),
            user_agent: String::new(),
            captured_at: Timestamp::now(),
            expires_at: Timestamp::now() + Duration::from_secs(60 * 60),
        };
        publish_session(&self.store, &self.session_vault, account.id, &session).await;
        account.id
    }

    /// Replaces an account's session by one that its site does not know.
    ///
    /// # Panics
    /// When it has none.
    pub async fn spoil(&self, id: AccountId) {
        let StoredSession { generation, sealed } =
            self.store.session(id).await.unwrap().expect("it is signed in");
        let account = self.store.account(id).await.unwrap().expect("it is there");
        let mut session = self.session_vault.open(&sealed, RecordOwner::of(&account), generation).unwrap();
        session.bearer = session.bearer.map(|_| "spoilt".into());
        session.cookies.iter_mut().for_each(|cookie| cookie.value = "spoilt".into());
        session.local_storage.values_mut().for_each(|value| *value = "spoilt".into());
        publish_session(&self.store, &self.session_vault, id, &session).await;
    }

    /// Publishes the next session of an account, as a broker does after a login.
    pub async fn publish_again(&self, username: &str) {
        let id = self.account(username);
        let session = self.practice.sign_in(username).session(&self.practice.url);
        publish_session(&self.store, &self.session_vault, id, &session).await;
    }
}

async fn publish(
    store: &TestStore,
    vault: &SessionVault,
    practice: &Practice,
    username: &str,
    concurrency: Option<u32>,
) -> AccountId {
    let account = Account { concurrency, ..Account::new("practice".parse().unwrap(), username.to_owned()) };
    store.create_account(&account).await.unwrap();
    let session = practice.sign_in(username).session(&practice.url);
    publish_session(store, vault, account.id, &session).await;
    account.id
}

async fn publish_session(store: &TestStore, vault: &SessionVault, id: AccountId, session: &Session) {
    let lock = store.lock_login(id, Duration::from_secs(30)).await.unwrap().expect("nobody else signs in");
    let account = store.account(id).await.unwrap().expect("it is there");
    let sealed = vault.seal(session, RecordOwner::of(&account), lock.generation);
    let new = NewSession::given(&sealed, session.expires_at);
    let published = store.publish_session(&lock, new).await.unwrap();
    assert_eq!(published, Published::Done);
    store.unlock_login(&lock).await.unwrap();
}

impl IntoFuture for WorldBuilder {
    type Output = World;
    type IntoFuture = Pin<Box<dyn Future<Output = World>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}
