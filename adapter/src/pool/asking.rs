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
    table::{Aside, Candidate},
};
use crate::{
    metrics::{Limit, LimitLabels},
    scope::Scope,
};

/// How many accounts one attempt asks at most.
const ASKED: usize = 16;

/// What a request wants to hold.
#[derive(Clone)]
pub(super) struct Want {
    pub(super) site: Arc<Site>,
    pub(super) scope: Scope,
    pub(super) whom: Whom,
    /// Whether it was refused already: then the site is asked first, for it may well refuse again.
    pub(super) waits: bool,
}

/// A place that is asked for, and the adapters that are gone, whose places are free.
struct Token<'a> {
    lease: LeaseToken,
    absent: &'a str,
}

/// Which account is wanted.
#[derive(Clone)]
pub(super) enum Whom {
    /// Any but those that were tried.
    AnyBut(Vec<AccountId>),
    /// This one.
    One(AccountId),
}

/// What came of asking once.
pub(super) enum Attempt {
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
    pub(super) async fn ask(self: &Arc<Self>, want: &Want) -> Attempt {
        let Some(candidate) = self.next(want, &[]) else { return self.nobody(want) };
        match self.ask_present(want, candidate).await {
            Ok(attempt) => {
                self.queue.redis_answered();
                attempt
            }
            Err(error) if self.queue.redis_is_away() => {
                tracing::warn!(site = %want.site.name, %error, "cannot lease in redis, counting in memory");
                self.ask_memory(want)
            }
            Err(error) => {
                tracing::warn!(site = %want.site.name, %error, "cannot lease in redis, trying again");
                Attempt::Full
            }
        }
    }

    /// Asks while this adapter is known to be there, and everybody has claimed what they hold.
    async fn ask_present(self: &Arc<Self>, want: &Want, candidate: Candidate) -> Result<Attempt, StoreError> {
        match self.presence.absent().await? {
            Some(absent) => self.ask_store(want, candidate, &absent).await,
            None => Ok(Attempt::Full),
        }
    }

    async fn ask_store(
        self: &Arc<Self>,
        want: &Want,
        candidate: Candidate,
        absent: &str,
    ) -> Result<Attempt, StoreError> {
        let (site, token) = (&want.site, Token { lease: self.presence.token(), absent });
        // What is granted while the other call fails ends by itself: Redis does not answer then.
        let (refused, outcome) = if want.waits {
            if let Some(refused) = self.ask_site(site, &token).await? {
                return Ok(refused);
            }
            (None, self.ask_account(want, candidate, &token).await?)
        } else {
            let both = tokio::join!(self.ask_site(site, &token), self.ask_account(want, candidate, &token));
            (both.0?, both.1?)
        };
        if let Some(refused) = refused {
            if outcome == LeaseOutcome::Held {
                self.store.undo_lease(candidate.id, &token.lease).await?;
            }
            return Ok(refused);
        }
        let attempt = self.ask_on(want, candidate, outcome, &token).await;
        if !matches!(attempt, Ok(Attempt::Held(_))) && !site.limits.site.is_empty() {
            self.store.undo_site_lease(&site.name, &token.lease).await?;
        }
        attempt
    }

    /// Asks one account after the other, beginning with one that has answered.
    async fn ask_on(
        self: &Arc<Self>,
        want: &Want,
        mut candidate: Candidate,
        mut outcome: LeaseOutcome,
        token: &Token<'_>,
    ) -> Result<Attempt, StoreError> {
        let (mut asked, mut full) = (Vec::new(), false);
        loop {
            asked.push(candidate.id);
            match outcome {
                LeaseOutcome::Held => return Ok(Attempt::Held(self.hold(want, candidate, token))),
                LeaseOutcome::Full => full = true,
                other => self.learn(candidate.id, other).await?,
            }
            match self.next(want, &asked) {
                None if full => return Ok(Attempt::Full),
                None => return Ok(self.nobody(want)),
                Some(_) if asked.len() == ASKED => return Ok(Attempt::Full),
                Some(next) => candidate = next,
            }
            outcome = self.ask_account(want, candidate, token).await?;
        }
    }

    /// Who is asked next. It steps back at once: whoever comes while Redis has not answered yet asks another.
    fn next(&self, want: &Want, asked: &[AccountId]) -> Option<Candidate> {
        let Want { site, scope, whom, .. } = want;
        match whom {
            Whom::AnyBut(tried) => {
                let skipped: Vec<AccountId> = tried.iter().chain(asked).copied().collect();
                self.directory.pick(&site.name, scope, &skipped)
            }
            Whom::One(id) if asked.is_empty() => self.directory.pick_one(*id, &site.name, scope),
            Whom::One(_) => None,
        }
    }

