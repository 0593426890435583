//! How a request waits for an account: it asks once, and then again whenever something is released.

use std::{sync::Arc, time::Duration};

use latchkey_shared::{id::AccountId, site::Site};
use rand::RngExt;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::Instrument;

use super::{
    Pool, PoolError,
    lease::Lease,
    leasing::{LeaseAttempt, LeaseRequest, LeaseTarget},
};
use crate::{scope::AccountScope, stream::fault::Fault};

/// Releases by other adapters are found by asking again; jitter keeps adapters from asking together.
const POLL_MS: std::ops::Range<u64> = 100..300;

/// What a request does next.
enum WaiterAction {
    Go(Lease),
    Wait(Duration),
}

impl Pool {
    /// Leases an account that was not tried yet, and waits for it if all are full.
    pub(super) async fn lease(
        self: &Arc<Self>,
        site: &Arc<Site>,
        scope: &AccountScope,
        tried: &[AccountId],
        deadline: Instant,
    ) -> Result<Lease, PoolError> {
        let site = Arc::clone(site);
        let scope = scope.clone();
        let whom = LeaseTarget::AnyBut(tried.to_vec());
        let head = self.queue.head(&site.name, &scope);
        let mut want = LeaseRequest { site, scope, target: whom, waits: false };
        let nobody_waits = head.available_permits() > 0;
        if nobody_waits && let WaiterAction::Go(lease) = self.once(&want, deadline).await? {
            return Ok(lease);
        }
        want.waits = true;
        let _place = self.queue.join()?;
        let late = || PoolError::Busy { retry_after: self.patience.queue };
        let _first = timeout_at(deadline, head.acquire()).await.map_err(|_| late())?;
        loop {
            // Before asking: a release between the refusal and the wait must not be missed.
            let released = self.leases.released();
            let pause = match self.once(&want, deadline).await? {
                WaiterAction::Go(lease) => return Ok(lease),
                WaiterAction::Wait(pause) => pause,
            };
            tokio::select! {
                () = released => {}
                () = sleep(pause) => {}
                () = sleep_until(deadline) => return Err(late()),
            }
        }
    }

    /// Asks once, and fails when it makes no sense to wait.
    async fn once(
        self: &Arc<Self>,
        request: &LeaseRequest,
        deadline: Instant,
    ) -> Result<WaiterAction, PoolError> {
        let too_late = |left| Instant::now() + left > deadline;
        match self.attempt(request).await {
            LeaseAttempt::Held(lease) => Ok(WaiterAction::Go(lease)),
            LeaseAttempt::Nobody => Err(PoolError::NoAccount),
            LeaseAttempt::Limited(left) if too_late(left) => {
                Err(Fault::RateLimited { retry_after: Some(left) }.into())
            }
            LeaseAttempt::Spent(left) if too_late(left) => Err(PoolError::Busy { retry_after: left }),
            LeaseAttempt::Limited(left) | LeaseAttempt::Spent(left) => Ok(WaiterAction::Wait(left)),
            LeaseAttempt::Full => {
                Ok(WaiterAction::Wait(Duration::from_millis(rand::rng().random_range(POLL_MS))))
            }
        }
    }

    /// Asks once, on a task: a client that leaves between grant and guard must not leave a lease behind.
    async fn attempt(self: &Arc<Self>, request: &LeaseRequest) -> LeaseAttempt {
        let attempt = self.ask_apart(request).await;
        if !matches!(attempt, LeaseAttempt::Nobody) {
            return attempt;
        }
        self.directory.look(&self.store).await;
        self.ask_apart(request).await
    }

    /// Asks once, on a task of its own.
    pub(super) async fn ask_apart(self: &Arc<Self>, request: &LeaseRequest) -> LeaseAttempt {
        let pool = Arc::clone(self);
        let want = request.clone();
        let asking = async move { pool.ask(&want).await };
        self.tasks.spawn(asking.in_current_span()).await.expect("asking for a lease does not panic")
    }
}
