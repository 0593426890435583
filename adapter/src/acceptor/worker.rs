//! The threads that serve beside the one that has the door, and how connections come to them.

use std::{io, net::SocketAddr, thread, time::Duration};

use anyhow::Context;
use axum::{Router, extract::connect_info::Connected, serve::IncomingStream};
use futures::future::join_all;
use latchkey_shared::{grace::ConnectionAuth, threads};
use tokio::{
    net::TcpStream,
    runtime::Builder,
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    count::{ConnectionCount, CountedConnection},
    write_timeout::WriteTimeoutStream,
};
use crate::connection::ClientConnection;

/// Connections that a thread was handed and has not taken yet; more stay where they came in.
const HANDED: usize = 64;
/// How long whoever had come may take to ask. A server that is told to end closes connections of which it has read
/// nothing, and the request that lies in one with it: measured, nine of ten.
pub(super) const FIRST_BYTES: Duration = Duration::from_millis(200);
/// How long a thread may take to end once nothing is left to do.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// A connection on its way to the thread that will serve it. It belongs to no runtime meanwhile.
pub(crate) struct HandedOff {
    stream: std::net::TcpStream,
    address: SocketAddr,
    auth: ConnectionAuth,
    counted: CountedConnection,
}

/// Where connections are handed to one thread.
pub(crate) struct WorkerHandle {
    handing: mpsc::Sender<HandedOff>,
    count: ConnectionCount,
}

impl WorkerHandle {
    /// How many connections the thread has.
    pub(crate) fn load(&self) -> usize {
        self.count.now()
    }

    /// Hands it a connection; gives that back when the thread has enough to do.
    pub(crate) fn hand(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        auth: &ConnectionAuth,
    ) -> io::Result<Option<TcpStream>> {
        let Ok(place) = self.handing.try_reserve() else { return Ok(Some(stream)) };
        let stream = stream.into_std()?;
        let counted = self.count.count();
        place.send(HandedOff { stream, address, auth: auth.clone(), counted });
        Ok(None)
    }
}

/// The threads that serve beside the one that has the door.
pub(crate) struct Workers {
    serving: Vec<oneshot::Receiver<io::Result<()>>>,
    ended: Vec<oneshot::Receiver<()>>,
    /// Ends them, however the process comes to its end.
    over: DropGuard,
}

impl Workers {
    /// Starts so many. Each serves until its seat is gone, and then to the end of what it has.
    ///
    /// # Errors
    /// When the machine has no thread or no runtime left.
    pub(crate) fn start(
        count: usize,
        router: &Router,
        patience: Duration,
    ) -> anyhow::Result<(Self, Vec<WorkerHandle>)> {
        let over = CancellationToken::new();
        let mut started = Self { serving: Vec::new(), ended: Vec::new(), over: over.clone().drop_guard() };
        let mut seats = Vec::new();
        for index in 1..=count {
            let (handing, handed) = mpsc::channel(HANDED);
            let (told, serving) = oneshot::channel();
            let (gone, ended) = oneshot::channel();
            let over = over.clone();
            let router = router.clone();
            let life = move || {
                threads::is(index);
                // Without one its seat is closed, and the first thread serves what would come here.
                let runtime = match Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime,
                    Err(error) => {
                        tracing::error!(%error, "a thread has no runtime and does not serve; see ulimit -n");
                        return;
                    }
                };
                runtime.block_on(async {
                    told.send(serve(handed, router, patience).await).ok();
                    // Others may wait for what it began.
                    over.cancelled().await;
                });
                drop(runtime);
                gone.send(()).ok();
            };
            thread::Builder::new()
                .name(format!("serves-{index}"))
                .spawn(life)
                .context("cannot start a thread; see the limit of processes (ulimit -u)")?;
            started.serving.push(serving);
            started.ended.push(ended);
            seats.push(WorkerHandle { handing, count: ConnectionCount::default() });
        }
        Ok((started, seats))
    }

    /// Waits until all have served what they had.
    pub(crate) async fn served(&mut self) -> io::Result<()> {
        for serving in &mut self.serving {
            serving.await.unwrap_or(Ok(()))?;
        }
        self.serving.clear();
        Ok(())
    }

    /// Ends them; what they have still is dropped.
    pub(crate) async fn end(self) {
        let Self { ended, over, .. } = self;
        drop(over);
        timeout(LAST_STEPS, join_all(ended)).await.ok();
    }
}

async fn serve(handed: mpsc::Receiver<HandedOff>, router: Router, patience: Duration) -> io::Result<()> {
    let closed = CancellationToken::new();
    let hatch = WorkerListener { handed, closed: closed.clone(), patience };
    axum::serve(hatch, router.into_make_service_with_connect_info::<ClientConnection>())
        .with_graceful_shutdown(closed.cancelled_owned())
        .await
}

/// Where a thread gets its connections.
struct WorkerListener {
    handed: mpsc::Receiver<HandedOff>,
    /// Cancelled when nobody hands any more, and whoever had come could ask.
    closed: CancellationToken,
    patience: Duration,
}

impl Connected<IncomingStream<'_, WorkerListener>> for ClientConnection {
    fn connect_info(stream: IncomingStream<'_, WorkerListener>) -> Self {
        Self(stream.io().auth())
    }
}

impl axum::serve::Listener for WorkerListener {
    type Io = WriteTimeoutStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (WriteTimeoutStream, SocketAddr) {
        while let Some(HandedOff { stream, address, auth, counted }) = self.handed.recv().await {
            match TcpStream::from_std(stream) {
                Ok(stream) => {
                    let stream = WriteTimeoutStream::new(stream, self.patience, auth.begin(), counted);
                    return (stream, address);
                }
                Err(error) => tracing::warn!(%error, "cannot take a connection over"),
            }
        }
        sleep(FIRST_BYTES).await;
        self.closed.cancel();
        std::future::pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([0, 0, 0, 0], 0)))
    }
}
