//! Connections that have not shown a secret yet: how many there may be, and how long each may take.
//!
//! A stranger who opens connections and says nothing would have every descriptor, and nobody else would get in. The
//! remedy is sshd's `LoginGraceTime` and `MaxStartups`, but that the oldest goes where too many wait: an honest client
//! says who it is within milliseconds. All honest clients may have one address, that of a balancer, so whoever has
//! shown a secret counts no more.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// From the first byte until a secret was shown: the head of a request, however slowly it comes.
pub const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// Until the first byte. Longer than the 90 s for which Go's clients keep a connection that they have not used: who
/// closes first loses no request.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(120);
/// How many may wait at once; a listener's descriptors are 1,024 or more.
pub const MOST_UNAUTHENTICATED: usize = 256;

/// How often the log tells of connections that were closed to make room.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The connections of a listener that have not shown a secret yet. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct GraceLimiter(Arc<Mutex<WaitingConnections>>);

#[derive(Debug, Default)]
struct WaitingConnections {
    /// The oldest first; those that are gone or have shown a secret stay until room is needed.
    queue: VecDeque<Weak<GraceState>>,
    /// How many were closed since the log told of it, and when that was.
    evicted: u64,
    told: Option<Instant>,
}

/// Whether one connection has shown a secret. Clones share it.
#[derive(Clone, Debug)]
pub struct ConnectionAuth(Arc<GraceState>);

#[derive(Debug)]
struct GraceState {
    address: IpAddr,
    is_authenticated: AtomicBool,
    evicted: CancellationToken,
}

/// How long one connection may still take. Belongs to whoever reads from it.
#[derive(Debug)]
pub struct ConnectionGrace {
    auth: ConnectionAuth,
    /// `None` once a secret was shown.
    limit: Option<GraceTimer>,
}

#[derive(Debug)]
struct GraceTimer {
    is_silent: bool,
    end: Pin<Box<Sleep>>,
    evicted: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl GraceLimiter {
    /// Counts a connection that has just come. Where too many wait, the oldest of the address that has most of them goes.
    #[must_use]
    pub fn admit(&self, address: IpAddr) -> ConnectionAuth {
        let state = Arc::new(GraceState {
            address,
            is_authenticated: AtomicBool::new(false),
            evicted: CancellationToken::new(),
        });
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if MOST_UNAUTHENTICATED <= waiting.queue.len() {
            waiting.queue.retain(|each| each.upgrade().is_some_and(|each| each.is_waiting()));
        }
        if MOST_UNAUTHENTICATED <= waiting.queue.len() {
            waiting.evict();
        }
        waiting.queue.push_back(Arc::downgrade(&state));
        ConnectionAuth(state)
    }
}

impl WaitingConnections {
    fn evict(&mut self) {
        let addresses: Vec<Option<IpAddr>> =
            self.queue.iter().map(|each| each.upgrade().map(|each| each.address)).collect();
        let mut counts: HashMap<Option<IpAddr>, usize> = HashMap::new();
        addresses.iter().for_each(|address| *counts.entry(*address).or_default() += 1);
        let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(address, _)| address);
        let oldest = addresses.iter().position(|address| Some(*address) == most);
        let oldest = oldest.and_then(|oldest| self.queue.remove(oldest)).and_then(|oldest| oldest.upgrade());
        if let Some(oldest) = oldest {
            oldest.evicted.cancel();
            self.tell(oldest.address);
        }
    }

    /// Once a minute: whoever opens thousands of connections must not write thousands of lines.
    fn tell(&mut self, address: IpAddr) {
        self.evicted += 1;
        if self.told.is_some_and(|told| told.elapsed() < TOLD_EVERY) {
            return;
        }
        let closed = std::mem::take(&mut self.evicted);
        tracing::warn!(
            client.address = %address,
            closed,
            "too many connections have shown no secret; the oldest of this address was closed"
        );
        self.told = Some(Instant::now());
    }
}

