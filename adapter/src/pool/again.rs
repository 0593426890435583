//! Goes on with a conversation: with the account whose it is, or not at all.

use std::sync::Arc;

use latchkey_shared::{id::AccountId, site::Site, store::Conversation};
use tracing::Instrument;

use super::{Held, Hold, Pool, lease::Lease, queue::Attempt};
use crate::{
    prompt::Prompt,
    sites::{self, Ask},
    stream::fault::Fault,
};

impl Pool {
    /// Asks the site to go on with a conversation. `None` when the account is busy or has another session by now, or
    /// the site refuses; then all of it can be told anew.
    ///
    /// # Errors
    /// When the site may have taken the prompt all the same.
    pub(crate) async fn go_on(
        self: &Arc<Self>,
        site: &Arc<Site>,
        prompt: &Prompt,
        conversation: Conversation,
    ) -> Result<Option<Held>, Fault> {
        let Conversation { account, generation, values } = conversation;
        let Some(lease) = self.lease_of(site, account).await.filter(|lease| lease.generation == generation)
        else {
            return Ok(None);
        };
        let Some(session) = self.session_of(account, generation).await else { return Ok(None) };
        let ask = Ask::going_on(site, prompt, values);
        match sites::open(&self.outside, site, &session, ask).await {
            Ok(deltas) => {
                let (site, outside) = (Arc::clone(site), self.outside.clone());
                Ok(Some(Held { deltas, hold: Hold { lease, site, session, outside }, failovers: 0 }))
            }
            Err(fault) if fault.is_of_the_account() => {
                self.put_away(&lease, &fault).await;
                Ok(None)
            }
            Err(Fault::Rejected(_) | Fault::Forgotten) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Leases one account, if it is free now.
    async fn lease_of(self: &Arc<Self>, site: &Arc<Site>, id: AccountId) -> Option<Lease> {
        let mut candidates = self.candidates(site, &[]);
        candidates.retain(|candidate| candidate.id == id);
        let (pool, site) = (Arc::clone(self), Arc::clone(site));
        // On a task: a client that leaves between grant and guard must not leave a lease behind.
        let asking = async move { pool.ask_for_one(&site, candidates).await };
        match self.tasks.spawn(asking.in_current_span()).await.ok()? {
            Attempt::Held(lease) => Some(lease),
            Attempt::Full | Attempt::Limited(_) | Attempt::Nobody => None,
        }
    }
}
