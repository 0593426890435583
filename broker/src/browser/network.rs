//! What a page asked the network for and what it got, as far as a recipe may want to know. Bounded.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chromiumoxide::cdp::browser_protocol::network::{
    EventLoadingFailed, EventRequestWillBeSent, EventResponseReceived, RequestId, ResourceType, Response,
};
use secrecy::SecretString;
use url::{Origin, Url};

/// Answers kept; a login page makes some dozens.
const MAX_ANSWERS: usize = 1000;
/// Ends of documents kept whose requests were not heard yet; they are a moment behind.
const MAX_EARLY: usize = 32;

/// What is worth keeping of one page's traffic.
#[derive(Clone, Debug, Default)]
pub struct TrafficFilter {
    /// Answers are kept of these origins only.
    pub origins: Vec<Origin>,
    /// The `Authorization` header is kept of requests to URLs that start so.
    pub authorization: Option<Url>,
    /// The body is kept of the answer from this URL (its query does not count).
    pub body: Option<Url>,
}

/// One answer from an origin that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedAnswer {
    /// Path of the request, without query.
    pub path: String,
    /// Status of the answer.
    pub status: u16,
}

/// The page's traffic so far.
pub struct PageTraffic {
    watch: TrafficFilter,
    main_frame: String,
    seen: Mutex<TrafficLog>,
}

#[derive(Default)]
struct TrafficLog {
    answers: VecDeque<WatchedAnswer>,
    /// Answers from anywhere, those that are not kept too.
    heard: u64,
    bearer: Option<SecretString>,
    body: Option<SecretString>,
    document: MainDocument,
    /// How documents ended that are not the one shown. Each kind of event comes over a channel of its own, so that an
    /// answer may be heard before its request.
    early: VecDeque<(RequestId, DocumentEnd)>,
}

/// How the request of a document ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum DocumentEnd {
    Answered(i64),
    Failed(String),
}

/// The last document that the main frame was to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MainDocument {
    request: Option<RequestId>,
    /// Status of its answer.
    pub status: Option<u16>,
    /// Why it could not be had: a `net::ERR_` name.
    pub error: Option<String>,
    /// It was given up, by the page or for another one: no answer comes.
    is_aborted: bool,
}

impl PageTraffic {
    pub(super) fn new(watch: TrafficFilter, main_frame: String) -> Self {
        Self { watch, main_frame, seen: Mutex::default() }
    }

    /// Whether an answer came from one of the paths, with one of the statuses; an empty list is any.
    #[must_use]
    pub fn answered(&self, paths: &[&str], statuses: &[u16]) -> bool {
        let fits = |answer: &WatchedAnswer| {
            paths.contains(&answer.path.as_str())
                && (statuses.is_empty() || statuses.contains(&answer.status))
        };
        self.seen().answers.iter().any(fits)
    }

    /// The last `Bearer` token that the page sent where it is watched.
    #[must_use]
    pub fn bearer(&self) -> Option<SecretString> {
        self.seen().bearer.clone()
    }

    /// The last body from the URL that is watched.
    #[must_use]
    pub fn body(&self) -> Option<SecretString> {
        self.seen().body.clone()
    }

    /// How the main document fared.
    #[must_use]
    pub fn document(&self) -> MainDocument {
        self.seen().document.clone()
    }

    /// How many answers came so far, from anywhere.
    #[must_use]
    pub fn heard(&self) -> u64 {
        self.seen().heard
    }

    /// The URL whose answers are held until their body is read.
    pub(super) fn body_url(&self) -> Option<&Url> {
        self.watch.body.as_ref()
    }

    pub(super) fn keep_body(&self, body: String) {
        self.seen().body = Some(body.into());
    }