    fn hold(self: &Arc<Self>, want: &Want, candidate: Candidate, token: &Token<'_>) -> Lease {
        let site = &want.site;
        let limited = (!site.limits.site.is_empty()).then(|| site.name.clone());
        self.holds.guard(candidate, token.lease.clone(), limited, site.limits.turn + lease::TTL)
    }

    /// `None` when the site grants a place, or has no limits of its own.
    async fn ask_site(&self, site: &Site, token: &Token<'_>) -> Result<Option<Attempt>, StoreError> {
        let limits = site.limits.site;
        if limits.is_empty() {
            return Ok(None);
        }
        let (limit, attempt) =
            match self.store.lease_site(&site.name, &token.lease, limits, token.absent, lease::TTL).await? {
                LeaseOutcome::Held => return Ok(None),
                LeaseOutcome::Spent(left) => (Limit::SiteRate, Attempt::Spent(left)),
                LeaseOutcome::Full | LeaseOutcome::Cooling { .. } | LeaseOutcome::Gone => {
                    (Limit::SiteConcurrency, Attempt::Full)
                }
            };
        self.count_limit(site, limit);
        Ok(Some(attempt))
    }

    async fn ask_account(
        &self,
        want: &Want,
        candidate: Candidate,
        token: &Token<'_>,
    ) -> Result<LeaseOutcome, StoreError> {
        let limits = &want.site.limits;
        let terms = LeaseTerms {
            concurrency: candidate.concurrency.unwrap_or(limits.concurrency),
            requests_per_minute: candidate.requests_per_minute.or(limits.requests_per_minute),
            pools: want.scope.pools(),
            absent: token.absent,
            ttl: lease::TTL,
        };
        let outcome = self.store.lease(candidate.id, &token.lease, terms).await?;
        match outcome {
            LeaseOutcome::Full => self.count_limit(&want.site, Limit::AccountConcurrency),
            LeaseOutcome::Spent(_) => self.count_limit(&want.site, Limit::AccountRate),
            LeaseOutcome::Held | LeaseOutcome::Cooling { .. } | LeaseOutcome::Gone => {}
        }
        Ok(outcome)
    }

    fn count_limit(&self, site: &Site, limit: Limit) {
        self.limits.get_or_create(&LimitLabels { site: site.name.to_string(), limit }).inc();
    }

    /// Notes what an account said that was not leased.
    async fn learn(&self, id: AccountId, outcome: LeaseOutcome) -> Result<(), StoreError> {
        let now = Timestamp::now();
        match outcome {
            LeaseOutcome::Spent(left) => self.directory.put_aside(id, Aside::Spent(now + left)),
            LeaseOutcome::Cooling { reason, left } if reason == RATE_LIMITED => {
                self.directory.put_aside(id, Aside::RateLimited(now + left));
            }
            LeaseOutcome::Cooling { left, .. } => self.directory.put_aside(id, Aside::Cooling(now + left)),
            LeaseOutcome::Gone => self.directory.reread(&self.store, id).await?,
            LeaseOutcome::Held | LeaseOutcome::Full => {}
        }
        Ok(())
    }

    /// Nobody can be asked: for how long, if that is known.
    fn nobody(&self, want: &Want) -> Attempt {
        let Whom::AnyBut(tried) = &want.whom else { return Attempt::Nobody };
        let limited = self.directory.limited(&want.site.name, &want.scope, tried);
        let left = |until| Timestamp::now().until(until);
        match limited {
            Some(Aside::Spent(until)) => Attempt::Spent(left(until)),
            Some(Aside::RateLimited(until)) => Attempt::Limited(left(until)),
            Some(Aside::Cooling(_)) | None => Attempt::Nobody,
        }
    }

    /// Redis is away: sessions that are known serve on, counted in this process alone.
    fn ask_memory(self: &Arc<Self>, want: &Want) -> Attempt {
        let limits = &want.site.limits;
        let mut asked = Vec::new();
        while let Some(candidate) = self.next(want, &asked).filter(|_| asked.len() < ASKED) {
            let limit = candidate.concurrency.unwrap_or(limits.concurrency);
            let site = limits.site.concurrency.map(|limit| (&want.site.name, limit));
            if let Some(lease) = self.holds.guard_unrecorded(
                candidate,
                self.presence.token(),
                limit,
                site,
                limits.turn + lease::TTL,
            ) {
                return Attempt::Held(lease);
            }
            asked.push(candidate.id);
        }
        Attempt::Full
    }
}
