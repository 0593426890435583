//! What was recorded until the answer was complete, and the question in it.

use url::Url;

use crate::browser::{RecordedExchange, RecordedTraffic, UserEvent};

/// What is known of the browser when the answer is complete.
pub(crate) struct RecordedAnswer<'a> {
    /// What was recorded.
    pub(crate) tape: &'a RecordedTraffic,
    /// Where the site is.
    pub(crate) base_url: &'a Url,
    /// Names of the cookies that came with the sign-in, and their values.
    pub(crate) cookies: &'a [(String, secrecy::SecretString)],
    /// `localStorage` of the site.
    pub(crate) local: &'a [(String, secrecy::SecretString)],
    /// `sessionStorage` of the site.
    pub(crate) session: &'a [(String, secrecy::SecretString)],
    /// What the page showed at the end.
    pub(crate) shown: &'a str,
}

/// The question, and the request that asks it.
pub(super) struct RecordedQuestion<'a> {
    pub(super) event: &'a UserEvent,
    pub(super) text: String,
    pub(super) exchange: &'a RecordedExchange,
}

/// A path of the site with its query; `None` for another origin or another base.
pub(super) fn path<'u>(base_url: &Url, url: &'u Url) -> Option<&'u str> {
    let base = base_url.as_str().trim_end_matches('/');
    url.as_str().strip_prefix(base).filter(|path| path.starts_with('/'))
}
