//! The accounts as this adapter knows them, and the run queues in which they stand. No I/O, and the clock is told.
//!
//! Stride scheduling (Waldspurger and Weihl, 1995): an account that is asked advances its pass in each of its queues,
//! the farther the smaller its weight, and the lowest pass is the next. Among equals that is the one that rested longest.

use std::collections::{HashMap, HashSet};

use latchkey_shared::{
    account::{Account, State},
    id::{AccountId, SiteName},
    time::Timestamp,
};
use rand::RngExt;

use super::run_queue::{QueueState, RunQueue};
use crate::scope::AccountScope;

/// How far an account of weight 1 advances its pass; a multiple of many weights.
const STRIDE: u64 = 1 << 20;

/// The accounts. A queue is made when it is first asked for; there are as many as sites and bindings of secrets.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    known: HashMap<AccountId, KnownAccount>,
    queues: HashMap<SiteName, HashMap<AccountScope, RunQueue>>,
}

#[derive(Debug)]
struct KnownAccount {
    account: Account,
    /// Highest generation ever seen: a lower one is a replay.
    seen: u64,
    /// Generation of the last session that the site refused.
    dead: u64,
    pass: u64,
    cooldown: Option<Cooldown>,
    queue_state: QueueState,
}

/// Why an account is not asked for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cooldown {
    /// The site limits its rate.
    RateLimited(Timestamp),
    /// As many turns of it have begun in the last minute as may.
    TurnsSpent(Timestamp),
    /// Its session is over, or another reason that is no rate.
    Cooling(Timestamp),
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
    /// Its own limit of turns in a minute.
    pub requests_per_minute: Option<u32>,
}

/// How many accounts a site has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AccountCount {
    /// In all.
    pub accounts: usize,
    /// That serve.
    pub serving: usize,
}

impl Scheduler {
    /// Takes what was read of one account; `None` where it is gone.
    pub(super) fn put(&mut self, id: AccountId, account: Option<Account>, now: Timestamp) {
        let before = self.known.remove(&id);
        if let Some(before) = &before {
            self.leave(before);
        }
        let Some(account) = account else { return };
        self.join(KnownAccount::after(before, account), now);
    }

    /// Takes what was read of all accounts.
    pub(super) fn put_all(&mut self, accounts: Vec<Account>, now: Timestamp) {
        let there: HashSet<AccountId> = accounts.iter().map(|account| account.id).collect();
        let gone: Vec<AccountId> = self.known.keys().filter(|id| !there.contains(id)).copied().collect();
        for id in gone {
            self.put(id, None, now);
        }
        for account in accounts {
            self.put(account.id, Some(account), now);
        }
    }

    /// The account of a site to be asked next, but for some.
    pub(super) fn next(
        &mut self,
        site: &SiteName,
        scope: &AccountScope,
        skipped: &[AccountId],
        now: Timestamp,
    ) -> Option<Candidate> {
        loop {
            let queue = self.queue(site, scope);
            if let Some(id) = queue.due(now) {
                self.requeue(id, now);
                continue;
            }
            let id = queue.first(skipped)?;
            match self.known.get(&id).filter(|known| known.serves(now)) {
                Some(known) => return Some(known.candidate()),
                // Its session has ended since it was read.
                None => self.requeue(id, now),
            }
        }
    }

    /// Whether an operator has switched an account off, or deleted it.
    pub(super) fn is_switched_off(&self, id: AccountId) -> bool {
        self.known.get(&id).is_none_or(|known| known.account.state == State::Disabled)
    }

    /// One account, if it serves and the scope has it.
    pub(super) fn candidate(&self, id: AccountId, scope: &AccountScope, now: Timestamp) -> Option<Candidate> {
        let known = self.known.get(&id).filter(|known| known.serves(now) && scope.admits(&known.account));
        known.map(KnownAccount::candidate)
    }

