//! Asks Redis once for an account and, where the site has limits of its own, for one of the site's places.
//!
//! The two are keys of two slots and so two calls, which go out together: one round trip. Whoever gets only one of them
//! gives it back.

use std::{sync::Arc, time::Duration};

use latchkey_shared::{
    id::AccountId,
    site::Site,
    store::{LeaseOutcome, LeaseTerms, LeaseToken, StoreError},
    time::Timestamp,
};

use super::{
    Pool, RATE_LIMITED,
    lease::{self, Lease},
    scheduler::{Candidate, Cooldown},
};
use crate::{
    metrics::{LimitKind, LimitLabels},
    scope::AccountScope,
};

/// How many accounts one attempt asks at most.
const ASKED: usize = 16;

/// What a request wants to hold.
#[derive(Clone)]
pub(super) struct LeaseRequest {
    pub(super) site: Arc<Site>,
    pub(super) scope: AccountScope,
    pub(super) target: LeaseTarget,
    /// Whether it was refused already: then the site is asked first, for it may well refuse again.
    pub(super) waits: bool,
}

/// A place that is asked for, and the adapters that are gone, whose places are free.
struct LeaseSlot<'a> {
    lease: LeaseToken,
    absent: &'a str,
}

/// Which account is wanted.
#[derive(Clone)]
pub(super) enum LeaseTarget {
    /// Any but those that were tried.
    AnyBut(Vec<AccountId>),
    /// This one.
    One(AccountId),
}

/// What came of asking once.
pub(super) enum LeaseAttempt {
    Held(Lease),
    /// At least one account is full, or the site is, or nobody knows.
    Full,
    /// The site limits the rate of all that serve.
    Limited(Duration),
    /// As many turns have begun in the last minute as may.
    Spent(Duration),
    /// Nobody serves.
    Nobody,
}

impl Pool {
    /// Asks once. Not cancel-safe: a lease may have been granted that nobody guards.
    pub(super) async fn ask(self: &Arc<Self>, request: &LeaseRequest) -> LeaseAttempt {
        let Some(candidate) = self.next(request, &[]) else { return self.nobody(request) };
        match self.ask_present(request, candidate).await {
            Ok(attempt) => {
                self.queue.redis_answered();
                attempt
            }
            Err(error) if self.queue.redis_is_away() => {
                tracing::warn!(site = %request.site.name, %error, "cannot lease in redis, counting in memory");
                self.ask_memory(request)
            }
            Err(error) => {
                tracing::warn!(site = %request.site.name, %error, "cannot lease in redis, trying again");
                LeaseAttempt::Full
            }
        }
    }

    /// Asks while this adapter is known to be there, and everybody has claimed what they hold.
    async fn ask_present(
        self: &Arc<Self>,
        request: &LeaseRequest,
        candidate: Candidate,
    ) -> Result<LeaseAttempt, StoreError> {
        match self.presence.absent().await? {
            Some(absent) => self.ask_store(request, candidate, &absent).await,
            None => Ok(LeaseAttempt::Full),
        }
    }

    async fn ask_store(
        self: &Arc<Self>,
        request: &LeaseRequest,
        candidate: Candidate,
        absent: &str,
    ) -> Result<LeaseAttempt, StoreError> {
        let site = &request.site;
        let token = LeaseSlot { lease: self.presence.token(), absent };
        // What is granted while the other call fails ends by itself: Redis does not answer then.
        let (refused, outcome) = if request.waits {
            if let Some(refused) = self.ask_site(site, &token).await? {
                return Ok(refused);
            }
            (None, self.ask_account(request, candidate, &token).await?)
        } else {
            let both =
                tokio::join!(self.ask_site(site, &token), self.ask_account(request, candidate, &token));
            (both.0?, both.1?)
        };
        if let Some(refused) = refused {
            if outcome == LeaseOutcome::Held {
                self.store.undo_lease(candidate.id, &token.lease).await?;
            }
            return Ok(refused);
        }
        let attempt = self.ask_on(request, candidate, outcome, &token).await;
        if !matches!(attempt, Ok(LeaseAttempt::Held(_))) && !site.limits.site.is_empty() {
            self.store.undo_site_lease(&site.name, &token.lease).await?;
        }
        attempt
    }

    /// Asks one account after the other, beginning with one that has answered.
    async fn ask_on(
        self: &Arc<Self>,
        request: &LeaseRequest,
        mut candidate: Candidate,
        mut outcome: LeaseOutcome,
        slot: &LeaseSlot<'_>,
    ) -> Result<LeaseAttempt, StoreError> {
        let mut asked = Vec::new();
        let mut full = false;
        loop {
            asked.push(candidate.id);
            match outcome {
                LeaseOutcome::Held => return Ok(LeaseAttempt::Held(self.hold(request, candidate, slot))),
                LeaseOutcome::Full => full = true,
                other => self.learn(candidate.id, other).await?,
            }
            match self.next(request, &asked) {
                None if full => return Ok(LeaseAttempt::Full),
                None => return Ok(self.nobody(request)),
                Some(_) if asked.len() == ASKED => return Ok(LeaseAttempt::Full),
                Some(next) => candidate = next,
            }
            outcome = self.ask_account(request, candidate, slot).await?;
        }
    }

