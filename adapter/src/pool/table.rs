//! The accounts as this adapter knows them, and the lines in which they stand. No I/O, and the clock is told.
//!
//! An account that is asked steps back in each of its lines, the farther the smaller its weight. Among equals the one
//! that rested longest is so the next.

use std::collections::{HashMap, HashSet};

use latchkey_shared::{
    account::{Account, State},
    id::{AccountId, SiteName},
    time::Timestamp,
};
use rand::RngExt;

use super::line::{Line, Spot};
use crate::scope::Scope;

/// How far an account of weight 1 steps back; a multiple of many weights.
const STEP: u64 = 1 << 20;

/// The accounts. A line is made when it is first asked for; there are as many as sites and bindings of secrets.
#[derive(Debug, Default)]
pub(super) struct Table {
    known: HashMap<AccountId, Known>,
    lines: HashMap<SiteName, HashMap<Scope, Line>>,
}

#[derive(Debug)]
struct Known {
    account: Account,
    /// Highest generation ever seen: a lower one is a replay.
    seen: u64,
    /// Generation of the last session that the site refused.
    dead: u64,
    place: u64,
    aside: Option<Aside>,
    spot: Spot,
}

/// Why an account is not asked for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// The site limits its rate.
    RateLimited(Timestamp),
    /// As many turns of it have begun in the last minute as may.
    Spent(Timestamp),
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
pub(crate) struct Count {
    /// In all.
    pub accounts: usize,
    /// That serve.
    pub serving: usize,
}

impl Table {
    /// Takes what was read of one account; `None` where it is gone.
    pub(super) fn put(&mut self, id: AccountId, account: Option<Account>, now: Timestamp) {
        let before = self.known.remove(&id);
        if let Some(before) = &before {
            self.leave(before);
        }
        let Some(account) = account else { return };
        self.join(Known::after(before, account), now);
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
        scope: &Scope,
        skipped: &[AccountId],
        now: Timestamp,
    ) -> Option<Candidate> {
        loop {
            let line = self.line(site, scope);
            if let Some(id) = line.due(now) {
                self.place_anew(id, now);
                continue;
            }
            let id = line.first(skipped)?;
            match self.known.get(&id).filter(|known| known.serves(now)) {
                Some(known) => return Some(known.candidate()),
                // Its session has ended since it was read.
                None => self.place_anew(id, now),
            }
        }
    }

    /// Whether an operator has switched an account off, or deleted it.
    pub(super) fn is_switched_off(&self, id: AccountId) -> bool {
        self.known.get(&id).is_none_or(|known| known.account.state == State::Disabled)
    }

    /// One account, if it serves and the scope has it.
    pub(super) fn candidate(&self, id: AccountId, scope: &Scope, now: Timestamp) -> Option<Candidate> {
        let known = self.known.get(&id).filter(|known| known.serves(now) && scope.admits(&known.account));
        known.map(Known::candidate)
    }

    /// Notes that an account was asked in a line, whatever it said. One that had fallen far behind the others, because
    /// other lines asked those, catches up: it would be asked alone for long.
    pub(super) fn asked(&mut self, id: AccountId, site: &SiteName, scope: &Scope, now: Timestamp) {
        let others = self.line(site, scope).front_but(id).unwrap_or_default();
        if let Some(known) = self.known.get_mut(&id) {
            let step = STEP / u64::from(known.account.weight.max(1));
            known.place = (known.place + step).max(others.saturating_sub(STEP));
        }
        self.place_anew(id, now);
    }

    /// Asks an account no more for a while.
    pub(super) fn put_aside(&mut self, id: AccountId, aside: Aside, now: Timestamp) {
        if let Some(known) = self.known.get_mut(&id) {
            known.aside = Some(aside);
        }
        self.place_anew(id, now);
    }

    /// Never uses this generation of an account's session again.
    pub(super) fn bury(&mut self, id: AccountId, generation: u64, now: Timestamp) {
        if let Some(known) = self.known.get_mut(&id) {
            known.dead = known.dead.max(generation);
        }
        self.place_anew(id, now);
    }

    /// Why accounts whose rate is limited are not asked, of the one that may be asked first.
    pub(super) fn limited(&mut self, site: &SiteName, scope: &Scope, skipped: &[AccountId]) -> Option<Aside> {
        let id = self.line(site, scope).first_limited(skipped)?;
        self.known.get(&id)?.aside
    }

