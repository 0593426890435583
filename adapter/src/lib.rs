#![doc = include_str!("../README.md")]

use std::time::Duration;

use anyhow::Context;
use axum::serve::ListenerExt;
use latchkey_shared::{shutdown::Tasks, store::Store};
use tokio::net::TcpListener;

mod api;
pub mod config;
mod metrics;
mod models;
mod openai;
mod pool;
mod prompt;
mod sites;
mod state;
mod stream;
mod tokens;
mod turn;

use config::Config;
use state::AppState;

/// How long open streams may go on after the signal to stop.
const DRAIN: Duration = Duration::from_secs(25);
/// How long the last leases may take to be released.
const LAST_TASKS: Duration = Duration::from_secs(3);

/// Serves until `shutdown` completes; then lets open streams end.
///
/// # Errors
/// When Redis does not answer at start, or the listener fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let store = Store::connect(&config.redis).await.context("cannot reach redis")?;
    let client = sites::http::client().context("cannot make an HTTP client")?;
    let tasks = Tasks::new();
    let app = AppState::new(config, store, client, tasks.clone());
    app.pool.directory().refresh(&app.store).await.context("cannot read the accounts")?;
    let watcher = app.clone();
    let stopping = tasks.stopping();
    tasks.spawn(async move { watcher.pool.directory().watch(&watcher.store, stopping).await });

    tracing::info!(address = %listener.local_addr()?, sites = app.catalog.sites().count(), "adapter serves");
    // Nagle's algorithm would hold each token back for an acknowledgement: measured, 20 ms to the first one.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    });
    serve(listener, api::router(app), shutdown).await?;
    if !tasks.stop(LAST_TASKS).await {
        tracing::warn!("some leases were not released in time, they end by themselves");
    }
    Ok(())
}

/// Serves until the signal and then until the open streams end, but not for ever.
async fn serve(
    listener: impl axum::serve::Listener<Addr: std::fmt::Debug>,
    router: axum::Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (signalled, draining) = tokio::sync::oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        signalled.send(()).ok();
    };
    let too_long = async move {
        draining.await.ok();
        tokio::time::sleep(DRAIN).await;
    };
    // Idle connections are kept without limit: whoever closes first must be the gateway, which keeps them for 90 s.
    tokio::select! {
        served = axum::serve(listener, router).with_graceful_shutdown(shutdown) => served.context("cannot serve"),
        () = too_long => {
            tracing::warn!("some streams did not end in time and are cut");
            Ok(())
        }
    }
}
