//! What an answer that is no answer means: a dead session, a limit, a refused request, or trouble of the site's own.

use std::time::Duration;

use latchkey_shared::site::{
    Site,
    chat::{self, Expired, RefusalMeaning},
};
use reqwest::Response;

use super::http;
use crate::stream::fault::{Fault, Rejection};

/// How much of a refusal is read, and for how long: enough for any JSON that explains it.
const REFUSAL_BYTES: usize = 64 * 1024;
const REFUSAL_TIME: Duration = Duration::from_secs(5);

/// Reads an answer that is none and says what it means.
pub(super) async fn read(response: Response, is_html: bool, site: &Site) -> Fault {
    let status = response.status().as_u16();
    let retry_after = http::retry_after(&response);
    let body = http::beginning(&site.name, response, REFUSAL_BYTES, REFUSAL_TIME).await;
    let declared = declared(&site.chat.refusals, status, retry_after, &body);
    declared.unwrap_or_else(|| {
        RefusedAnswer { status, is_html, retry_after, body: &body }.fault(&site.chat.expired)
    })
}

/// What the site file says that an answer means, if it says anything.
pub(super) fn declared(
    refusals: &[chat::ChatRefusal],
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Option<Fault> {
    let words = String::from_utf8_lossy(&body[..body.len().min(REFUSAL_BYTES)]).to_lowercase();
    let fits = |refusal: &&chat::ChatRefusal| {
        let contains = refusal.contains.as_ref().is_none_or(|part| words.contains(&part.to_lowercase()));
        refusal.status.contains(&status) && contains
    };
    let refusal = refusals.iter().find(fits)?;
    let retry_after = retry_after.or(refusal.retry_after);
    Some(match refusal.means {
        RefusalMeaning::Busy => Fault::Busy { retry_after },
        RefusalMeaning::RateLimited => Fault::RateLimited { retry_after },
        RefusalMeaning::Expired => Fault::SessionDead,
        RefusalMeaning::TooLong => Fault::Rejected(Rejection::TooLong),
        RefusalMeaning::UnknownModel => Fault::Rejected(Rejection::Model),
    })
}

/// What an error inside an answer means. Its words, in lower case, decide and stay here.
pub(super) fn reported(words: &str) -> Fault {
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    match rejection(words) {
        _ if has(&["rate_limit", "rate limit", "too many requests", "\"429\"", ":429", ": 429"]) => {
            Fault::RateLimited { retry_after: None }
        }
        Some(rejection) => Fault::Rejected(rejection),
        None if has(&["api_key", "api key", "auth"]) => Fault::UpstreamError,
        None if has(&["invalid_request"]) => Fault::Rejected(Rejection::Invalid),
        None => Fault::UpstreamError,
    }
}

/// What a refusal of a request means beyond that it is one; `words` are in lower case.
fn rejection(words: &str) -> Option<Rejection> {
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if has(&["context_length", "context length", "context window", "maximum context", "prompt is too long"]) {
        return Some(Rejection::TooLong);
    }
    has(&["model_not_found", "model not found"]).then_some(Rejection::Model)
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
struct RefusedAnswer<'a> {
    /// The status.
    status: u16,
    /// Whether the body is a page for people.
    is_html: bool,
    /// The wait that the site asks for.
    retry_after: Option<Duration>,
    /// The beginning of the body.
    body: &'a [u8],
}

impl RefusedAnswer<'_> {
    /// Decides what it means.
    fn fault(self, expired: &Expired) -> Fault {
        if self.is_of_the_session(expired) {
            return Fault::SessionDead;
        }
        let words = String::from_utf8_lossy(self.body).to_ascii_lowercase();
        match self.status {
            429 => Fault::RateLimited { retry_after: self.retry_after },
            413 => Fault::Rejected(Rejection::TooLong),
            // What stands before the site has waited for it in vain: it has the prompt, and may answer it still.
            504 | 524 => Fault::ResponseTimeout,
            // Who says when to come back is there, and has too much to do.
            502 | 503 | 529 if self.retry_after.is_some() => Fault::Busy { retry_after: self.retry_after },
            404 if self.is_html => Fault::Status(404),
            404 => Fault::Rejected(Rejection::Model),
            400 | 422 => Fault::Rejected(rejection(&words).unwrap_or(Rejection::Invalid)),
            status => Fault::Status(status),
        }
    }

    /// Sites that want a sign-in redirect to it, or answer with its page whatever was asked.
    fn is_of_the_session(self, expired: &Expired) -> bool {
        let listed = expired.status.contains(&self.status);
        let success_or_redirect = (200..400).contains(&self.status);
        let is_page = self.is_html && (success_or_redirect || listed);
        let is_redirect = (300..400).contains(&self.status);
        is_page || is_redirect || (listed && self.has(expired.pointer.as_deref()))
    }

    fn has(self, pointer: Option<&str>) -> bool {
        let Some(pointer) = pointer else { return true };
        let body: Result<serde_json::Value, _> = serde_json::from_slice(self.body);
        body.is_ok_and(|body| body.pointer(pointer).is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn fault(status: u16, is_html: bool, body: &str) -> Fault {
        let expired = Expired { status: BTreeSet::from([401]), pointer: Some("/detail".to_owned()) };
        RefusedAnswer { status, is_html, retry_after: None, body: body.as_bytes() }.fault(&expired)
    }

    #[test]
    fn the_sessions_401_is_told_from_the_models() {
        assert_eq!(fault(401, false, r#"{"detail":"401 Unauthorized"}"#), Fault::SessionDead);
        assert_eq!(fault(401, false, r#"{"error":{"message":"bad key"}}"#), Fault::Status(401));
    }

    #[test]
    fn a_page_or_a_redirect_where_json_is_due_is_a_dead_session() {
        assert_eq!(fault(200, true, "<html>"), Fault::SessionDead);
        assert_eq!(fault(302, false, ""), Fault::SessionDead);
        assert_eq!(fault(401, true, "<html>"), Fault::SessionDead);
        assert_eq!(fault(502, true, "<html>"), Fault::Status(502));
        assert_eq!(fault(404, true, "<html>"), Fault::Status(404));
    }

    #[test]
    fn a_refused_request_says_what_is_wrong_with_it() {
        let too_long = r#"{"error":{"code":"context_length_exceeded"}}"#;

        assert_eq!(fault(400, false, "{}"), Fault::Rejected(Rejection::Invalid));
        assert_eq!(fault(400, false, too_long), Fault::Rejected(Rejection::TooLong));
        assert_eq!(fault(404, false, r#"{"detail":"Model not found"}"#), Fault::Rejected(Rejection::Model));
        assert_eq!(fault(413, false, ""), Fault::Rejected(Rejection::TooLong));
    }
}
