//! Goes on with a conversation: with the account whose it is, or not at all.

use std::sync::Arc;

use latchkey_shared::{id::AccountId, site::Site, store::StoredConversation};
use tokio::time::Instant;

use super::{
    ActiveAccount, OpenAnswer, Pool,
    lease::Lease,
    leasing::{LeaseAttempt, LeaseRequest, LeaseTarget},
};
use crate::{
    prompt::Prompt,
    scope::AccountScope,
    sites::{self, DriverRequest},
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
        scope: &AccountScope,
        prompt: &Prompt,
        conversation: StoredConversation,
    ) -> Result<Option<OpenAnswer>, Fault> {
        let StoredConversation { account, generation, values } = conversation;
        let Some(lease) =
            self.lease_of(site, scope, account).await.filter(|lease| lease.generation == generation)
        else {
            return Ok(None);
        };
        let Some(session) = self.session_of(site, account, generation).await else { return Ok(None) };
        let ask = DriverRequest::going_on(site, prompt, values);
        let asked = Instant::now();
        match sites::open(&self.context, site, &session, ask).await {
            Ok(deltas) => {
                let site = Arc::clone(site);
                let outside = self.context.clone();
                let hold = ActiveAccount { lease, site, session, context: outside };
                Ok(Some(OpenAnswer { deltas, hold, failovers: 0, asked }))
            }
            Err(fault) if fault.is_of_the_account() => {
                self.penalize(&lease, &fault).await;
                Ok(None)
            }
            Err(Fault::Rejected(_) | Fault::ConversationGone) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Leases one account, if it is free now and the scope has it.
    async fn lease_of(
        self: &Arc<Self>,
        site: &Arc<Site>,
        scope: &AccountScope,
        id: AccountId,
    ) -> Option<Lease> {
        let site = Arc::clone(site);
        let scope = scope.clone();
        match self.ask_apart(&LeaseRequest { site, scope, target: LeaseTarget::One(id), waits: false }).await
        {
            LeaseAttempt::Held(lease) => Some(lease),
            LeaseAttempt::Full | LeaseAttempt::Limited(_) | LeaseAttempt::Spent(_) | LeaseAttempt::Nobody => {
                None
            }
        }
    }
}
