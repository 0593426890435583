//! A connection whose client must say who it is, and take something of what is written to it, now and then.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use latchkey_shared::grace::{ConnectionAuth, ConnectionGrace};

use super::{count::CountedConnection, lingering::LingeringConnection};

/// A connection whose client must take something of what is written to it, now and then.
///
/// Without that a client that neither reads nor leaves would hold an account for as long as a turn may last.
pub(crate) struct WriteTimeoutStream {
    stream: TcpStream,
    patience: Duration,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Once nothing more is written.
    linger: Option<LingeringConnection>,
    grace: ConnectionGrace,
    _counted: CountedConnection,
}

impl WriteTimeoutStream {
    /// A connection of this thread.
    pub(super) fn new(
        stream: TcpStream,
        patience: Duration,
        grace: ConnectionGrace,
        counted: CountedConnection,
    ) -> Self {
        // Nagle's algorithm would hold each token back for an acknowledgement: measured, 20 ms to the first one.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        Self { stream, patience, stalled: None, linger: None, grace, _counted: counted }
    }

    /// Whether it has shown a secret.
    pub(super) fn auth(&self) -> ConnectionAuth {
        self.grace.auth().clone()
    }

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

impl AsyncRead for WriteTimeoutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.grace.poll_over(cx, before < buffer.filled().len()).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for WriteTimeoutStream {
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

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, linger, .. } = self.get_mut();
        if linger.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        linger.get_or_insert_with(LingeringConnection::begin).poll(cx, stream).map(Ok)
    }
}
