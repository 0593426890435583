//! What a person does on a page and what the page asks the network for, for the author of a site file. In memory only.
//!
//! Nothing that is typed into a password or code field is read, and no request is kept that could hold it: a request's
//! body is kept only where it has a text in it that was typed openly after the last secret, or what the page made up for
//! such a request.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chromiumoxide::cdp::{
    browser_protocol::{
        network::{
            EventDataReceived, EventEventSourceMessageReceived, EventLoadingFailed, EventLoadingFinished,
            EventRequestWillBeSent, EventResponseReceived, EventWebSocketCreated, GetRequestPostDataParams,
            GetResponseBodyParams, RequestId, StreamResourceContentParams,
        },
        page::AddScriptToEvaluateOnNewDocumentParams,
    },
    js_protocol::runtime::{AddBindingParams, EvaluateParams, EventBindingCalled},
};
use futures::{StreamExt, stream::BoxStream};
use latchkey_shared::shutdown::Tasks;
use tokio::time::Instant;
use url::Url;

use super::{
    BrowserError, Page,
    instance::{CALL_LIMIT, within},
};

mod tape;

pub use tape::{RecordedExchange, RecordedTraffic, UserAction, UserEvent};

const SCRIPT: &str = include_str!("record.js");
const WORLD: &str = "latchkey-record";
const BINDING: &str = "latchkeyTouched";
/// More is no sign-in and no question.
const MOST: usize = 2000;
/// Chromium answers at once, or never where the page breaks the stream off just then; nothing is heard meanwhile.
const STREAM_LIMIT: Duration = Duration::from_secs(1);
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// A recording that goes on as long as its page is open. Clones share it.
#[derive(Clone)]
pub struct BrowserRecording(Arc<Mutex<RecordedTraffic>>);

enum RecordingEvent {
    Touch(Arc<EventBindingCalled>),
    Request(Arc<EventRequestWillBeSent>),
    Response(Arc<EventResponseReceived>),
    Data(Arc<EventDataReceived>),
    Message(Arc<EventEventSourceMessageReceived>),
    Socket(Arc<EventWebSocketCreated>),
    Finished(RequestId),
}

impl BrowserRecording {
    /// What was seen so far.
    pub fn tape(&self) -> MutexGuard<'_, RecordedTraffic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self, payload: &str) {
        let Ok(touch) = serde_json::from_str::<UserEvent>(payload) else { return };
        let mut tape = self.tape();
        if tape.touches.len() == MOST {
            return;
        }
        // Each letter is told; the last one tells them all.
        let again = |last: &UserEvent| {
            last.what == touch.what && last.selector == touch.selector && last.url == touch.url
        };
        match tape.touches.last_mut().filter(|last| again(last)) {
            Some(last) => *last = touch,
            None => tape.touches.push(touch),
        }
    }

    fn request(&self, event: &EventRequestWillBeSent) {
        let is_script = event.r#type.as_ref().is_some_and(|kind| {
            use chromiumoxide::cdp::browser_protocol::network::ResourceType::{EventSource, Fetch, Xhr};
            matches!(kind, Fetch | Xhr | EventSource)
        });
        let Ok(url) = event.request.url.parse::<Url>() else { return };
        let mut tape = self.tape();
        if !is_script || tape.exchanges.len() == MOST {
            return;
        }
        tape.last = Instant::now();
        let headers = event.request.headers.inner().as_object().into_iter().flatten();
        let headers = headers.filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.into())));
        let exchange = RecordedExchange {
            id: event.request_id.clone(),
            method: event.request.method.clone(),
            url,
            headers: headers.collect(),
            body: None,
            status: None,
            content_type: String::new(),
            answer: None,
            streamed: Vec::new(),
            ended: false,
            after: tape.touches.len(),
        };
        tape.exchanges.push(exchange);
    }

    fn change(&self, id: &RequestId, change: impl FnOnce(&mut RecordedExchange)) {
        let mut tape = self.tape();
        tape.last = Instant::now();
        if let Some(exchange) = tape.exchanges.iter_mut().rev().find(|exchange| exchange.id == *id) {
            change(exchange);
        }
    }

    /// Keeps more of a stream, in base64.
    fn streamed(&self, id: &RequestId, data: &str) {
        let Ok(bytes) = STANDARD.decode(data) else { return };
        self.change(id, |exchange| {
            if exchange.streamed.len() < LONGEST_BODY {
                exchange.streamed.extend(bytes);
            }
        });
    }

    /// Keeps a request's body if it can hold no secret, and is worth it.
    fn keep_body(&self, id: &RequestId, body: String) {
        let is_of_a_question = self.tape().is_of_a_question(&body);
        if is_of_a_question {
            self.change(id, |exchange| exchange.body = Some(body));
        }
    }
}

