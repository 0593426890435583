//! The door for connections: none that has come is lost when it closes, and no client holds one that it does not read.

use std::{io, net::SocketAddr, time::Duration};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use latchkey_shared::grace::{ConnectionAuth, GraceLimiter};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

mod count;
mod lingering;
mod worker;
mod write_timeout;

use count::ConnectionCount;
pub(crate) use worker::Workers;
use worker::{FIRST_BYTES, WorkerHandle};
use write_timeout::WriteTimeoutStream;

use crate::connection::ClientConnection;

/// Between two tries when the machine has no descriptor left; whoever comes waits in the kernel's queue meanwhile.
const NO_DESCRIPTOR: Duration = Duration::from_millis(100);

/// Listens until it is told to close.
pub(crate) struct Acceptor {
    /// None once it is closed.
    listener: Option<TcpListener>,
    /// Whoever had come when it was closed.
    waiting: Vec<(TcpStream, SocketAddr)>,
    address: SocketAddr,
    close: CancellationToken,
    closed: CancellationToken,
    patience: Duration,
    /// Whoever has shown no secret yet, of all threads.
    strangers: GraceLimiter,
    /// Connections of the thread that has the door.
    count: ConnectionCount,
    /// The other threads.
    workers: Vec<WorkerHandle>,
}

impl Acceptor {
    /// Opens it; `patience` is how long a client may take nothing of what is written to it. Whoever comes is served
    /// here or by the thread of a seat, whichever has fewer.
    pub(crate) fn open(
        listener: TcpListener,
        close: CancellationToken,
        patience: Duration,
        workers: Vec<WorkerHandle>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let closed = CancellationToken::new();
        let listener = Some(listener);
        let waiting = Vec::new();
        let strangers = GraceLimiter::default();
        let count = ConnectionCount::default();
        Ok(Self { listener, waiting, address, close, closed, patience, strangers, count, workers })
    }

    /// Cancelled when it is closed and whoever had come has been let in and could ask.
    pub(crate) fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    /// Closes at the moment at which nobody waits: the kernel breaks the connections that it still holds for a
    /// listener, and a balancer must not send the request of such a one again.
    fn shut(&mut self) {
        let Some(listener) = self.listener.take().and_then(|listener| listener.into_std().ok()) else {
            return;
        };
        // The other threads close when they have served what they were handed.
        self.workers.clear();
        while let Ok((stream, address)) = listener.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.waiting.push((stream, address));
            }
        }
    }

    /// The thread with the fewest connections gets it; `None` when that is another one.
    fn seat(&self, stream: TcpStream, address: SocketAddr) -> io::Result<Option<WriteTimeoutStream>> {
        let other = self.workers.iter().min_by_key(|seat| seat.load());
        let auth = self.strangers.admit(address.ip());
        let stream = match other.filter(|other| other.load() < self.count.now()) {
            Some(other) => other.hand(stream, address, &auth)?,
            None => Some(stream),
        };
        Ok(stream.map(|stream| self.let_in(stream, auth)))
    }

    fn let_in(&self, stream: TcpStream, auth: ConnectionAuth) -> WriteTimeoutStream {
        WriteTimeoutStream::new(stream, self.patience, auth.begin(), self.count.count())
    }
}

impl Connected<IncomingStream<'_, Acceptor>> for ClientConnection {
    fn connect_info(stream: IncomingStream<'_, Acceptor>) -> Self {
        Self(stream.io().auth())
    }
}

impl axum::serve::Listener for Acceptor {
    type Io = WriteTimeoutStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (WriteTimeoutStream, SocketAddr) {
        while let Some(listener) = &self.listener {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.close.cancelled() => {
                    self.shut();
                    break;
                }
            };
            match accepted {
                Ok((stream, address)) => match self.seat(stream, address) {
                    Ok(Some(stream)) => return (stream, address),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "cannot hand a connection over"),
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; if files are short, raise ulimit -n");
                    sleep(NO_DESCRIPTOR).await;
                }
            }
        }
        if let Some((stream, address)) = self.waiting.pop() {
            return (self.let_in(stream, self.strangers.admit(address.ip())), address);
        }
        sleep(FIRST_BYTES).await;
        self.closed.cancel();
        std::future::pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::{Router, routing::post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const REQUEST: &[u8] =
        b"POST / HTTP/1.1\r\nhost: door\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_has_come_before_it_closes_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let close = CancellationToken::new();
        let door = Acceptor::open(listener, close.clone(), Duration::from_secs(60), Vec::new()).unwrap();
        let closed = door.closed();
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(REQUEST).await.unwrap();
            clients.push(client);
        }
        close.cancel();
        let router = Router::new().route("/", post(|| async { "let in" }));
        let ended = async move { closed.cancelled().await };
        let tasks = latchkey_shared::shutdown::Tasks::new();
        let serving = tasks.spawn(axum::serve(door, router).with_graceful_shutdown(ended).into_future());

        for mut client in clients {
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("let in"), "{answer}");
        }
        serving.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "it is closed");
    }

    #[tokio::test]
    async fn every_thread_serves_and_ends_when_the_door_closes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let close = CancellationToken::new();
        let name = async || std::thread::current().name().unwrap_or_default().to_owned();
        let router = Router::new().route("/", post(name));
        let patience = Duration::from_secs(60);
        let (mut threads, seats) = Workers::start(2, &router, patience).unwrap();
        let door = Acceptor::open(listener, close.clone(), patience, seats).unwrap();
        let closed = door.closed();
        let ended = async move { closed.cancelled().await };
        let tasks = latchkey_shared::shutdown::Tasks::new();
        let serving = tasks.spawn(axum::serve(door, router).with_graceful_shutdown(ended).into_future());
        let mut clients = Vec::new();
        for _ in 0..9 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }

        let mut served = BTreeMap::new();
        for mut client in clients {
            client.write_all(REQUEST).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            let (_, name) = answer.split_once("\r\n\r\n").unwrap();
            *served.entry(name.to_owned()).or_insert(0) += 1;
        }
        close.cancel();
        serving.await.unwrap().unwrap();
        threads.served().await.unwrap();
        threads.end().await;

        assert_eq!(served.values().collect::<Vec<_>>(), [&3, &3, &3], "{served:?}");
    }
}
