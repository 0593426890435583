//! Which accounts there are and which of them serve, in memory: no request waits for Redis to know it.
//!
//! Kept fresh by events, by polling, and by starting anew whenever the line was down: events get lost.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use latchkey_shared::{
    account::{Account, State},
    id::{AccountId, SiteName},
    store::{Event, Store, StoreError},
    time::Timestamp,
};
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

const POLL: Duration = Duration::from_secs(15);
/// A request that finds no account looks for itself, but not more often than this.
const LOOK: Duration = Duration::from_secs(1);

/// The accounts.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    known: Mutex<HashMap<AccountId, Known>>,
    looked: Mutex<Option<Instant>>,
    reading: Reading,
    changed: Notify,
}

/// One read of Redis at a time, until what it found is kept: a slower one would bring back what is over.
#[derive(Debug)]
struct Reading(Semaphore);

#[derive(Debug)]
struct Known {
    account: Account,
    /// Highest generation ever seen: a lower one is a replay.
    seen: u64,
    /// Generation of the last session that the site refused.
    dead: u64,
}

/// An account that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The account.
    pub id: AccountId,
    /// Generation of its session.
    pub generation: u64,
    /// Its own limit of streams at once.
    pub concurrency: Option<u32>,
}

/// How many accounts a site has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// In all.
    pub accounts: usize,
    /// That serve.
    pub serving: usize,
}

impl Directory {
    /// Accounts of a site that serve.
    pub(crate) fn serving(&self, site: &SiteName, now: Timestamp) -> Vec<Candidate> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let serving = known.values().filter(|known| known.account.site == *site && known.serves(now));
        serving.map(Known::candidate).collect()
    }

    /// Counts the accounts of a site.
    pub(crate) fn count(&self, site: &SiteName, now: Timestamp) -> Count {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = Count::default();
        for known in known.values().filter(|known| known.account.site == *site) {
            count.accounts += 1;
            count.serving += usize::from(known.serves(now));
        }
        count
    }

    /// Accounts of a site that do not serve now, and that the broker signs in again by itself, with the generation
    /// that is over.
    pub(crate) fn kept_signed_in(&self, site: &SiteName, tried: &[AccountId]) -> Vec<(AccountId, u64)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known.values().map(|known| &known.account).filter(|account| {
            let is_kept = matches!(account.state, State::Active | State::Refreshing);
            is_kept && account.site == *site && !tried.contains(&account.id)
        });
        kept.map(|account| (account.id, account.generation)).collect()
    }

    /// Completes when an account is read anew after this call.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> + '_ {
        let mut changed = Box::pin(self.changed.notified());
        changed.as_mut().enable();
        changed
    }

    /// Never uses this generation of an account's session again.
    pub(crate) fn bury(&self, id: AccountId, generation: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get_mut(&id) {
            known.dead = known.dead.max(generation);
        }
    }

    /// Reads every account anew.
    ///
    /// # Errors
    /// When Redis is unavailable; what was known stays known.
    pub(crate) async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let _alone = self.reading.0.acquire().await;
        let accounts = store.accounts().await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *known);
        for account in accounts {
            let fresh = Known::after(before.remove(&account.id), account);
            known.insert(fresh.account.id, fresh);
        }
        drop(known);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Reads every account anew because a request found none, unless that was just done.
    pub(crate) async fn look(&self, store: &Store) {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.is_some_and(|at| at.elapsed() < LOOK) {
                return;
            }
            *looked = Some(Instant::now());
        }
        if let Err(error) = self.refresh(store).await {
            tracing::warn!(%error, "cannot read the accounts");
        }
    }

    /// Whether an operator has switched an account off, or deleted it.
    pub(super) fn is_switched_off(&self, id: AccountId) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&id).is_none_or(|known| known.account.state == State::Disabled)
    }

    /// Keeps the directory fresh until the process stops; `changed` is told after each change.
    pub(super) async fn watch(&self, store: &Store, stopping: CancellationToken, changed: impl Fn()) {
        let mut events = store.events();
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let change = tokio::select! {
                () = stopping.cancelled() => return,
                event = events.next() => match event {
                    Event::Account { id, .. } => self.reread(store, id).await,
                    Event::Reconnected => self.refresh(store).await,
                },
                _ = poll.tick() => self.refresh(store).await,
            };
            match change {
                Ok(()) => changed(),
                Err(error) => tracing::warn!(%error, "cannot read the accounts, serving from memory"),
            }
        }
    }

    /// Reads one account anew and says whether a newer generation than this one serves.
    ///
    /// # Errors
    /// When Redis is unavailable; what was known stays known.
    pub(crate) async fn serves_newer(
        &self,
        store: &Store,
        id: AccountId,
        generation: u64,
    ) -> Result<bool, StoreError> {
        self.reread(store, id).await?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = |known: &&Known| known.account.generation > generation && known.serves(Timestamp::now());
        Ok(known.get(&id).filter(newer).is_some())
    }

    async fn reread(&self, store: &Store, id: AccountId) -> Result<(), StoreError> {
        let _alone = self.reading.0.acquire().await;
        let account = store.account(id).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.remove(&id);
        if let Some(account) = account {
            known.insert(id, Known::after(before, account));
        }
        drop(known);
        self.changed.notify_waiters();
        Ok(())
    }
}

impl Default for Reading {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

impl Known {
    fn after(before: Option<Self>, account: Account) -> Self {
        let (seen, dead) = before.map_or((0, 0), |before| (before.seen, before.dead));
        Self { seen: seen.max(account.generation), dead, account }
    }

    fn serves(&self, now: Timestamp) -> bool {
        let generation = self.account.generation;
        self.account.serves(now) && generation >= self.seen && generation > self.dead
    }

    fn candidate(&self) -> Candidate {
        let Account { id, generation, concurrency, .. } = self.account;
        Candidate { id, generation, concurrency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(generation: u64) -> Account {
        let mut account = Account::new("practice".parse().unwrap(), "alice".to_owned());
        account.state = State::Active;
        account.generation = generation;
        account.expires_at = Some(Timestamp::from_secs(100));
        account
    }

    #[test]
    fn a_buried_generation_serves_no_more_and_a_newer_one_does() {
        let mut known = Known::after(None, account(1));
        known.dead = 1;
        assert!(!known.serves(Timestamp::from_secs(1)));

        let known = Known::after(Some(known), account(2));

        assert!(known.serves(Timestamp::from_secs(1)));
        assert!(!known.serves(Timestamp::from_secs(100)));
    }

    #[test]
    fn a_generation_never_goes_back() {
        let known = Known::after(Some(Known::after(None, account(3))), account(2));

        assert!(!known.serves(Timestamp::from_secs(1)));
    }
}