impl Page {
    /// Records from the next document on.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn record(&self, tasks: &Tasks) -> Result<BrowserRecording, BrowserError> {
        let tape = RecordedTraffic {
            touches: Vec::new(),
            exchanges: Vec::new(),
            sockets: Vec::new(),
            last: Instant::now(),
        };
        let recording = BrowserRecording(Arc::new(Mutex::new(tape)));
        let events = futures::stream::select_all([
            self.heard(RecordingEvent::Touch).await?,
            self.heard(RecordingEvent::Request).await?,
            self.heard(RecordingEvent::Response).await?,
            self.heard(RecordingEvent::Data).await?,
            self.heard(RecordingEvent::Message).await?,
            self.heard(RecordingEvent::Socket).await?,
            self.heard(|event: Arc<EventLoadingFinished>| RecordingEvent::Finished(event.request_id.clone()))
                .await?,
            self.heard(|event: Arc<EventLoadingFailed>| RecordingEvent::Finished(event.request_id.clone()))
                .await?,
        ]);
        let mut binding = AddBindingParams::new(BINDING);
        binding.execution_context_name = Some(WORLD.to_owned());
        self.execute("Runtime.addBinding", binding).await?;
        let mut script = AddScriptToEvaluateOnNewDocumentParams::new(SCRIPT);
        script.world_name = Some(WORLD.to_owned());
        self.execute("Page.addScriptToEvaluateOnNewDocument", script).await?;
        tasks.spawn(listen(self.listener(), recording.clone(), events));
        Ok(recording)
    }

    /// Asks for paths of the page's own origin, as its scripts would; what comes is on the tape.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn ask(&self, paths: &[String]) -> Result<(), BrowserError> {
        let paths = serde_json::json!(paths);
        let each = "(path) => fetch(path).then((answer) => answer.text())";
        let mut evaluate =
            EvaluateParams::new(format!("Promise.allSettled({paths}.map({each})).then(() => true)"));
        evaluate.await_promise = Some(true);
        self.execute("Runtime.evaluate", evaluate).await.map(drop)
    }

    async fn heard<E: chromiumoxide::cdp::IntoEventKind + Unpin>(
        &self,
        event: impl Fn(Arc<E>) -> RecordingEvent + Send + 'static,
    ) -> Result<BoxStream<'static, RecordingEvent>, BrowserError> {
        let listener =
            within(self.gone(), CALL_LIMIT, "a subscription", self.cdp().event_listener::<E>()).await?;
        Ok(listener.map(event).boxed())
    }

    fn listener(&self) -> BodyReader {
        BodyReader { page: self.cdp().clone(), gone: self.gone().clone() }
    }
}

/// What reading bodies needs of the page; keeps no page open.
#[derive(Clone)]
struct BodyReader {
    page: chromiumoxide::Page,
    gone: tokio_util::sync::CancellationToken,
}

async fn listen(
    listener: BodyReader,
    recording: BrowserRecording,
    events: futures::stream::SelectAll<BoxStream<'static, RecordingEvent>>,
) {
    let mut batches = events.ready_chunks(MOST);
    loop {
        let batch = tokio::select! {
            () = listener.gone.cancelled() => return,
            batch = batches.next() => batch,
        };
        // Each kind comes over a channel of its own, and which is read first is chance. What is there of all of them
        // is heard in the order in which it can have happened.
        let Some(mut batch) = batch else { return };
        batch.sort_by_key(RecordingEvent::rank);
        for event in batch {
            listener.hear(&recording, event).await;
        }
    }
}

