//! What every request of the admin API may use.

use std::sync::Arc;

use anyhow::Context as _;
use latchkey_shared::{
    shutdown::Tasks,
    site::catalog::SiteCatalog,
    store::BrokerStore,
    vault::{CredentialsVault, SessionVault},
};
use tokio::sync::Semaphore;

use crate::{
    browser,
    config::{BrowserChoice, Config, TokenDigest},
    damaged::DamagedCount,
    keys::{KeyContext, Rewrap},
    login::LoginContext,
    operations::Operations,
};

/// The broker, as its parts see it. Clones share it.
#[derive(Clone)]
pub(crate) struct App(Arc<AppState>);

pub(crate) struct AppState {
    pub(crate) admin_token: TokenDigest,
    pub(crate) store: BrokerStore,
    pub(crate) catalog: Arc<SiteCatalog>,
    pub(crate) credentials_vault: Arc<CredentialsVault>,
    pub(crate) session_vault: Arc<SessionVault>,
    pub(crate) browser: BrowserChoice,
    /// For requests to sites that are no chat.
    pub(crate) http: reqwest::Client,
    pub(crate) operations: Operations,
    pub(crate) rewrap: Rewrap,
    pub(crate) damaged: DamagedCount,
    pub(crate) tasks: Tasks,
}

impl std::ops::Deref for App {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.0
    }
}

impl App {
    /// Puts the parts together; the store is there already.
    pub(crate) fn new(
        config: Config,
        store: BrokerStore,
        browser: browser::Supervisor,
        tasks: Tasks,
    ) -> anyhow::Result<Self> {
        let http = probe_client()?;
        let context = LoginContext {
            store: store.clone(),
            credentials_vault: config.credentials_vault.clone(),
            session_vault: config.session_vault.clone(),
            browser,
            http: http.clone(),
            turns: Semaphore::new(config.login_concurrency),
            artefacts: config.artefacts,
        };
        let keys = KeyContext {
            store: store.clone(),
            credentials_vault: config.credentials_vault.clone(),
            session_vault: config.session_vault.clone(),
            tasks: tasks.clone(),
        };
        Ok(Self(Arc::new(AppState {
            admin_token: TokenDigest::of(&config.admin_token),
            store,
            catalog: config.catalog,
            credentials_vault: config.credentials_vault,
            session_vault: config.session_vault,
            browser: config.browser,
            http,
            operations: Operations::new(context, tasks.clone()),
            rewrap: Rewrap::new(keys),
            damaged: DamagedCount::default(),
            tasks,
        })))
    }
}

/// Follows no redirect: a probe that ends on the login page must not look like a success. Knows no proxy, like Chromium
/// and the adapters: one from the environment would see the session.
pub(crate) fn probe_client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(std::time::Duration::from_secs(5))
        .build()
        .context("cannot make an HTTP client")
}