    /// Notes that an account was asked in a queue, whatever it said. One that had fallen far behind the others, because
    /// other queues asked those, catches up: it would be asked alone for long.
    pub(super) fn advance_pass(
        &mut self,
        id: AccountId,
        site: &SiteName,
        scope: &AccountScope,
        now: Timestamp,
    ) {
        let others = self.queue(site, scope).front_but(id).unwrap_or_default();
        if let Some(known) = self.known.get_mut(&id) {
            let step = STRIDE / u64::from(known.account.weight.max(1));
            known.pass = (known.pass + step).max(others.saturating_sub(STRIDE));
        }
        self.requeue(id, now);
    }

    /// Asks an account no more for a while.
    pub(super) fn set_cooldown(&mut self, id: AccountId, aside: Cooldown, now: Timestamp) {
        if let Some(known) = self.known.get_mut(&id) {
            known.cooldown = Some(aside);
        }
        self.requeue(id, now);
    }

    /// Never uses this generation of an account's session again.
    pub(super) fn invalidate_generation(&mut self, id: AccountId, generation: u64, now: Timestamp) {
        if let Some(known) = self.known.get_mut(&id) {
            known.dead = known.dead.max(generation);
        }
        self.requeue(id, now);
    }

    /// Why accounts whose rate is limited are not asked, of the one that may be asked first.
    pub(super) fn limited(
        &mut self,
        site: &SiteName,
        scope: &AccountScope,
        skipped: &[AccountId],
    ) -> Option<Cooldown> {
        let id = self.queue(site, scope).first_limited(skipped)?;
        self.known.get(&id)?.cooldown
    }

    /// Some accounts that do not serve now and to which the broker brings a new session by itself, with the generation
    /// that is over.
    pub(super) fn awaiting_session(
        &mut self,
        site: &SiteName,
        scope: &AccountScope,
        skipped: &[AccountId],
        count: usize,
    ) -> Vec<(AccountId, u64)> {
        let awaited = self.queue(site, scope).awaiting_session().filter(|id| !skipped.contains(id));
        let ids: Vec<AccountId> = awaited.take(count).collect();
        let generation = |id| self.known.get(&id).map(|known| (id, known.account.generation));
        ids.into_iter().filter_map(generation).collect()
    }

    /// Whether a newer generation of an account serves.
    pub(super) fn serves_newer(&self, id: AccountId, generation: u64, now: Timestamp) -> bool {
        let known = self.known.get(&id);
        known.is_some_and(|known| known.account.generation > generation && known.serves(now))
    }

    /// Whether a site has an account in a scope, in whatever state.
    pub(super) fn has(&mut self, site: &SiteName, scope: &AccountScope) -> bool {
        !self.queue(site, scope).is_empty()
    }

    /// Whether there is an account in a scope, at whatever site and in whatever state. Where the scope was used before, its
    /// queues say so.
    pub(super) fn has_any(&self, scope: &AccountScope) -> bool {
        let mut queues = self.queues.values().filter_map(|queues| queues.get(scope));
        queues.any(|queue| !queue.is_empty()) || self.known.values().any(|known| scope.admits(&known.account))
    }

    /// Counts the accounts of a site. Looks at all there are: no request waits for it.
    pub(super) fn count(&self, site: &SiteName, now: Timestamp) -> AccountCount {
        let mut count = AccountCount::default();
        for known in self.known.values().filter(|known| known.account.site == *site) {
            count.accounts += 1;
            count.serving += usize::from(known.serves(now));
        }
        count
    }

    /// Counts the accounts whose records cannot be read.
    pub(super) fn damaged(&self) -> usize {
        self.known.values().filter(|known| known.account.state == State::Damaged).count()
    }

    fn queue(&mut self, site: &SiteName, scope: &AccountScope) -> &RunQueue {
        // Not `entry`: nearly always it is there, and needs no copy of its name.
        if self.queues.get(site).is_none_or(|queues| !queues.contains_key(scope)) {
            let mut queue = RunQueue::default();
            let members = self.known.values().filter(|known| known.account.site == *site);
            for known in members.filter(|known| scope.admits(&known.account)) {
                queue.insert(known.account.id, known.queue_state);
            }
            self.queues.entry(site.clone()).or_default().insert(scope.clone(), queue);
        }
        &self.queues[site][scope]
    }