impl RecordingEvent {
    /// Where it stands in the life of a request.
    fn rank(&self) -> u8 {
        match self {
            Self::Touch(_) => 0,
            Self::Request(_) | Self::Socket(_) => 1,
            Self::Response(_) => 2,
            Self::Data(_) | Self::Message(_) => 3,
            Self::Finished(_) => 4,
        }
    }
}

impl BodyReader {
    /// Notes one event, with the bodies that it is about.
    async fn hear(&self, recording: &BrowserRecording, event: RecordingEvent) {
        match event {
            RecordingEvent::Touch(event) if event.name == BINDING => recording.touch(&event.payload),
            RecordingEvent::Touch(_) => {}
            RecordingEvent::Request(event) => {
                recording.request(&event);
                if event.request.has_post_data == Some(true) {
                    self.read_request(recording, &event.request_id).await;
                }
            }
            RecordingEvent::Response(event) => {
                let content_type = event.response.mime_type.to_lowercase();
                let is_stream = content_type.contains("event-stream") || content_type.contains("ndjson");
                recording.change(&event.request_id, |exchange| {
                    exchange.status = u16::try_from(event.response.status).ok();
                    exchange.content_type = content_type;
                });
                if is_stream {
                    self.stream(recording, &event.request_id).await;
                }
            }
            RecordingEvent::Data(event) => {
                if let Some(data) = &event.data {
                    recording.streamed(&event.request_id, data.as_ref());
                }
            }
            RecordingEvent::Message(event) => recording.change(&event.request_id, |exchange| {
                let name = if event.event_name.is_empty() { "message" } else { &event.event_name };
                let block = format!("event: {name}\ndata: {}\n\n", event.data.replace('\n', "\ndata: "));
                let answer = exchange.answer.get_or_insert_default();
                if answer.len() < LONGEST_BODY {
                    answer.push_str(&block);
                }
            }),
            RecordingEvent::Socket(event) => {
                if let Ok(url) = event.url.parse() {
                    recording.tape().sockets.push(url);
                }
            }
            RecordingEvent::Finished(id) => self.read_answer(recording, &id).await,
        }
    }

    async fn read_request(&self, recording: &BrowserRecording, id: &RequestId) {
        let read = self.page.execute(GetRequestPostDataParams::new(id.clone()));
        if let Ok(body) = within(&self.gone, CALL_LIMIT, "Network.getRequestPostData", read).await {
            recording.keep_body(id, body.result.post_data);
        }
    }

    /// Has a stream told as it comes: of one that the page breaks off, nothing can be read afterwards.
    async fn stream(&self, recording: &BrowserRecording, id: &RequestId) {
        let streaming = self.page.execute(StreamResourceContentParams::new(id.clone()));
        let streaming = within(&self.gone, STREAM_LIMIT, "Network.streamResourceContent", streaming).await;
        if let Ok(begun) = streaming {
            recording.streamed(id, begun.result.buffered_data.as_ref());
        }
    }

    async fn read_answer(&self, recording: &BrowserRecording, id: &RequestId) {
        let wanted =
            recording.tape().exchanges.iter().any(|exchange| exchange.id == *id && exchange.answer.is_none());
        let mut text = None;
        if wanted {
            let read = self.page.execute(GetResponseBodyParams::new(id.clone()));
            if let Ok(body) =
                within(&self.gone, Duration::from_secs(2), "Network.getResponseBody", read).await
            {
                let body = body.result;
                let bytes = if body.base64_encoded {
                    STANDARD.decode(&body.body).ok()
                } else {
                    Some(body.body.into())
                };
                text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            }
        }
        recording.change(id, |exchange| {
            exchange.ended = true;
            let text = text.filter(|text| text.len() < LONGEST_BODY);
            exchange.answer = text.or_else(|| exchange.answer.take()).or_else(|| exchange.streamed_text());
        });
    }
}
