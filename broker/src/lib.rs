#![doc = include_str!("../README.md")]

use std::{future::IntoFuture, path::PathBuf, time::Duration};

use anyhow::Context as _;
use latchkey_shared::{
    shutdown::Tasks,
    site,
    store::{BrokerStore, StoreRole},
};
use tokio::net::TcpListener;

pub mod admin;
mod audit;
pub mod browser;
pub mod cli;
pub mod config;
mod damaged;
pub mod due;
mod keys;
pub mod login;
mod metrics;
pub mod operations;
mod record;
pub mod refresh;
mod revocation;
mod state;

use admin::listener::{AdminConnection, AdminListener};
use config::Config;
use state::App;

/// How long running requests and logins have to end once the broker is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `shutdown` completes, then drains requests, ends logins and closes the browser.
///
/// # Errors
/// When Redis is not there or may evict accounts, or the listener fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    install_crypto();
    let store = BrokerStore::connect(&config.redis).await.context("the broker needs Redis")?;
    store.expect_sites(config.catalog.names());
    for site in config.catalog.sites() {
        for advice in site::advice(site) {
            tracing::warn!(site = %site.name, "{advice}");
        }
    }
    store.prove(StoreRole::Broker).await?;
    // The browser outlives the logins: a login that is told to stop still closes its page.
    let tasks = Tasks::new();
    let browser_tasks = Tasks::new();
    let browser = supervisor(&config, browser_tasks.clone());
    let app = App::new(config, store, browser.clone(), tasks.clone())?;
    tasks.spawn(refresh::run(app.clone()));
    tasks.spawn(keys::attend(app.rewrap.context.clone()));
    tasks.spawn(browser::sweep());

    let address = listener.local_addr().context("the listener has no address")?;
    tracing::info!(%address, "broker is listening");
    let stopping = tasks.stopping();
    let router = admin::router(app).into_make_service_with_connect_info::<AdminConnection>();
    let server = axum::serve(AdminListener::new(listener), router)
        .with_graceful_shutdown(stopping.cancelled_owned())
        .into_future();
    let mut server = std::pin::pin!(server);
    tokio::select! {
        served = &mut server => served.context("the admin API failed")?,
        () = shutdown => {}
    }

    let (ended, drained) = tokio::join!(tasks.stop(DRAIN), tokio::time::timeout(DRAIN, server));
    if !ended || drained.is_err() {
        tracing::warn!(limit = ?DRAIN, "some requests or logins were cut off");
    }
    browser.close().await;
    browser_tasks.stop(DRAIN).await;
    tracing::info!("broker has stopped");
    Ok(())
}

/// Chooses ring as the process's cryptography for TLS; rustls has no default of its own here.
pub fn install_crypto() {
    // An error means that it has been chosen already.
    rustls::crypto::ring::default_provider().install_default().ok();
}

/// Starts without Chromium too: accounts can be managed, and `/readyz` says what is missing.
fn supervisor(config: &Config, tasks: Tasks) -> browser::Supervisor {
    let chosen = config.browser.chromium.clone();
    let chromium = browser::find_chromium(chosen.clone()).unwrap_or_else(|error| {
        tracing::error!(%error, "no login can succeed: Chromium was not found");
        chosen.unwrap_or_else(|| PathBuf::from("chromium"))
    });
    let config = browser::BrowserConfig {
        chromium,
        sandbox: config.browser.sandbox,
        max_pages: config.login_concurrency,
        display: Vec::new(),
    };
    browser::Supervisor::new(config, tasks)
}
