//! One running server of ours: its URL, its end, and what `run` answered.

use std::{net::SocketAddr, time::Duration};

use reqwest::Url;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{http, wait};

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(20);

/// A broker or an adapter. Dropped, it is told to stop.
#[derive(Debug)]
pub struct Part {
    /// Its base URL.
    pub url: Url,
    stopping: CancellationToken,
    running: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Part {
    /// Runs a server on a free port until it answers at `/livez`.
    pub(super) async fn start<F>(run: impl FnOnce(TcpListener, CancellationToken) -> F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let listener = crate::server::listener().await;
        let address: SocketAddr = listener.local_addr().unwrap();
        let stopping = CancellationToken::new();
        let tasks = latchkey_shared::shutdown::Tasks::new();
        let running = Some(tasks.spawn(run(listener, stopping.clone())));
        let url = format!("http://{address}").parse().unwrap();
        let mut part = Self { url, stopping, running };
        part.answers().await;
        part
    }

    /// Tells it to stop and waits.
    ///
    /// # Panics
    /// When it ended with an error, or not within `limit`.
    pub async fn stop(mut self, limit: Duration) {
        self.stopping.cancel();
        let running = self.running.take().expect("a part stops once");
        let ended = tokio::time::timeout(limit, running).await;
        ended.expect("the server ends when it is told to").unwrap().expect("the server ends well");
    }

    async fn answers(&mut self) {
        let http = http::client();
        let url = self.url.join("/livez").unwrap();
        wait::until_some(START, async || {
            if self.running.as_ref().is_some_and(JoinHandle::is_finished) {
                let ended = self.running.take().unwrap().await.unwrap();
                panic!("the server ended before it answered: {ended:?}");
            }
            http.get(url.clone()).send().await.ok()
        })
        .await;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}
