//! The door of the admin API: a stranger may neither hold it shut nor guess the token quickly.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use latchkey_shared::grace::{ConnectionAuth, ConnectionGrace, GraceLimiter};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

/// How long the answer to a first wrong token is held back; it doubles with each more from that address.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// No longer than this, below the time that a head may take.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// After so long without a wrong token an address begins anew.
const FORGIVEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// How many addresses are remembered; past it the one that was longest quiet is forgotten.
const ADDRESSES: usize = 1024;

/// Listens, and closes connections that do not show the token in time.
pub(crate) struct AdminListener {
    listener: TcpListener,
    strangers: GraceLimiter,
    backoff: Arc<TokenBackoff>,
}

/// A connection to the admin API.
pub(crate) struct AdminStream {
    stream: TcpStream,
    grace: ConnectionGrace,
    backoff: Arc<TokenBackoff>,
}

/// What a request knows of the connection that it came on.
#[derive(Clone, Debug)]
pub(crate) struct AdminConnection {
    /// Whether it has shown the token.
    pub(crate) auth: ConnectionAuth,
    address: IpAddr,
    backoff: Arc<TokenBackoff>,
}

/// Wrong tokens by address. A right one is never held back.
#[derive(Debug, Default)]
struct TokenBackoff(Mutex<HashMap<IpAddr, WrongTokens>>);

#[derive(Clone, Copy, Debug)]
struct WrongTokens {
    count: u32,
    last: Instant,
}

impl AdminListener {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener, strangers: GraceLimiter::default(), backoff: Arc::default() }
    }
}

impl Listener for AdminListener {
    type Io = AdminStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (AdminStream, SocketAddr) {
        // Waits a moment by itself where no descriptor is left.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let grace = self.strangers.admit(address.ip()).begin();
        (AdminStream { stream, grace, backoff: Arc::clone(&self.backoff) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, AdminListener>> for AdminConnection {
    fn connect_info(stream: IncomingStream<'_, AdminListener>) -> Self {
        let address = stream.remote_addr().ip();
        let AdminStream { grace, backoff, .. } = stream.io();
        Self { auth: grace.auth().clone(), address, backoff: Arc::clone(backoff) }
    }
}

impl AdminConnection {
    /// Holds the answer to a wrong token back, the longer the more of them came from there.
    pub(crate) async fn wrong_token(&self) {
        let delay = self.backoff.count(self.address);
        tracing::warn!(client.address = %self.address, delay_ms = delay.as_millis(), "wrong admin token");
        sleep(delay).await;
    }
}

impl AsyncRead for AdminStream {
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

impl AsyncWrite for AdminStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl TokenBackoff {
    /// Counts a wrong token; for how long its answer is to be held back.
    fn count(&self, address: IpAddr) -> Duration {
        let now = Instant::now();
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.retain(|_, wrong| now.duration_since(wrong.last) < FORGIVEN_AFTER);
        if ADDRESSES <= wrong.len() && !wrong.contains_key(&address) {
            let quiet = wrong.iter().min_by_key(|(_, wrong)| wrong.last).map(|(address, _)| *address);
            quiet.map(|quiet| wrong.remove(&quiet));
        }
        let of_address = wrong.entry(address).or_insert(WrongTokens { count: 0, last: now });
        let doubled = 2_u32.saturating_pow(of_address.count);
        of_address.count = of_address.count.saturating_add(1);
        of_address.last = now;
        FIRST_DELAY.saturating_mul(doubled).min(LONGEST_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn wrong_tokens_of_an_address_are_answered_ever_later_and_forgiven_after_a_while() {
        let backoff = TokenBackoff::default();
        let stranger = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 66));
        let delays: Vec<u128> = (0..40).map(|_| backoff.count(stranger).as_millis()).collect();

        assert_eq!(delays[..7], [100, 200, 400, 800, 1600, 3200, 5000]);
        assert!(delays[7..].iter().all(|delay| *delay == 5000));
        assert_eq!(backoff.count(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7))), FIRST_DELAY);

        tokio::time::advance(FORGIVEN_AFTER).await;
        assert_eq!(backoff.count(stranger), FIRST_DELAY);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_without_end_are_not_remembered_without_end() {
        let backoff = TokenBackoff::default();
        for number in 0..5_000 {
            backoff.count(IpAddr::V4(Ipv4Addr::from_bits(number)));
        }

        assert_eq!(backoff.0.lock().unwrap().len(), ADDRESSES);
    }
}
