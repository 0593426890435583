//! What an answer that is no answer means: a dead session, a limit, a refused request, or trouble of the site's own.

use std::time::Duration;

use latchkey_shared::site::chat::Expired;

use super::wire;
use crate::stream::fault::{Fault, Rejection};

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal<'a> {
    /// The status.
    pub status: u16,
    /// Whether the body is a page for people.
    pub is_html: bool,
    /// The wait that the site asks for.
    pub retry_after: Option<Duration>,
    /// The beginning of the body.
    pub body: &'a [u8],
}

impl Refusal<'_> {
    /// Decides what it means.
    pub(super) fn fault(self, expired: &Expired) -> Fault {
        if self.is_of_the_session(expired) {
            return Fault::SessionDead;
        }
        let words = String::from_utf8_lossy(self.body).to_ascii_lowercase();
        match self.status {
            429 => Fault::RateLimited { retry_after: self.retry_after },
            413 => Fault::Rejected(Rejection::TooLong),
            404 if self.is_html => Fault::Status(404),
            404 => Fault::Rejected(Rejection::Model),
            400 | 422 => Fault::Rejected(wire::rejection(&words).unwrap_or(Rejection::Invalid)),
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
        Refusal { status, is_html, retry_after: None, body: body.as_bytes() }.fault(&expired)
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