    /// Some accounts that do not serve now and to which the broker brings a new session by itself, with the generation
    /// that is over.
    pub(super) fn awaited(
        &mut self,
        site: &SiteName,
        scope: &Scope,
        skipped: &[AccountId],
        count: usize,
    ) -> Vec<(AccountId, u64)> {
        let awaited = self.line(site, scope).awaited().filter(|id| !skipped.contains(id));
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
    pub(super) fn has(&mut self, site: &SiteName, scope: &Scope) -> bool {
        !self.line(site, scope).is_empty()
    }

    /// Counts the accounts of a site. Looks at all there are: no request waits for it.
    pub(super) fn count(&self, site: &SiteName, now: Timestamp) -> Count {
        let mut count = Count::default();
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

    fn line(&mut self, site: &SiteName, scope: &Scope) -> &Line {
        // Not `entry`: nearly always it is there, and needs no copy of its name.
        if self.lines.get(site).is_none_or(|lines| !lines.contains_key(scope)) {
            let mut line = Line::default();
            let members = self.known.values().filter(|known| known.account.site == *site);
            for known in members.filter(|known| scope.admits(&known.account)) {
                line.insert(known.account.id, known.spot);
            }
            self.lines.entry(site.clone()).or_default().insert(scope.clone(), line);
        }
        &self.lines[site][scope]
    }

    fn place_anew(&mut self, id: AccountId, now: Timestamp) {
        let Some(known) = self.known.remove(&id) else { return };
        self.leave(&known);
        self.join(known, now);
    }

    fn leave(&mut self, known: &Known) {
        for line in lines_of(&mut self.lines, &known.account) {
            line.remove(known.account.id, known.spot);
        }
    }

    /// Whoever rested comes to the front of its lines, and no further: it is not owed what it missed.
    fn join(&mut self, mut known: Known, now: Timestamp) {
        let rested = !matches!(known.spot, Spot::Ready(_));
        known.spot = known.spot_at(now);
        if let (Spot::Ready(place), true) = (known.spot, rested) {
            let fronts = lines_of(&mut self.lines, &known.account).filter_map(|line| line.front());
            known.place = fronts.min().map_or(place, |front| place.max(front));
            known.spot = Spot::Ready(known.place);
        }
        for line in lines_of(&mut self.lines, &known.account) {
            line.insert(known.account.id, known.spot);
        }
        self.known.insert(known.account.id, known);
    }
}

fn lines_of<'a>(
    lines: &'a mut HashMap<SiteName, HashMap<Scope, Line>>,
    account: &'a Account,
) -> impl Iterator<Item = &'a mut Line> {
    let of_site = lines.get_mut(&account.site).into_iter().flatten();
    of_site.filter(|(scope, _)| scope.admits(account)).map(|(_, line)| line)
}

impl Aside {
    /// Until when.
    pub(super) fn until(self) -> Timestamp {
        match self {
            Self::RateLimited(until) | Self::Spent(until) | Self::Cooling(until) => until,
        }
    }
}

impl Known {
    fn after(before: Option<Self>, account: Account) -> Self {
        // Adapters begin somewhere each: they would ask the same account first, all of them.
        let Some(before) = before else {
            let place = rand::rng().random_range(0..STEP);
            return Self { seen: account.generation, dead: 0, place, aside: None, spot: Spot::Out, account };
        };
        let Self { seen, dead, place, aside, spot, account: was } = before;
        // A newer session ends what the older one was set aside for, and another limit is counted anew.
        let keeps =
            was.generation == account.generation && was.requests_per_minute == account.requests_per_minute;
        let aside = aside.filter(|_| keeps);
        Self { seen: seen.max(account.generation), dead, place, aside, spot, account }
    }

    fn serves(&self, now: Timestamp) -> bool {
        #[cfg(test)]
        tests::looked();
        let generation = self.account.generation;
        self.account.serves(now) && generation >= self.seen && generation > self.dead
    }

    fn spot_at(&mut self, now: Timestamp) -> Spot {
        self.aside = self.aside.filter(|aside| now < aside.until());
        match (self.serves(now), self.aside) {
            (false, _) if matches!(self.account.state, State::Active | State::Refreshing) => Spot::Down,
            (false, _) => Spot::Out,
            (true, Some(Aside::Cooling(until))) => Spot::Cooling(until),
            (true, Some(Aside::RateLimited(until) | Aside::Spent(until))) => Spot::Limited(until),
            (true, None) => Spot::Ready(self.place),
        }
    }

    fn candidate(&self) -> Candidate {
        let Account { id, generation, concurrency, requests_per_minute, .. } = self.account;
        Candidate { id, generation, concurrency, requests_per_minute }
    }
}

#[cfg(test)]
mod tests;
