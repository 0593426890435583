//! The headers of a session.

use latchkey_shared::session::Session;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, USER_AGENT};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::stream::fault::Fault;

/// What makes a request one of the signed-in browser.
pub(super) fn of(session: &Session, url: &Url) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    if let Some(cookies) = session.cookie_header(url) {
        headers.insert(COOKIE, sensitive(&cookies)?);
    }
    if let Some(bearer) = &session.bearer {
        let value = SecretString::from(format!("Bearer {}", bearer.expose_secret()));
        headers.insert(AUTHORIZATION, sensitive(&value)?);
    }
    if let Ok(user_agent) = HeaderValue::from_str(&session.user_agent) {
        headers.insert(USER_AGENT, user_agent);
    }
    Ok(headers)
}

/// A header value that is never shown. A session that cannot be sent is as good as dead.
pub(super) fn sensitive(text: &SecretString) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| Fault::SessionDead)?;
    value.set_sensitive(true);
    Ok(value)
}
