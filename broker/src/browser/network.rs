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

/// What is worth keeping of one page's traffic.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Answers are kept of these origins only.
    pub origins: Vec<Origin>,
    /// The `Authorization` header is kept of requests to URLs that start so.
    pub authorization: Option<Url>,
    /// The body is kept of the answer from this URL (its query does not count).
    pub body: Option<Url>,
}

/// One answer from an origin that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Path of the request, without query.
    pub path: String,
    /// Status of the answer.
    pub status: u16,
}

/// The page's traffic so far.
pub struct Network {
    watch: Watch,
    main_frame: String,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    answers: VecDeque<Answer>,
    /// Answers from anywhere, those that are not kept too.
    heard: u64,
    bearer: Option<SecretString>,
    body: Option<SecretString>,
    document: Document,
}

/// The last document that the main frame was to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    request: Option<String>,
    /// Status of its answer.
    pub status: Option<u16>,
    /// Why it could not be had: a `net::ERR_` name.
    pub error: Option<String>,
}

impl Network {
    pub(super) fn new(watch: Watch, main_frame: String) -> Self {
        Self { watch, main_frame, seen: Mutex::default() }
    }

    /// Whether an answer came from one of the paths, with one of the statuses; an empty list is any.
    #[must_use]
    pub fn answered(&self, paths: &[&str], statuses: &[u16]) -> bool {
        let fits = |answer: &Answer| {
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
    pub fn document(&self) -> Document {
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
            let request = Some(event.request_id.inner().clone());
            self.seen().document = Document { request, status: None, error: None };
        }
    }

    pub(super) fn response(&self, event: &EventResponseReceived) {
        if event.r#type == ResourceType::Preflight {
            return;
        }
        self.answer(&event.response);
        let mut seen = self.seen();
        if seen.document.is(&event.request_id) {
            seen.document.status = u16::try_from(event.response.status).ok();
        }
    }

    pub(super) fn failed(&self, event: &EventLoadingFailed) {
        let mut seen = self.seen();
        // A navigation that another one overtook is aborted, which is no failure.
        if seen.document.is(&event.request_id) && event.error_text != "net::ERR_ABORTED" {
            seen.document.error = Some(event.error_text.clone());
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
        seen.answers.push_back(Answer { path: url.path().to_owned(), status });
    }

    fn token(&self, event: &EventRequestWillBeSent) -> Option<SecretString> {
        let prefix = self.watch.authorization.as_ref()?;
        let url: Url = event.request.url.parse().ok()?;
        if url.origin() != prefix.origin() || !url.path().starts_with(prefix.path()) {
            return None;
        }
        bearer(event.request.headers.inner())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Document {
    /// Whether its answer is still to come.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.request.is_some() && self.status.is_none() && self.error.is_none()
    }

    fn is(&self, request: &RequestId) -> bool {
        self.request.as_ref() == Some(request.inner())
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

    #[test]
    fn an_answer_is_found_by_path_and_status() {
        let network = Network::new(Watch::default(), "main".to_owned());
        network.seen().answers.push_back(Answer { path: "/signin".to_owned(), status: 400 });

        assert!(network.answered(&["/signin"], &[]));
        assert!(network.answered(&["/app/signin", "/signin"], &[400, 401]));
        assert!(!network.answered(&["/signin"], &[200]));
        assert!(!network.answered(&["/sign"], &[]));
    }
}