    pub(super) fn request(&self, event: &EventRequestWillBeSent) {
        if let Some(redirect) = &event.redirect_response {
            self.answer(redirect);
        }
        if let Some(token) = self.token(event) {
            self.seen().bearer = Some(token);
        }
        let in_main_frame = event.frame_id.as_ref().is_some_and(|frame| frame.as_ref() == self.main_frame);
        if in_main_frame && event.r#type == Some(ResourceType::Document) {
            self.seen().show(&event.request_id);
        }
    }

    pub(super) fn response(&self, event: &EventResponseReceived) {
        if event.r#type == ResourceType::Preflight {
            return;
        }
        self.answer(&event.response);
        if event.r#type == ResourceType::Document {
            self.seen().end(&event.request_id, DocumentEnd::Answered(event.response.status));
        }
    }

    pub(super) fn failed(&self, event: &EventLoadingFailed) {
        if event.r#type == ResourceType::Document {
            self.seen().end(&event.request_id, DocumentEnd::Failed(event.error_text.clone()));
        }
    }

    fn answer(&self, response: &Response) {
        self.seen().heard += 1;
        let Ok(url) = response.url.parse::<Url>() else { return };
        let Ok(status) = u16::try_from(response.status) else { return };
        if !self.watch.origins.contains(&url.origin()) {
            return;
        }
        let mut seen = self.seen();
        if seen.answers.len() == MAX_ANSWERS {
            seen.answers.pop_front();
        }
        seen.answers.push_back(WatchedAnswer { path: url.path().to_owned(), status });
    }

    fn token(&self, event: &EventRequestWillBeSent) -> Option<SecretString> {
        let prefix = self.watch.authorization.as_ref()?;
        let url: Url = event.request.url.parse().ok()?;
        if url.origin() != prefix.origin() || !url.path().starts_with(prefix.path()) {
            return None;
        }
        bearer(event.request.headers.inner())
    }

    fn seen(&self) -> MutexGuard<'_, TrafficLog> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TrafficLog {
    /// A document is asked for; one that is asked for again was redirected.
    fn show(&mut self, request: &RequestId) {
        if self.document.request.as_ref() == Some(request) {
            return;
        }
        self.document = MainDocument { request: Some(request.clone()), ..MainDocument::default() };
        let (of_it, others) = self.early.drain(..).partition(|(early, _)| early == request);
        self.early = others;
        let of_it: VecDeque<(RequestId, DocumentEnd)> = of_it;
        for (_, end) in of_it {
            self.document.end(end);
        }
    }

    fn end(&mut self, request: &RequestId, end: DocumentEnd) {
        if self.document.request.as_ref() == Some(request) {
            return self.document.end(end);
        }
        if self.early.len() == MAX_EARLY {
            self.early.pop_front();
        }
        self.early.push_back((request.clone(), end));
    }
}

impl MainDocument {
    /// Whether its answer is still to come.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.request.is_some() && self.status.is_none() && self.error.is_none() && !self.is_aborted
    }

    fn end(&mut self, end: DocumentEnd) {
        match end {
            DocumentEnd::Answered(status) => self.status = u16::try_from(status).ok(),
            // A navigation that another one overtook is aborted, which is no failure.
            DocumentEnd::Failed(error) if error == "net::ERR_ABORTED" => self.is_aborted = true,
            DocumentEnd::Failed(error) => self.error = Some(error),
        }
    }
}

