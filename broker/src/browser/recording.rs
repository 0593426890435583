//! What a person does on a page and what the page asks the network for, for the author of a site file. In memory only.
//!
//! Nothing that is typed into a password or code field is read, and no request is kept that could hold it: a request's
//! body is kept only where it has a text in it that was typed openly after the last secret.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chromiumoxide::cdp::{
    browser_protocol::{
        network::{
            EventEventSourceMessageReceived, EventLoadingFailed, EventLoadingFinished,
            EventRequestWillBeSent, EventResponseReceived, EventWebSocketCreated, GetRequestPostDataParams,
            GetResponseBodyParams, RequestId,
        },
        page::AddScriptToEvaluateOnNewDocumentParams,
    },
    js_protocol::runtime::{AddBindingParams, EventBindingCalled},
};
use futures::{StreamExt, stream::BoxStream};
use latchkey_shared::shutdown::Tasks;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::{
    BrowserError, Page,
    instance::{CALL_LIMIT, within},
};

const SCRIPT: &str = include_str!("record.js");
const WORLD: &str = "latchkey-record";
const BINDING: &str = "latchkeyTouched";
/// More is no sign-in and no question.
const MOST: usize = 2000;
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// One thing that a person did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Touch {
    /// Where.
    #[serde(deserialize_with = "url")]
    pub url: Url,
    /// What.
    pub what: Deed,
    /// To which element.
    pub selector: String,
    /// What was typed, chosen or pressed; never a secret.
    pub text: Option<String>,
}

fn url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Types into a field.
    Fill,
    /// Types a password.
    Password,
    /// Types a one-time code.
    Code,
    /// Chooses an option.
    Choose,
    /// Clicks.
    Click,
    /// Presses Enter.
    Press,
}

/// A request of the page and what came of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    id: RequestId,
    /// Its method.
    pub method: String,
    /// Its address.
    pub url: Url,
    /// Its headers, as the page set them.
    pub headers: Vec<(String, SecretString)>,
    /// Its body, where that has openly typed text in it.
    pub body: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// The answer's content type.
    pub content_type: String,
    /// The answer, if it is a text.
    pub answer: Option<String>,
    /// Whether nothing more comes.
    pub ended: bool,
    /// How many touches came before it.
    pub after: usize,
}

/// What was seen so far.
#[derive(Debug)]
pub struct Tape {
    /// What the person did, in order.
    pub touches: Vec<Touch>,
    /// What the page asked for by script, in order; pages and pictures are left out.
    pub exchanges: Vec<Exchange>,
    /// Sockets that the page opened.
    pub sockets: Vec<Url>,
    /// When the network was last heard of.
    pub last: Instant,
}

/// A recording that goes on as long as its page is open. Clones share it.
#[derive(Clone)]
pub struct Recording(Arc<Mutex<Tape>>);

enum Event {
    Touch(Arc<EventBindingCalled>),
    Request(Arc<EventRequestWillBeSent>),
    Response(Arc<EventResponseReceived>),
    Message(Arc<EventEventSourceMessageReceived>),
    Socket(Arc<EventWebSocketCreated>),
    Finished(RequestId),
}

impl Recording {
    /// What was seen so far.
    pub fn tape(&self) -> MutexGuard<'_, Tape> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self, payload: &str) {
        let Ok(touch) = serde_json::from_str::<Touch>(payload) else { return };
        let mut tape = self.tape();
        if tape.touches.len() == MOST {
            return;
        }
        // Each letter is told; the last one tells them all.
        let again = |last: &Touch| {
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
        let exchange = Exchange {
            id: event.request_id.clone(),
            method: event.request.method.clone(),
            url,
            headers: headers.collect(),
            body: None,
            status: None,
            content_type: String::new(),
            answer: None,
            ended: false,
            after: tape.touches.len(),
        };
        tape.exchanges.push(exchange);
    }

    fn change(&self, id: &RequestId, change: impl FnOnce(&mut Exchange)) {
        let mut tape = self.tape();
        tape.last = Instant::now();
        if let Some(exchange) = tape.exchanges.iter_mut().rev().find(|exchange| exchange.id == *id) {
            change(exchange);
        }
    }

    /// Keeps a request's body if it can hold no secret, and is worth it.
    fn keep_body(&self, id: &RequestId, body: String) {
        let open = self.tape().open_texts();
        if open.iter().any(|text| body.contains(text.as_str())) {
            self.change(id, |exchange| exchange.body = Some(body));
        }
    }
}

#[cfg(test)]
impl Exchange {
    /// One that ended well, for tests of what reads tapes.
    pub(crate) fn answered(after: usize, method: &str, url: &str, content_type: &str, answer: &str) -> Self {
        Self {
            id: RequestId::new(url),
            method: method.to_owned(),
            url: url.parse().unwrap(),
            headers: Vec::new(),
            body: None,
            status: Some(200),
            content_type: content_type.to_owned(),
            answer: Some(answer.to_owned()),
            ended: true,
            after,
        }
    }
}

