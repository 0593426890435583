//! This adapter's word that it is there, and what it hears of the others.
//!
//! Nobody is leased an account by an adapter that has not said so lately: it may have been taken for gone. When Redis
//! comes back, each claims what it holds before any of them leases more.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use latchkey_shared::store::{AdapterStore, Attendance, LeaseToken, StoreError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use super::lease::LeaseRegistry;

/// How often it is said.
const EACH: Duration = Duration::from_secs(1);
/// How often while the others are waited for.
const SOON: Duration = Duration::from_millis(100);
/// How long what was heard holds. Shorter than the time after which Redis is taken for one that was away.
const FRESH: Duration = Duration::from_secs(3);

/// The presence of one adapter.
pub(super) struct AdapterPresence {
    id: String,
    store: AdapterStore,
    leases: Arc<LeaseRegistry>,
    state: Mutex<PresenceState>,
    /// One at a time: what was claimed and what is said of it must fit.
    attending: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct PresenceState {
    last: Option<(Attendance, Instant)>,
    claimed: Option<u64>,
    failed: Option<Instant>,
}

impl AdapterPresence {
    pub(super) fn new(store: AdapterStore, leases: Arc<LeaseRegistry>) -> Self {
        let heard = Mutex::default();
        let attending = tokio::sync::Mutex::default();
        Self { id: Ulid::generate().to_string(), store, leases, state: heard, attending }
    }

    /// Draws a token for a place.
    pub(super) fn token(&self) -> LeaseToken {
        LeaseToken::of(&self.id)
    }

    /// Says that this adapter is there until it stops.
    pub(super) async fn attend(&self, stopping: CancellationToken) {
        let mut in_trouble = false;
        loop {
            let said = self.say().await;
            if let (Err(error), false) = (&said, in_trouble) {
                tracing::warn!(%error, "cannot say that this adapter is there; its places end in a while");
            }
            in_trouble = said.is_err();
            let pause = if said.is_ok_and(|heard| !heard.is_open) { SOON } else { EACH };
            if stopping.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Says that it ends; what it holds still ends by itself.
    pub(super) async fn leave(&self) {
        if let Err(error) = self.store.depart(&self.id).await {
            tracing::debug!(%error, "cannot say goodbye; the presence ends by itself");
        }
    }

    /// Whose places do not count; `None` while nobody may be leased.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub(super) async fn absent(&self) -> Result<Option<String>, StoreError> {
        let fresh = self.fresh();
        let heard = match fresh {
            Some(heard) => heard,
            None => self.say().await?,
        };
        Ok(heard.is_open.then_some(heard.absent))
    }

    fn fresh(&self) -> Option<Attendance> {
        let heard = self.heard();
        let (last, at) = heard.last.as_ref()?;
        (at.elapsed() < FRESH).then(|| last.clone())
    }

    /// Says it, unless another says it at this moment: then what that one hears will do.
    async fn say(&self) -> Result<Attendance, StoreError> {
        let since = Instant::now();
        let _one = self.attending.lock().await;
        let meanwhile = self.meanwhile(since);
        if let Some(heard) = meanwhile {
            return heard;
        }
        let said = self.say_once().await;
        if said.is_err() {
            self.heard().failed = Some(Instant::now());
        }
        said
    }

    fn meanwhile(&self, since: Instant) -> Option<Result<Attendance, StoreError>> {
        let heard = self.heard();
        if heard.failed.is_some_and(|failed| since < failed) {
            return Some(Err(StoreError::Unavailable("it did not answer a moment ago".to_owned())));
        }
        let (last, at) = heard.last.as_ref()?;
        (since < *at).then(|| Ok(last.clone()))
    }

    /// Says it once, and claims what is held if it must be.
    async fn say_once(&self) -> Result<Attendance, StoreError> {
        let claimed = self.heard().claimed;
        // The time before asking: what is heard is as old as the question.
        let mut at = Instant::now();
        let mut attendance = self.store.attend(&self.id, claimed).await?;
        if claimed.is_some() && (claimed != Some(attendance.resumed) || attendance.was_gone) {
            tracing::warn!("redis was away, or this adapter was; claiming the leases that it holds");
            self.leases.claim().await?;
            at = Instant::now();
            attendance = self.store.attend(&self.id, Some(attendance.resumed)).await?;
        }
        let mut heard = self.heard();
        heard.claimed = Some(attendance.resumed);
        heard.last = Some((attendance.clone(), at));
        Ok(attendance)
    }

    fn heard(&self) -> MutexGuard<'_, PresenceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
