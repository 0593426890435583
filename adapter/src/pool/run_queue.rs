//! Whose turn it is: the accounts of one site that a client may use, sorted by what they wait for.
//!
//! No choice looks at more than a few of them, however many there are.

use std::collections::BTreeSet;

use latchkey_shared::{id::AccountId, time::Timestamp};

/// Where an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueState {
    /// It serves; the lowest is asked next.
    Ready(u64),
    /// It serves, and may begin no turn before then.
    Limited(Timestamp),
    /// It is not to be used before then.
    Cooling(Timestamp),
    /// It does not serve, and the broker brings it a new session by itself.
    Down,
    /// It does not serve.
    Out,
}

/// The accounts.
#[derive(Debug, Default)]
pub(super) struct RunQueue {
    ready: BTreeSet<(u64, AccountId)>,
    limited: BTreeSet<(Timestamp, AccountId)>,
    cooling: BTreeSet<(Timestamp, AccountId)>,
    down: BTreeSet<AccountId>,
    out: BTreeSet<AccountId>,
}

impl RunQueue {
    pub(super) fn insert(&mut self, id: AccountId, state: QueueState) {
        match state {
            QueueState::Ready(place) => self.ready.insert((place, id)),
            QueueState::Limited(until) => self.limited.insert((until, id)),
            QueueState::Cooling(until) => self.cooling.insert((until, id)),
            QueueState::Down => self.down.insert(id),
            QueueState::Out => self.out.insert(id),
        };
    }

    pub(super) fn remove(&mut self, id: AccountId, state: QueueState) {
        match state {
            QueueState::Ready(place) => self.ready.remove(&(place, id)),
            QueueState::Limited(until) => self.limited.remove(&(until, id)),
            QueueState::Cooling(until) => self.cooling.remove(&(until, id)),
            QueueState::Down => self.down.remove(&id),
            QueueState::Out => self.out.remove(&id),
        };
    }

    /// The account to be asked next, but for some.
    pub(super) fn first(&self, skipped: &[AccountId]) -> Option<AccountId> {
        self.ready.iter().map(|(_, id)| *id).find(|id| !skipped.contains(id))
    }

    /// The place in front, but for one account.
    pub(super) fn front_but(&self, id: AccountId) -> Option<u64> {
        self.ready.iter().find(|(_, other)| *other != id).map(|(place, _)| *place)
    }

    /// The place in front.
    pub(super) fn front(&self) -> Option<u64> {
        self.ready.first().map(|(place, _)| *place)
    }

    /// An account that has waited long enough.
    pub(super) fn due(&self, now: Timestamp) -> Option<AccountId> {
        let first = |waiting: &BTreeSet<(Timestamp, AccountId)>| {
            waiting.first().filter(|(until, _)| *until <= now).map(|(_, id)| *id)
        };
        first(&self.limited).or_else(|| first(&self.cooling))
    }

    /// Who may begin a turn first of those whose rate is limited, but for some.
    pub(super) fn first_limited(&self, skipped: &[AccountId]) -> Option<AccountId> {
        self.limited.iter().map(|(_, id)| *id).find(|id| !skipped.contains(id))
    }

    /// Those that the broker brings a new session by itself.
    pub(super) fn awaiting_session(&self) -> impl Iterator<Item = AccountId> {
        self.down.iter().copied().chain(self.cooling.iter().map(|(_, id)| *id))
    }

    pub(super) fn is_empty(&self) -> bool {
        let sets = [self.ready.is_empty(), self.limited.is_empty(), self.cooling.is_empty()];
        sets.into_iter().all(|empty| empty) && self.down.is_empty() && self.out.is_empty()
    }
}