impl Tape {
    /// Whether a password or a code was typed.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.touches.iter().any(|touch| matches!(touch.what, Deed::Password | Deed::Code))
    }

    /// What was typed openly after the last secret, as JSON writes it.
    #[must_use]
    pub fn open_texts(&self) -> Vec<String> {
        let is_secret = |touch: &Touch| matches!(touch.what, Deed::Password | Deed::Code);
        let from = self.touches.iter().rposition(is_secret).map_or(0, |at| at + 1);
        let fills = self.touches[from..].iter().filter(|touch| touch.what == Deed::Fill);
        let texts = fills.filter_map(|touch| touch.text.clone()).filter(|text| text.trim().len() > 3);
        texts
            .map(|text| serde_json::to_string(text.trim()).unwrap_or_default().trim_matches('"').to_owned())
            .collect()
    }
}

impl Page {
    /// Records from the next document on.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn record(&self, tasks: &Tasks) -> Result<Recording, BrowserError> {
        let tape =
            Tape { touches: Vec::new(), exchanges: Vec::new(), sockets: Vec::new(), last: Instant::now() };
        let recording = Recording(Arc::new(Mutex::new(tape)));
        let events = futures::stream::select_all([
            self.heard(Event::Touch).await?,
            self.heard(Event::Request).await?,
            self.heard(Event::Response).await?,
            self.heard(Event::Message).await?,
            self.heard(Event::Socket).await?,
            self.heard(|event: Arc<EventLoadingFinished>| Event::Finished(event.request_id.clone())).await?,
            self.heard(|event: Arc<EventLoadingFailed>| Event::Finished(event.request_id.clone())).await?,
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

    async fn heard<E: chromiumoxide::cdp::IntoEventKind + Unpin>(
        &self,
        event: impl Fn(Arc<E>) -> Event + Send + 'static,
    ) -> Result<BoxStream<'static, Event>, BrowserError> {
        let listener =
            within(self.gone(), CALL_LIMIT, "a subscription", self.cdp().event_listener::<E>()).await?;
        Ok(listener.map(event).boxed())
    }

    fn listener(&self) -> Listener {
        Listener { page: self.cdp().clone(), gone: self.gone().clone() }
    }
}

/// What reading bodies needs of the page; keeps no page open.
#[derive(Clone)]
struct Listener {
    page: chromiumoxide::Page,
    gone: tokio_util::sync::CancellationToken,
}

async fn listen(
    listener: Listener,
    recording: Recording,
    mut events: futures::stream::SelectAll<BoxStream<'static, Event>>,
) {
    loop {
        let event = tokio::select! {
            () = listener.gone.cancelled() => return,
            event = events.next() => event,
        };
        match event {
            Some(Event::Touch(event)) if event.name == BINDING => recording.touch(&event.payload),
            Some(Event::Touch(_)) => {}
            Some(Event::Request(event)) => {
                recording.request(&event);
                if event.request.has_post_data == Some(true) {
                    listener.read_request(&recording, &event.request_id).await;
                }
            }
            Some(Event::Response(event)) => recording.change(&event.request_id, |exchange| {
                exchange.status = u16::try_from(event.response.status).ok();
                exchange.content_type = event.response.mime_type.to_lowercase();
            }),
            Some(Event::Message(event)) => recording.change(&event.request_id, |exchange| {
                let name = if event.event_name.is_empty() { "message" } else { &event.event_name };
                let block = format!("event: {name}\ndata: {}\n\n", event.data.replace('\n', "\ndata: "));
                let answer = exchange.answer.get_or_insert_default();
                if answer.len() < LONGEST_BODY {
                    answer.push_str(&block);
                }
            }),
            Some(Event::Socket(event)) => {
                if let Ok(url) = event.url.parse() {
                    recording.tape().sockets.push(url);
                }
            }
            Some(Event::Finished(id)) => listener.read_answer(&recording, &id).await,
            None => return,
        }
    }
}

impl Listener {
    async fn read_request(&self, recording: &Recording, id: &RequestId) {
        let read = self.page.execute(GetRequestPostDataParams::new(id.clone()));
        if let Ok(body) = within(&self.gone, CALL_LIMIT, "Network.getRequestPostData", read).await {
            recording.keep_body(id, body.result.post_data);
        }
    }

    async fn read_answer(&self, recording: &Recording, id: &RequestId) {
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
            exchange.answer =
                text.filter(|text| text.len() < LONGEST_BODY).or_else(|| exchange.answer.take());
        });
    }
}
