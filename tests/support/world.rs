//! A whole deployment for one test: practice site, Redis, a broker and adapters, each on a port of its own.
//!
//! Broker and adapters run through the very `run` of their binaries, configured by an environment as in production.
//! `World::start().with_session("alice").await` is ready to chat; `World::start().signed_in("alice").await` has
//! been signed in by Chromium.

use std::{collections::BTreeMap, time::Duration};

use latchkey_shared::{id::AccountId, vault::SessionVault};
use tempfile::TempDir;

use crate::{
    practice::Practice,
    redis::{Fleet, Redis},
    store::TestStore,
};

mod adapter;
mod admin;
mod answer;
mod keys;
mod part;
mod start;
mod stream;

pub use adapter::AdapterClient;
pub use admin::Admin;
pub use answer::HttpAnswer;
pub use keys::{ADMIN_TOKEN, Keys, SHARED_SECRET};
pub use latchkey_broker::operations::OperationView;
pub use part::Part;
pub use start::WorldBuilder;
pub use stream::Streamed;

/// How long a part may take to end; a broker closes its Chromium, an adapter its streams.
const STOP: Duration = Duration::from_secs(20);

/// A running deployment. Dropped, its parts are told to stop; [`World::stop`] also waits and looks.
pub struct World {
    /// The broker, unless the world was started without.
    pub broker: Option<Part>,
    /// Further brokers, on the same Redis.
    pub other_brokers: Vec<Part>,
    /// The adapters; usually one.
    pub adapters: Vec<Part>,
    /// The site.
    pub practice: Practice,
    /// Where they meet: the one server, the one that is written to first, or the first of a cluster.
    pub redis: Redis,
    /// The other servers, Sentinels too.
    pub fleet: Fleet,
    /// A store of the test's own, on the same Redis.
    pub store: TestStore,
    /// Opens what the broker sealed.
    pub session_vault: SessionVault,
    /// The key rings.
    pub keys: Keys,
    /// Files of this world; `artefacts` below it is the broker's.
    pub directory: TempDir,
    accounts: BTreeMap<String, AccountId>,
}

impl World {
    /// Describes a world, to be awaited.
    pub fn start() -> WorldBuilder {
        WorldBuilder::default()
    }

    /// A client of the broker's admin API.
    ///
    /// # Panics
    /// When the world has no broker.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::new(&self.broker.as_ref().expect("the world has a broker").url)
    }

    /// A client of the first adapter.
    ///
    /// # Panics
    /// When the world has no adapter.
    #[must_use]
    pub fn adapter(&self) -> AdapterClient {
        self.adapter_at(0)
    }

    /// A client of one of several adapters.
    ///
    /// # Panics
    /// When there is no such adapter.
    #[must_use]
    pub fn adapter_at(&self, index: usize) -> AdapterClient {
        AdapterClient::new(&self.adapters[index].url)
    }

    /// The account that this world was started with, or that [`World::publish`] made.
    ///
    /// # Panics
    /// When there is none of this name.
    #[must_use]
    pub fn account(&self, username: &str) -> AccountId {
        *self.accounts.get(username).unwrap_or_else(|| panic!("the world has no account {username}"))
    }

    /// Where the broker keeps screenshots.
    #[must_use]
    pub fn artefacts(&self) -> std::path::PathBuf {
        self.directory.path().join("artefacts")
    }

    /// The file of a part's key ring, in a world with [`WorldBuilder::key_files`]: `broker-0`, `adapter-1`; `session`.
    #[must_use]
    pub fn ring_file(&self, part: &str, ring: &str) -> std::path::PathBuf {
        self.directory.path().join(format!("{part}.{ring}.keys"))
    }

    /// Ends every part and waits for it.
    ///
    /// # Panics
    /// When a part ended with an error, or not in time.
    pub async fn stop(mut self) {
        for part in self.adapters.drain(..).chain(self.other_brokers.drain(..)).chain(self.broker.take()) {
            part.stop(STOP).await;
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("broker", &self.broker)
            .field("adapters", &self.adapters)
            .finish_non_exhaustive()
    }
}