    fn requeue(&mut self, id: AccountId, now: Timestamp) {
        let Some(known) = self.known.remove(&id) else { return };
        self.leave(&known);
        self.join(known, now);
    }

    fn leave(&mut self, known: &KnownAccount) {
        for queue in queues_of(&mut self.queues, &known.account) {
            queue.remove(known.account.id, known.queue_state);
        }
    }

    /// Whoever rested comes to the front of its queues, and no further: it is not owed what it missed.
    fn join(&mut self, mut known: KnownAccount, now: Timestamp) {
        let rested = !matches!(known.queue_state, QueueState::Ready(_));
        known.queue_state = known.state_at(now);
        if let (QueueState::Ready(place), true) = (known.queue_state, rested) {
            let fronts = queues_of(&mut self.queues, &known.account).filter_map(|queue| queue.front());
            known.pass = fronts.min().map_or(place, |front| place.max(front));
            known.queue_state = QueueState::Ready(known.pass);
        }
        for queue in queues_of(&mut self.queues, &known.account) {
            queue.insert(known.account.id, known.queue_state);
        }
        self.known.insert(known.account.id, known);
    }
}

fn queues_of<'a>(
    queues: &'a mut HashMap<SiteName, HashMap<AccountScope, RunQueue>>,
    account: &'a Account,
) -> impl Iterator<Item = &'a mut RunQueue> {
    let of_site = queues.get_mut(&account.site).into_iter().flatten();
    of_site.filter(|(scope, _)| scope.admits(account)).map(|(_, queue)| queue)
}

impl Cooldown {
    /// Until when.
    pub(super) fn until(self) -> Timestamp {
        match self {
            Self::RateLimited(until) | Self::TurnsSpent(until) | Self::Cooling(until) => until,
        }
    }
}

impl KnownAccount {
    fn after(before: Option<Self>, account: Account) -> Self {
        // Adapters begin somewhere each: they would ask the same account first, all of them.
        let Some(before) = before else {
            let place = rand::rng().random_range(0..STRIDE);
            return Self {
                seen: account.generation,
                dead: 0,
                pass: place,
                cooldown: None,
                queue_state: QueueState::Out,
                account,
            };
        };
        let Self { seen, dead, pass: place, cooldown: aside, queue_state: spot, account: was } = before;
        // A newer session ends what the older one was set aside for, and another limit is counted anew.
        let keeps =
            was.generation == account.generation && was.requests_per_minute == account.requests_per_minute;
        let aside = aside.filter(|_| keeps);
        Self {
            seen: seen.max(account.generation),
            dead,
            pass: place,
            cooldown: aside,
            queue_state: spot,
            account,
        }
    }

    fn serves(&self, now: Timestamp) -> bool {
        #[cfg(test)]
        tests::looked();
        let generation = self.account.generation;
        self.account.serves(now) && generation >= self.seen && generation > self.dead
    }

    fn state_at(&mut self, now: Timestamp) -> QueueState {
        self.cooldown = self.cooldown.filter(|aside| now < aside.until());
        match (self.serves(now), self.cooldown) {
            (false, _) if matches!(self.account.state, State::Active | State::Refreshing) => QueueState::Down,
            (false, _) => QueueState::Out,
            (true, Some(Cooldown::Cooling(until))) => QueueState::Cooling(until),
            (true, Some(Cooldown::RateLimited(until) | Cooldown::TurnsSpent(until))) => {
                QueueState::Limited(until)
            }
            (true, None) => QueueState::Ready(self.pass),
        }
    }

    fn candidate(&self) -> Candidate {
        let Account { id, generation, concurrency, requests_per_minute, .. } = self.account;
        Candidate { id, generation, concurrency, requests_per_minute }
    }
}

#[cfg(test)]
mod tests;
