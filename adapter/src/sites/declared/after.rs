//! What is done when an answer is over: it is stopped at the site if it had not ended, and what it left is removed.

use std::{fmt, time::Duration};

use latchkey_shared::{
    shutdown::Tasks,
    site::chat::{Driver, http::Http},
};
use tokio::time::timeout;

use super::call::Caller;
use crate::stream::delta::Values;

/// For all requests together. The account may be free again meanwhile.
const LIMIT_TIME: Duration = Duration::from_secs(10);

/// Owned by the answer: whoever lets go of it stops the site.
pub(super) struct After {
    tasks: Tasks,
    caller: Caller,
    /// What is known of the conversation.
    pub(super) values: Values,
    ended: bool,
}

impl After {
    pub(super) fn new(tasks: Tasks, caller: Caller, values: Values) -> Self {
        Self { tasks, caller, values, ended: false }
    }

    /// The answer is over.
    pub(super) fn end(mut self, ended: bool, values: Values) {
        self.ended = ended;
        self.values.extend(values);
    }
}

impl Drop for After {
    fn drop(&mut self) {
        let Driver::Http(http) = &self.caller.site.chat.driver else { return };
        let goes_on = self.ended && http.conversation.is_some();
        let nothing = (self.ended || http.cancel.is_empty()) && (goes_on || http.cleanup.is_empty());
        if nothing {
            return;
        }
        let (caller, values, ended) = (self.caller.clone(), std::mem::take(&mut self.values), self.ended);
        let http = http.clone();
        self.tasks.spawn(async move {
            let all = requests(&caller, &http, &values, ended, goes_on);
            if timeout(LIMIT_TIME, all).await.is_err() {
                tracing::warn!(site = %caller.site.name, "the site did not confirm in time that its answer is over");
            }
        });
    }
}

async fn requests(caller: &Caller, http: &Http, values: &Values, ended: bool, goes_on: bool) {
    let cancel = if ended { &[][..] } else { &http.cancel };
    let cleanup = if goes_on { &[][..] } else { &http.cleanup };
    let mut values = values.clone();
    for (purpose, request) in cancel
        .iter()
        .map(|request| ("stop", request))
        .chain(cleanup.iter().map(|request| ("clean up", request)))
    {
        if request.once && request.take.keys().all(|name| values.contains_key(name)) {
            continue;
        }
        match caller.take(request, None, &values).await {
            Ok(taken) => values.extend(taken),
            Err(cause) => {
                tracing::info!(site = %caller.site.name, purpose, %cause, "the site did not confirm that its answer is over");
                continue;
            }
        }
        tracing::debug!(site = %caller.site.name, purpose, "the site confirmed that its answer is over");
    }
}

impl fmt::Debug for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("After").field("ended", &self.ended).finish_non_exhaustive()
    }
}
