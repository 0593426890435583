//! The last moments of a connection: what its client still sends is read and thrown away.
//!
//! A socket that is closed with unread bytes in it is reset, and the reset takes the answer with it that the client has
//! not read yet. A client that writes all of its body before it reads would never see why it was refused.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

/// How long a client may send nothing before it is taken for one that has said all.
const QUIET: Duration = Duration::from_secs(2);
/// How long it may go on.
const LONGEST: Duration = Duration::from_secs(30);
/// How much of it is read: several times what a request may have.
const MOST_BYTES: usize = 256 << 20;
/// Read at once.
const CHUNK: usize = 16 << 10;

/// A connection on which nothing more is written.
pub(super) struct LingeringConnection {
    quiet: Pin<Box<Sleep>>,
    end: Instant,
    left_bytes: usize,
}

impl LingeringConnection {
    /// Begins now.
    pub(super) fn begin() -> Self {
        Self { quiet: Box::pin(sleep(QUIET)), end: Instant::now() + LONGEST, left_bytes: MOST_BYTES }
    }

    /// Completes when the client has closed its side too, or has had its time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &mut TcpStream) -> Poll<()> {
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        loop {
            let mut buffer = ReadBuf::uninit(&mut chunk);
            let read: Poll<io::Result<()>> = Pin::new(&mut *stream).poll_read(cx, &mut buffer);
            let bytes = buffer.filled().len();
            match read {
                Poll::Ready(Ok(())) if bytes > 0 && bytes < self.left_bytes => {
                    self.left_bytes -= bytes;
                    let until = (Instant::now() + QUIET).min(self.end);
                    self.quiet.as_mut().reset(until);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    ready!(self.quiet.as_mut().poll(cx));
                    return Poll::Ready(());
                }
            }
            if self.end <= Instant::now() {
                return Poll::Ready(());
            }
        }
    }
}
