//! An axum server on a free loopback port that ends with its owner.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, serve::ListenerExt};
use latchkey_shared::shutdown::Tasks;
use reqwest::Url;
use tokio::net::TcpListener;

/// A running server. Dropped, it takes no more connections.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    tasks: Tasks,
}

impl Server {
    /// Serves on a free port.
    pub async fn start(router: Router) -> Self {
        Self::on(listener().await, router)
    }

    /// Serves on a listener that is there.
    #[must_use]
    pub fn on(listener: TcpListener, router: Router) -> Self {
        let address = listener.local_addr().unwrap();
        let tasks = Tasks::new();
        let stopping = tasks.stopping();
        // A small piece of an answer must not wait for the acknowledgement of the one before.
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
        tasks.spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned()).await
        });
        Self { address, tasks }
    }

    /// Its URL, by IP address.
    #[must_use]
    pub fn url(&self) -> Url {
        format!("http://{}", self.address).parse().unwrap()
    }

    /// Closes the listener and idle connections; streams that run may end by themselves, within a second.
    pub async fn stop(&self) {
        self.tasks.stop(Duration::from_secs(1)).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

/// A listener on a free loopback port.
pub async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}