impl GraceState {
    fn is_waiting(&self) -> bool {
        !self.is_authenticated.load(Ordering::Relaxed)
    }
}

impl ConnectionAuth {
    /// Says that a request on it has shown a secret.
    pub fn authenticate(&self) {
        self.0.is_authenticated.store(true, Ordering::Relaxed);
    }

    /// Whether one has.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        !self.0.is_waiting()
    }

    /// Begins to count its time; on the runtime that will serve it.
    #[must_use]
    pub fn begin(self) -> ConnectionGrace {
        let evicted = Box::pin(self.0.evicted.clone().cancelled_owned());
        let limit = Some(GraceTimer { is_silent: true, end: Box::pin(sleep(SILENCE_LIMIT)), evicted });
        ConnectionGrace { auth: self, limit }
    }
}

impl ConnectionGrace {
    /// The connection that it belongs to.
    #[must_use]
    pub fn auth(&self) -> &ConnectionAuth {
        &self.auth
    }

    /// Completes when the connection has had its time. To be polled with each read, `has_read` if bytes came.
    pub fn poll_over(&mut self, cx: &mut Context<'_>, has_read: bool) -> Poll<()> {
        let Some(limit) = &mut self.limit else { return Poll::Pending };
        if self.auth.is_authenticated() {
            self.limit = None;
            return Poll::Pending;
        }
        if has_read && limit.is_silent {
            limit.is_silent = false;
            limit.end.as_mut().reset(Instant::now() + HEAD_LIMIT);
        }
        if limit.evicted.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        limit.end.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, net::Ipv4Addr};

    use super::*;

    const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 66));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));

    /// How long a connection is kept that reads at these moments.
    async fn kept(mut grace: ConnectionGrace, reads: &[u64]) -> Duration {
        let began = Instant::now();
        for read in reads {
            tokio::time::sleep_until(began + Duration::from_secs(*read)).await;
            let over = poll_fn(|cx| Poll::Ready(grace.poll_over(cx, true).is_ready())).await;
            if over {
                break;
            }
        }
        poll_fn(|cx| grace.poll_over(cx, false)).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_ten_seconds_from_its_first_byte_however_slowly_it_comes() {
        let limiter = GraceLimiter::default();
        let grace = || limiter.admit(STRANGER).begin();
        // A timer of tokio rounds up to a millisecond.
        let about = |kept: Duration| kept.as_secs();

        assert_eq!(about(kept(grace(), &[]).await), 120);
        assert_eq!(about(kept(grace(), &[1]).await), 11);
        assert_eq!(about(kept(grace(), &[30, 33, 36, 39]).await), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_shown_a_secret_may_take_any_time() {
        let mut grace = GraceLimiter::default().admit(STRANGER).begin();
        grace.auth().authenticate();

        tokio::time::advance(Duration::from_secs(10_000)).await;

        assert!(poll_fn(|cx| Poll::Ready(grace.poll_over(cx, true))).await.is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_of_the_address_with_most_makes_room_and_no_other() {
        let limiter = GraceLimiter::default();
        let first_other = limiter.admit(OTHER);
        let known: Vec<_> = (0..MOST_UNAUTHENTICATED)
            .map(|_| limiter.admit(STRANGER))
            .inspect(ConnectionAuth::authenticate)
            .collect();
        let strangers: Vec<_> = (0..MOST_UNAUTHENTICATED + 9).map(|_| limiter.admit(STRANGER)).collect();
        let last_other = limiter.admit(OTHER);

        let gone = |auths: &[ConnectionAuth]| {
            auths.iter().map(|auth| auth.0.evicted.is_cancelled()).collect::<Vec<_>>()
        };
        assert_eq!(gone(&[first_other, last_other]), [false, false]);
        assert!(!gone(&known).contains(&true), "who has shown a secret stays");
        let gone = gone(&strangers);
        assert_eq!(gone.iter().filter(|gone| **gone).count(), 11);
        assert!(gone[..11].iter().all(|gone| *gone), "the oldest");
    }
}
