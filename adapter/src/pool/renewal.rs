//! Sessions that are over: asks the broker for newer ones, and waits for one where no other account serves.

use std::{sync::Arc, time::Duration};

use latchkey_shared::{id::AccountId, site::Site, store::RefreshRequest};
use tokio::time::{Instant, sleep_until};

use super::{Pool, PoolError, lease::Lease};
use crate::scope::AccountScope;

/// Accounts for which one request asks at most: it needs one.
const ASKED: usize = 4;
/// A cooldown that ends is no event.
const LOOK: Duration = Duration::from_secs(1);

impl Pool {
    /// Asks the broker for a session newer than the one that the site refused.
    pub(super) async fn ask_refresh(&self, account: AccountId, generation: u64) {
        let asked = self.store.ask_refresh(RefreshRequest { account, generation }).await;
        if let Err(error) = asked {
            tracing::warn!(account.id = %account, %error, "cannot ask for a new session");
        }
    }

    /// Leases an account. Where none serves, but the broker keeps one signed in, waits until `deadline` for its next
    /// session.
    pub(super) async fn lease_or_wait(
        self: &Arc<Self>,
        site: &Arc<Site>,
        scope: &AccountScope,
        tried: &[AccountId],
        deadline: Instant,
    ) -> Result<Lease, PoolError> {
        let mut asked = false;
        loop {
            // Before asking: a session that comes between the refusal and the wait must not be missed.
            let changed = self.directory.changed();
            match self.lease(site, scope, tried, Instant::now() + self.patience.queue).await {
                Err(PoolError::NoAccount) => {}
                settled => return settled,
            }
            let awaited = self.directory.awaiting_session(&site.name, scope, tried, ASKED);
            if awaited.is_empty() || deadline <= Instant::now() {
                return Err(PoolError::NoAccount);
            }
            if !asked {
                asked = true;
                for (account, generation) in awaited {
                    self.ask_refresh(account, generation).await;
                }
            }
            tokio::select! {
                () = changed => {}
                () = sleep_until(deadline.min(Instant::now() + LOOK)) => {}
            }
        }
    }
}
