//! The events of a page: traffic is noted, dialogs are answered, a crash ends every call.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use chromiumoxide::{
    cdp::{
        IntoEventKind,
        browser_protocol::{
            fetch::{ContinueRequestParams, EventRequestPaused, GetResponseBodyParams},
            inspector::EventTargetCrashed,
            network::{EventLoadingFailed, EventRequestWillBeSent, EventResponseReceived},
            page::{DialogType, EventJavascriptDialogOpening, HandleJavaScriptDialogParams},
        },
    },
    types::Command,
};
use futures::{
    StreamExt,
    stream::{BoxStream, SelectAll},
};
use latchkey_shared::shutdown::Tasks;
use tokio_util::sync::CancellationToken;

use super::{CdpPage, Page, PageTraffic};
use crate::browser::{
    BrowserError,
    instance::{CALL_LIMIT, within},
};

/// Bigger than any answer of a login call.
const MAX_BODY_BYTES: usize = 1024 * 1024;

enum PageEvent {
    Request(Arc<EventRequestWillBeSent>),
    Response(Arc<EventResponseReceived>),
    Failed(Arc<EventLoadingFailed>),
    Held(Arc<EventRequestPaused>),
    Dialog(Arc<EventJavascriptDialogOpening>),
    Crashed,
}

/// What the answers to events need of the page. No guard is in here: a pump keeps no page open.
#[derive(Clone)]
struct EventPump {
    page: CdpPage,
    network: Arc<PageTraffic>,
    gone: CancellationToken,
    tasks: Tasks,
}

impl Page {
    /// Subscribes to the page's events and handles them until the page is gone.
    pub(super) async fn pump(&self, tasks: &Tasks) -> Result<(), BrowserError> {
        let events = futures::stream::select_all([
            self.events(PageEvent::Request).await?,
            self.events(PageEvent::Response).await?,
            self.events(PageEvent::Failed).await?,
            self.events(PageEvent::Held).await?,
            self.events(PageEvent::Dialog).await?,
            self.events(|_: Arc<EventTargetCrashed>| PageEvent::Crashed).await?,
        ]);
        let pump = EventPump {
            page: self.page.clone(),
            network: Arc::clone(&self.network),
            gone: self.gone.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn(pump.run(events));
        Ok(())
    }

    async fn events<E: IntoEventKind + Unpin>(
        &self,
        event: impl Fn(Arc<E>) -> PageEvent + Send + 'static,
    ) -> Result<BoxStream<'static, PageEvent>, BrowserError> {
        let listener =
            within(&self.gone, CALL_LIMIT, "a subscription", self.page.event_listener::<E>()).await?;
        Ok(listener.map(event).boxed())
    }
}

impl EventPump {
    async fn run(self, mut events: SelectAll<BoxStream<'static, PageEvent>>) {
        loop {
            let event = tokio::select! {
                () = self.gone.cancelled() => return,
                event = events.next() => event,
            };
            match event {
                Some(PageEvent::Request(event)) => self.network.request(&event),
                Some(PageEvent::Response(event)) => self.network.response(&event),
                Some(PageEvent::Failed(event)) => self.network.failed(&event),
                // Answers take a round trip; meanwhile other events come in.
                Some(PageEvent::Held(event)) => drop(self.tasks.spawn(self.clone().read_held(event))),
                Some(PageEvent::Dialog(event)) => drop(self.tasks.spawn(self.clone().answer(event))),
                Some(PageEvent::Crashed) | None => return self.gone.cancel(),
            }
        }
    }

    /// An open dialog blocks every call into the page. A question gets a no, a notice is taken note of.
    async fn answer(self, dialog: Arc<EventJavascriptDialogOpening>) {
        let accept = matches!(dialog.r#type, DialogType::Alert | DialogType::Beforeunload);
        let answer = HandleJavaScriptDialogParams::new(accept);
        let answered = self.execute("Page.handleJavaScriptDialog", answer).await;
        tracing::debug!(dialog.accepted = accept, ok = answered.is_ok(), "a dialog of the page was answered");
    }

    /// Reads the body of an answer that waits for it, and lets it go on whatever happens.
    async fn read_held(self, held: Arc<EventRequestPaused>) {
        if self.is_wanted(&held) {
            let body = GetResponseBodyParams::new(held.request_id.clone());
            if let Ok(body) = self.execute("Fetch.getResponseBody", body).await {
                self.keep(body.body, body.base64_encoded);
            }
        }
        let go_on = ContinueRequestParams::new(held.request_id.clone());
        if self.execute("Fetch.continueRequest", go_on).await.is_err() {
            tracing::debug!("an answer that was held could not go on");
        }
    }

    fn is_wanted(&self, held: &EventRequestPaused) -> bool {
        let Some(wanted) = self.network.body_url() else { return false };
        let url = held.request.url.parse::<url::Url>();
        url.is_ok_and(|url| url.origin() == wanted.origin() && url.path() == wanted.path())
    }

    fn keep(&self, body: String, encoded: bool) {
        if body.len() > MAX_BODY_BYTES {
            return;
        }
        let decoded = if encoded {
            STANDARD.decode(&body).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        } else {
            Some(body)
        };
        if let Some(body) = decoded {
            self.network.keep_body(body);
        }
    }

    async fn execute<C: Command>(&self, call: &'static str, command: C) -> Result<C::Response, BrowserError> {
        within(&self.gone, CALL_LIMIT, call, self.page.execute(command)).await.map(|answer| answer.result)
    }
}