    /// Who is asked next. It advances its pass at once: whoever comes while Redis has not answered yet asks another.
    fn next(&self, request: &LeaseRequest, asked: &[AccountId]) -> Option<Candidate> {
        let LeaseRequest { site, scope, target: whom, .. } = request;
        match whom {
            LeaseTarget::AnyBut(tried) => {
                let skipped: Vec<AccountId> = tried.iter().chain(asked).copied().collect();
                self.directory.pick(&site.name, scope, &skipped)
            }
            LeaseTarget::One(id) if asked.is_empty() => self.directory.pick_one(*id, &site.name, scope),
            LeaseTarget::One(_) => None,
        }
    }

    fn hold(self: &Arc<Self>, request: &LeaseRequest, candidate: Candidate, slot: &LeaseSlot<'_>) -> Lease {
        let site = &request.site;
        let limited = (!site.limits.site.is_empty()).then(|| site.name.clone());
        self.leases.guard(candidate, slot.lease.clone(), limited, site.limits.turn + lease::TTL)
    }

    /// `None` when the site grants a place, or has no limits of its own.
    async fn ask_site(&self, site: &Site, slot: &LeaseSlot<'_>) -> Result<Option<LeaseAttempt>, StoreError> {
        let limits = site.limits.site;
        if limits.is_empty() {
            return Ok(None);
        }
        let (limit, attempt) =
            match self.store.lease_site(&site.name, &slot.lease, limits, slot.absent, lease::TTL).await? {
                LeaseOutcome::Held => return Ok(None),
                LeaseOutcome::Spent(left) => (LimitKind::SiteRate, LeaseAttempt::Spent(left)),
                LeaseOutcome::Full | LeaseOutcome::Cooling { .. } | LeaseOutcome::Gone => {
                    (LimitKind::SiteConcurrency, LeaseAttempt::Full)
                }
            };
        self.count_limit(site, limit);
        Ok(Some(attempt))
    }

    async fn ask_account(
        &self,
        request: &LeaseRequest,
        candidate: Candidate,
        slot: &LeaseSlot<'_>,
    ) -> Result<LeaseOutcome, StoreError> {
        let limits = &request.site.limits;
        let terms = LeaseTerms {
            concurrency: candidate.concurrency.unwrap_or(limits.concurrency),
            requests_per_minute: candidate.requests_per_minute.or(limits.requests_per_minute),
            pools: request.scope.pools(),
            absent: slot.absent,
            ttl: lease::TTL,
        };
        let outcome = self.store.lease(candidate.id, &slot.lease, terms).await?;
        match outcome {
            LeaseOutcome::Full => self.count_limit(&request.site, LimitKind::AccountConcurrency),
            LeaseOutcome::Spent(_) => self.count_limit(&request.site, LimitKind::AccountRate),
            LeaseOutcome::Held | LeaseOutcome::Cooling { .. } | LeaseOutcome::Gone => {}
        }
        Ok(outcome)
    }

    fn count_limit(&self, site: &Site, limit: LimitKind) {
        self.limits.get_or_create(&LimitLabels { site: site.name.to_string(), limit }).inc();
    }

    /// Notes what an account said that was not leased.
    async fn learn(&self, id: AccountId, outcome: LeaseOutcome) -> Result<(), StoreError> {
        let now = Timestamp::now();
        match outcome {
            LeaseOutcome::Spent(left) => self.directory.set_cooldown(id, Cooldown::TurnsSpent(now + left)),
            LeaseOutcome::Cooling { reason, left } if reason == RATE_LIMITED => {
                self.directory.set_cooldown(id, Cooldown::RateLimited(now + left));
            }
            LeaseOutcome::Cooling { left, .. } => {
                self.directory.set_cooldown(id, Cooldown::Cooling(now + left));
            }
            LeaseOutcome::Gone => self.directory.reread(&self.store, id).await?,
            LeaseOutcome::Held | LeaseOutcome::Full => {}
        }
        Ok(())
    }

    /// Nobody can be asked: for how long, if that is known.
    fn nobody(&self, request: &LeaseRequest) -> LeaseAttempt {
        let LeaseTarget::AnyBut(tried) = &request.target else { return LeaseAttempt::Nobody };
        let limited = self.directory.limited(&request.site.name, &request.scope, tried);
        let left = |until| Timestamp::now().until(until);
        match limited {
            Some(Cooldown::TurnsSpent(until)) => LeaseAttempt::Spent(left(until)),
            Some(Cooldown::RateLimited(until)) => LeaseAttempt::Limited(left(until)),
            Some(Cooldown::Cooling(_)) | None => LeaseAttempt::Nobody,
        }
    }

    /// Redis is away: sessions that are known serve on, counted in this process alone.
    fn ask_memory(self: &Arc<Self>, request: &LeaseRequest) -> LeaseAttempt {
        let limits = &request.site.limits;
        let mut asked = Vec::new();
        while let Some(candidate) = self.next(request, &asked).filter(|_| asked.len() < ASKED) {
            let limit = candidate.concurrency.unwrap_or(limits.concurrency);
            let site = limits.site.concurrency.map(|limit| (&request.site.name, limit));
            if let Some(lease) = self.leases.guard_unrecorded(
                candidate,
                self.presence.token(),
                limit,
                site,
                limits.turn + lease::TTL,
            ) {
                return LeaseAttempt::Held(lease);
            }
            asked.push(candidate.id);
        }
        LeaseAttempt::Full
    }
}
