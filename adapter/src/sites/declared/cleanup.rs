//! What is done when an answer is over: it is stopped at the site if it had not ended, and what it left is removed.

use std::{fmt, time::Duration};

use latchkey_shared::{
    shutdown::Tasks,
    site::chat::{Driver, http::HttpChat, request::RequestTemplate},
};
use tokio::time::{Instant, timeout};
use tracing::{Instrument, Span};

use super::{call::SiteClient, upload::Uploads, variables::PromptVariables};
use crate::{
    metrics::{Cancels, SiteLabels},
    sites::DriverContext,
    stream::{delta::Captures, fault::Fault},
};

/// For all requests together. The account may be free again meanwhile.
const LIMIT_TIME: Duration = Duration::from_secs(10);
/// What a request to stop is for, in the log.
const STOP: &str = "stop";

/// Owned by the answer: whoever lets go of it stops the site.
pub(super) struct Cleanup {
    tasks: Tasks,
    cancels: Cancels,
    client: SiteClient,
    /// What is known of the conversation.
    pub(super) captures: Captures,
    /// What was uploaded for the question.
    pub(super) uploads: Option<Uploads>,
    span: Span,
    ended: bool,
}

impl Cleanup {
    pub(super) fn new(context: &DriverContext, client: SiteClient, captures: Captures) -> Self {
        let DriverContext { tasks, cancels, span, .. } = context.clone();
        Self { tasks, cancels, client, captures, uploads: None, span, ended: false }
    }

    /// Uploads what the question has, if this request is the first to name it.
    ///
    /// # Errors
    /// When the site does not take it.
    pub(super) async fn upload(
        &mut self,
        request: &RequestTemplate,
        context: &DriverContext,
        variables: &PromptVariables,
        deadline: Instant,
    ) -> Result<(), Fault> {
        let Self { client: caller, captures: values, .. } = self;
        let made =
            Uploads::before(|name| request.names(name), context, caller, variables, values, deadline).await?;
        self.uploads = self.uploads.take().or(made);
        Ok(())
    }

    /// The answer is over.
    pub(super) fn end(mut self, ended: bool, captures: Captures) {
        self.ended = ended;
        self.captures.extend(captures);
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        let Driver::Http(http) = &self.client.site.chat.driver else { return };
        let goes_on = self.ended && http.conversation.is_some();
        let mut uploads = self.uploads.take();
        if goes_on {
            uploads.iter_mut().for_each(Uploads::keep);
        }
        let nothing = (self.ended || http.cancel.is_empty()) && (goes_on || http.cleanup.is_empty());
        if nothing {
            return;
        }
        let caller = self.client.clone();
        let values = std::mem::take(&mut self.captures);
        let ended = self.ended;
        let http = http.clone();
        let begun = Instant::now();
        let cancels = self.cancels.clone();
        let stopping = async move {
            // Removed when the site has let go of them.
            let _uploads = uploads;
            let all = requests(&caller, &http, &values, ended, goes_on);
            match timeout(LIMIT_TIME, all).await {
                Ok(Some(stopped)) => {
                    let site = SiteLabels { site: caller.site.name.to_string() };
                    cancels.get_or_create(&site).observe((stopped - begun).as_secs_f64());
                }
                Ok(None) => {}
                Err(_) => {
                    tracing::warn!(site = %caller.site.name, "the site did not confirm in time that its answer is over");
                }
            }
        };
        self.tasks.spawn(stopping.instrument(self.span.clone()));
    }
}

/// Sends them all; gives when the site had confirmed that it stops, if it was to.
async fn requests(
    client: &SiteClient,
    http: &HttpChat,
    captures: &Captures,
    ended: bool,
    goes_on: bool,
) -> Option<Instant> {
    let cancel = if ended { &[][..] } else { &http.cancel };
    let cleanup = if goes_on { &[][..] } else { &http.cleanup };
    let mut values = captures.clone();
    let mut stopped = None;
    for (purpose, request) in cancel
        .iter()
        .map(|request| (STOP, request))
        .chain(cleanup.iter().map(|request| ("clean up", request)))
    {
        if request.once && request.take.keys().all(|name| values.contains_key(name)) {
            continue;
        }
        match client.take(request, None, &values).await {
            Ok(taken) => {
                values.extend(taken);
                if purpose == STOP {
                    stopped = Some(Instant::now());
                }
            }
            Err(cause) => {
                tracing::info!(site = %client.site.name, purpose, %cause, "the site did not confirm that its answer is over");
                continue;
            }
        }
        tracing::debug!(site = %client.site.name, purpose, "the site confirmed that its answer is over");
    }
    stopped
}

impl fmt::Debug for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("After").field("ended", &self.ended).finish_non_exhaustive()
    }
}