/// The token of an `Authorization: Bearer` header.
fn bearer(headers: &serde_json::Value) -> Option<SecretString> {
    let headers = headers.as_object()?;
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let (scheme, token) = value.as_str()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_bearer_token_is_taken_from_authorization() {
        let token = |value: &str| bearer(&json!({ "authorization": value }));

        assert_eq!(token("bearer abc").unwrap().expose_secret(), "abc");
        assert!(token("Basic abc").is_none());
        assert!(bearer(&json!({ "cookie": "a=b" })).is_none());
    }

    fn told(events: &[(char, serde_json::Value)]) -> MainDocument {
        let network = PageTraffic::new(TrafficFilter::default(), "main".to_owned());
        for (kind, event) in events {
            let event = event.clone();
            match kind {
                'q' => network.request(&serde_json::from_value(event).unwrap()),
                'a' => network.response(&serde_json::from_value(event).unwrap()),
                _ => network.failed(&serde_json::from_value(event).unwrap()),
            }
        }
        network.document()
    }

    fn asked(id: &str) -> (char, serde_json::Value) {
        let request = json!({"url": "http://site.example/", "method": "GET", "headers": {},
            "initialPriority": "VeryHigh", "referrerPolicy": "no-referrer"});
        let event = json!({"requestId": id, "loaderId": id, "documentURL": "http://site.example/", "request": request,
            "timestamp": 1.0, "wallTime": 1.0, "initiator": {"type": "other"}, "redirectHasExtraInfo": false,
            "type": "Document", "frameId": "main"});
        ('q', event)
    }

    fn answered(id: &str, status: u16) -> (char, serde_json::Value) {
        let response = json!({"url": "http://site.example/", "status": status, "statusText": "", "headers": {},
            "mimeType": "text/html", "charset": "", "connectionReused": false, "connectionId": 1.0,
            "encodedDataLength": 1.0, "securityState": "neutral"});
        let event = json!({"requestId": id, "loaderId": id, "timestamp": 1.0, "type": "Document", "response": response,
            "hasExtraInfo": false, "frameId": "main"});
        ('a', event)
    }

    fn failed(id: &str, error: &str) -> (char, serde_json::Value) {
        ('f', json!({"requestId": id, "timestamp": 1.0, "type": "Document", "errorText": error}))
    }

    /// All ways in which the events of three channels may be heard, each channel in its own order.
    fn interleaved(
        channels: &[&[(char, serde_json::Value)]],
        heard: &[(char, serde_json::Value)],
        check: &mut impl FnMut(&[(char, serde_json::Value)]),
    ) {
        if channels.iter().all(|channel| channel.is_empty()) {
            return check(heard);
        }
        for at in 0..channels.len() {
            let Some((first, rest)) = channels[at].split_first() else { continue };
            let mut channels = channels.to_vec();
            channels[at] = rest;
            interleaved(&channels, &[heard, std::slice::from_ref(first)].concat(), check);
        }
    }

    #[test]
    fn a_document_fares_the_same_in_whatever_order_its_events_are_heard() {
        // One is overtaken, one is redirected and answered.
        let requests = [asked("1"), asked("2"), asked("2")];
        let mut ways = 0;
        interleaved(
            &[&requests, &[answered("2", 200)], &[failed("1", "net::ERR_ABORTED")]],
            &[],
            &mut |events| {
                let document = told(events);
                assert_eq!((document.status, document.is_awaited()), (Some(200), false), "{events:?}");
                ways += 1;
            },
        );
        interleaved(
            &[&requests, &[answered("1", 302)], &[failed("2", "net::ERR_FAILED")]],
            &[],
            &mut |events| {
                let document = told(events);
                assert_eq!(
                    (document.status, document.error.as_deref()),
                    (None, Some("net::ERR_FAILED")),
                    "{events:?}"
                );
                ways += 1;
            },
        );
        assert_eq!(ways, 40);
        assert!(told(&requests).is_awaited());
        assert!(!told(&[asked("1"), failed("1", "net::ERR_ABORTED")]).is_awaited(), "nothing comes any more");
    }

    #[test]
    fn an_answer_is_found_by_path_and_status() {
        let network = PageTraffic::new(TrafficFilter::default(), "main".to_owned());
        network.seen().answers.push_back(WatchedAnswer { path: "/signin".to_owned(), status: 400 });

        assert!(network.answered(&["/signin"], &[]));
        assert!(network.answered(&["/app/signin", "/signin"], &[400, 401]));
        assert!(!network.answered(&["/signin"], &[200]));
        assert!(!network.answered(&["/sign"], &[]));
    }
}
