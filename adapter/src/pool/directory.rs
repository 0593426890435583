//! Which accounts there are and which of them serve, in memory: no request waits for Redis to know it.
//!
//! Kept fresh by events, by polling, and by starting anew whenever the line was down: events get lost.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use latchkey_shared::{
    id::{AccountId, SiteName},
    store::{AdapterStore, StoreError, StoreEvent},
    time::Timestamp,
};
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::scheduler::{AccountCount, Candidate, Cooldown, Scheduler};
use crate::scope::AccountScope;

/// How often all accounts are read anew at most, for what no event told.
const POLL: Duration = Duration::from_secs(15);
/// How much longer they are let be than reading them took: ten thousand take some hundred milliseconds.
const REST: u32 = 100;
/// A request that finds no account looks for itself, but not more often than this.
const LOOK: Duration = Duration::from_secs(1);

/// The accounts.
#[derive(Debug, Default)]
pub(crate) struct AccountDirectory {
    scheduler: Mutex<Scheduler>,
    looked: Mutex<Option<Instant>>,
    reading: DirectoryRead,
    changed: Notify,
}

/// One read of Redis at a time, until what it found is kept: a slower one would bring back what is over.
#[derive(Debug)]
struct DirectoryRead(Semaphore);

impl AccountDirectory {
    /// The account of a site to be asked next, but for some.
    pub(super) fn next(
        &self,
        site: &SiteName,
        scope: &AccountScope,
        skipped: &[AccountId],
    ) -> Option<Candidate> {
        self.table().next(site, scope, skipped, Timestamp::now())
    }

    /// The same; it advances its pass, for whoever comes next.
    pub(super) fn pick(
        &self,
        site: &SiteName,
        scope: &AccountScope,
        skipped: &[AccountId],
    ) -> Option<Candidate> {
        let mut table = self.table();
        let now = Timestamp::now();
        let candidate = table.next(site, scope, skipped, now)?;
        table.advance_pass(candidate.id, site, scope, now);
        Some(candidate)
    }

    /// One account, if it serves and the scope has it; it advances its pass.
    pub(super) fn pick_one(&self, id: AccountId, site: &SiteName, scope: &AccountScope) -> Option<Candidate> {
        let mut table = self.table();
        let now = Timestamp::now();
        let candidate = table.candidate(id, scope, now)?;
        table.advance_pass(id, site, scope, now);
        Some(candidate)
    }

    /// Asks an account no more for a while.
    pub(super) fn set_cooldown(&self, id: AccountId, cooldown: Cooldown) {
        self.table().set_cooldown(id, cooldown, Timestamp::now());
    }

    /// Why accounts whose rate is limited are not asked, of the one that may be asked first.
    pub(super) fn limited(
        &self,
        site: &SiteName,
        scope: &AccountScope,
        skipped: &[AccountId],
    ) -> Option<Cooldown> {
        self.table().limited(site, scope, skipped)
    }

    /// Some accounts that do not serve now and to which the broker brings a new session by itself, with the generation
    /// that is over.
    pub(super) fn awaiting_session(
        &self,
        site: &SiteName,
        scope: &AccountScope,
        skipped: &[AccountId],
        count: usize,
    ) -> Vec<(AccountId, u64)> {
        self.table().awaiting_session(site, scope, skipped, count)
    }

    /// Whether a site has an account in a scope, in whatever state.
    pub(crate) fn has(&self, site: &SiteName, scope: &AccountScope) -> bool {
        self.table().has(site, scope)
    }

    /// Whether there is an account in a scope, at whatever site and in whatever state.
    pub(crate) fn has_any(&self, scope: &AccountScope) -> bool {
        self.table().has_any(scope)
    }

    /// Counts the accounts of a site.
    pub(crate) fn count(&self, site: &SiteName, now: Timestamp) -> AccountCount {
        self.table().count(site, now)
    }

    /// Counts the accounts whose records cannot be read.
    pub(crate) fn damaged(&self) -> usize {
        self.table().damaged()
    }

    /// Completes when an account is read anew after this call.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> + '_ {
        let mut changed = Box::pin(self.changed.notified());
        changed.as_mut().enable();
        changed
    }

    /// Never uses this generation of an account's session again.
    pub(super) fn invalidate_generation(&self, id: AccountId, generation: u64) {
        self.table().invalidate_generation(id, generation, Timestamp::now());
    }

    /// Reads every account anew.
    ///
    /// # Errors
    /// When Redis is unavailable; what was known stays known.
    pub(crate) async fn refresh(&self, store: &AdapterStore) -> Result<(), StoreError> {
        let _alone = self.reading.0.acquire().await;
        let accounts = store.accounts().await?;
        self.table().put_all(accounts, Timestamp::now());
        self.changed.notify_waiters();
        Ok(())
    }

    /// Reads every account anew because a request found none, unless that was just done.
    pub(crate) async fn look(&self, store: &AdapterStore) {
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
        self.table().is_switched_off(id)
    }

    /// Keeps the directory fresh until the process stops; `changed` is told after each change.
    pub(super) async fn watch(&self, store: &AdapterStore, stopping: CancellationToken, changed: impl Fn()) {
        let mut events = store.events();
        let mut poll = Instant::now();
        loop {
            let change = tokio::select! {
                () = stopping.cancelled() => return,
                event = events.next() => match event {
                    StoreEvent::Account { id, .. } => self.reread(store, id).await,
                    StoreEvent::Reconnected => self.refresh(store).await,
                },
                () = sleep_until(poll) => {
                    let begun = Instant::now();
                    let read = self.refresh(store).await;
                    poll = Instant::now() + POLL.max(begun.elapsed() * REST);
                    read
                }
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
        store: &AdapterStore,
        id: AccountId,
        generation: u64,
    ) -> Result<bool, StoreError> {
        self.reread(store, id).await?;
        Ok(self.table().serves_newer(id, generation, Timestamp::now()))
    }

    /// Reads one account anew.
    ///
    /// # Errors
    /// When Redis is unavailable; what was known stays known.
    pub(super) async fn reread(&self, store: &AdapterStore, id: AccountId) -> Result<(), StoreError> {
        let _alone = self.reading.0.acquire().await;
        let account = store.account(id).await?;
        self.table().put(id, account, Timestamp::now());
        self.changed.notify_waiters();
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, Scheduler> {
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for DirectoryRead {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use latchkey_shared::account::{Account, State};

    use super::*;

    #[test]
    fn whoever_comes_before_redis_has_answered_asks_another_account() {
        let site: SiteName = "practice".parse().unwrap();
        let serving = |name: usize| Account {
            state: State::Active,
            generation: 1,
            expires_at: Some(Timestamp::NEVER),
            ..Account::new(site.clone(), name.to_string())
        };
        let directory = AccountDirectory::default();
        directory.table().put_all((0..8).map(serving).collect(), Timestamp::now());

        let picked = (0..8).filter_map(|_| directory.pick(&site, &AccountScope::All, &[]));

        assert_eq!(picked.map(|candidate| candidate.id).collect::<BTreeSet<_>>().len(), 8);
    }
}
