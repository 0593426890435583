//! The door for connections: none that has come is lost when it closes, and no client holds one that it does not read.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Sleep, sleep},
};
use tokio_util::sync::CancellationToken;

/// Between two tries when the machine has no descriptor left; whoever comes waits in the kernel's queue meanwhile.
const NO_DESCRIPTOR: Duration = Duration::from_millis(100);
/// How long whoever had come may take to ask. A server that is told to end closes connections of which it has read
/// nothing, and the request that lies in one with it: measured, nine of ten.
const FIRST_BYTES: Duration = Duration::from_millis(200);

/// Listens until it is told to close.
pub(crate) struct Door {
    /// None once it is closed.
    listener: Option<TcpListener>,
    /// Whoever had come when it was closed.
    waiting: Vec<(TcpStream, SocketAddr)>,
    address: SocketAddr,
    close: CancellationToken,
    closed: CancellationToken,
    patience: Duration,
}

impl Door {
    /// Opens it; `patience` is how long a client may take nothing of what is written to it.
    pub(crate) fn open(
        listener: TcpListener,
        close: CancellationToken,
        patience: Duration,
    ) -> io::Result<Self> {
        let (address, closed) = (listener.local_addr()?, CancellationToken::new());
        Ok(Self { listener: Some(listener), waiting: Vec::new(), address, close, closed, patience })
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
        while let Ok((stream, address)) = listener.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.waiting.push((stream, address));
            }
        }
    }

    fn let_in(&self, stream: TcpStream) -> Paced {
        // Nagle's algorithm would hold each token back for an acknowledgement: measured, 20 ms to the first one.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        Paced { stream, patience: self.patience, stalled: None }
    }
}

impl axum::serve::Listener for Door {
    type Io = Paced;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Paced, SocketAddr) {
        while let Some(listener) = &self.listener {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.close.cancelled() => {
                    self.shut();
                    break;
                }
            };
            match accepted {
                Ok((stream, address)) => return (self.let_in(stream), address),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; if files are short, raise ulimit -n");
                    sleep(NO_DESCRIPTOR).await;
                }
            }
        }
        if let Some((stream, address)) = self.waiting.pop() {
            return (self.let_in(stream), address);
        }
        sleep(FIRST_BYTES).await;
        self.closed.cancel();
        std::future::pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection whose client must take something of what is written to it, now and then.
///
/// Without that a client that neither reads nor leaves would hold an account for as long as a turn may last.
pub(crate) struct Paced {
    stream: TcpStream,
    patience: Duration,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    /// Lets a write through, and fails one that has waited too long.
    fn pace<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        tracing::info!(patience.secs = patience.as_secs(), "a client takes nothing of its answer and is cut");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pace(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.pace(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
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
        let door = Door::open(listener, close.clone(), Duration::from_secs(60)).unwrap();
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
}
