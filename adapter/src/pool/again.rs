//! Goes on with a conversation: with the account whose it is, or not at all.

use std::sync::Arc;

use latchkey_shared::{id::AccountId, site::Site, store::Conversation};
use tokio::time::Instant;

use super::{
    Held, Hold, Pool,
    asking::{Attempt, Want, Whom},
    lease::Lease,
};
use crate::{
    prompt::Prompt,
    scope::Scope,
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
        scope: &Scope,
        prompt: &Prompt,
        conversation: Conversation,
    ) -> Result<Option<Held>, Fault> {
        let Conversation { account, generation, values } = conversation;
        let Some(lease) =
            self.lease_of(site, scope, account).await.filter(|lease| lease.generation == generation)
        else {
            return Ok(None);
        };
        let Some(session) = self.session_of(account, generation).await else { return Ok(None) };
        let ask = Ask::going_on(site, prompt, values);
        let asked = Instant::now();
        match sites::open(&self.outside, site, &session, ask).await {
            Ok(deltas) => {
                let (site, outside) = (Arc::clone(site), self.outside.clone());
                let hold = Hold { lease, site, session, outside };
                Ok(Some(Held { deltas, hold, failovers: 0, asked }))
            }
            Err(fault) if fault.is_of_the_account() => {
                self.put_away(&lease, &fault).await;
                Ok(None)
            }
            Err(Fault::Rejected(_) | Fault::Forgotten) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Leases one account, if it is free now and the scope has it.
    async fn lease_of(self: &Arc<Self>, site: &Arc<Site>, scope: &Scope, id: AccountId) -> Option<Lease> {
        let (site, scope) = (Arc::clone(site), scope.clone());
        match self.ask_apart(&Want { site, scope, whom: Whom::One(id), waits: false }).await {
            Attempt::Held(lease) => Some(lease),
            Attempt::Full | Attempt::Limited(_) | Attempt::Spent(_) | Attempt::Nobody => None,
        }
    }
}
