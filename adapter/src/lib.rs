#![doc = include_str!("../README.md")]

use std::{io, pin::pin, time::Duration};

use anyhow::Context;
use latchkey_shared::{
    heartbeat::ServiceHeartbeat,
    shutdown::{self, Tasks},
    store::{AdapterStore, StoreRole},
};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

mod acceptor;
mod admission;
mod anthropic;
mod api;
mod capability;
pub mod config;
mod connection;
mod conversation;
mod deadline;
mod metrics;
#[doc(hidden)]
pub mod micro;
mod models;
mod openai;
mod pool;
mod prompt;
pub mod recorder;
mod responses;
mod scope;
mod serving;
pub mod site_trial;
mod sites;
mod state;
mod stream;
mod tokens;
mod turn;

use acceptor::{Acceptor, Workers};
use config::Config;
use connection::{ClientConnection, OpenSockets};
use state::AppState;

/// How long connections may take to tell their clients that their stream is cut.
const LAST_WORDS: Duration = Duration::from_secs(1);
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
    let store = AdapterStore::connect(&config.redis).await.context("cannot reach redis")?;
    store.expect_sites(config.catalog.names());
    store.prove(StoreRole::Adapter).await?;
    let presence = ServiceHeartbeat::new(store.clone(), StoreRole::Adapter, None, config.vault.clone());
    let clients = sites::http::HttpClients::new(config.threads).context("cannot make an HTTP client")?;
    let tasks = Tasks::new();
    let drain = config.drain;
    let patience = config.write_deadline;
    let others = config.threads - 1;
    let app = AppState::new(config, store, clients, tasks.clone());
    app.pool.directory().refresh(&app.store).await.context("cannot read the accounts")?;
    let watcher = app.clone();
    let stopping = tasks.stopping();
    tasks.spawn(async move { watcher.pool.watch(stopping).await });
    let present = app.clone();
    let stopping = tasks.stopping();
    tasks.spawn(async move { present.pool.attend(stopping).await });
    tasks.spawn(attend(presence, tasks.stopping()));

    tracing::info!(address = %listener.local_addr()?, sites = app.catalog.sites().count(), "adapter serves");
    let closing = CancellationToken::new();
    let sockets = app.sockets.clone();
    let router = api::router(app);
    let (mut threads, seats) = Workers::start(others, &router, patience)?;
    let door = Acceptor::open(listener, closing.clone(), patience, seats)?;
    let draining = sockets.clone();
    let shutdown = async move {
        shutdown.await;
        closing.cancel();
        draining.drain();
    };
    serve(door, router, (&mut threads, &sockets), shutdown, drain, &tasks.stopping()).await?;
    if !tasks.stop(LAST_TASKS).await {
        tracing::warn!("some leases were not released in time, they end by themselves");
    }
    threads.end().await;
    Ok(())
}

/// Keeps the key ring fresh, and says which keys this adapter holds.
async fn attend(mut heartbeat: ServiceHeartbeat, stopping: CancellationToken) {
    while stopping.run_until_cancelled(heartbeat.run()).await.is_some() {}
    heartbeat.deregister().await;
}

/// Serves until the signal, then until the open streams end, and cuts those that do not end within `drain` or before
/// the next signal.
async fn serve(
    acceptor: Acceptor,
    router: axum::Router,
    (threads, sockets): (&mut Workers, &OpenSockets),
    shutdown: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
    stopping: &CancellationToken,
) -> anyhow::Result<()> {
    let (signalled, draining) = tokio::sync::oneshot::channel();
    let closed = acceptor.closed();
    let shutdown = async move {
        shutdown.await;
        signalled.send(()).ok();
        closed.cancelled().await;
    };
    let too_long = async move {
        draining.await.ok();
        tokio::select! {
            () = sleep(drain) => "some streams did not end in time and are cut",
            () = shutdown::signal() => "told to stop once more: open streams are cut",
        }
    };
    // Idle connections are kept without limit: whoever closes first must be the gateway, which keeps them for 90 s.
    let serving = async {
        axum::serve(acceptor, router.into_make_service_with_connect_info::<ClientConnection>())
            .with_graceful_shutdown(shutdown)
            .await?;
        threads.served().await?;
        sockets.ended().await;
        io::Result::Ok(())
    };
    let mut serving = pin!(serving);
    tokio::select! {
        served = &mut serving => return served.context("cannot serve"),
        why = too_long => tracing::warn!("{why}"),
    }
    // Whoever holds an account hears this, breaks its stream off and frees the account.
    stopping.cancel();
    match timeout(LAST_WORDS, serving).await {
        Ok(served) => served.context("cannot serve"),
        // Clients that do not read; their connections end with the process.
        Err(_) => Ok(()),
    }
}
