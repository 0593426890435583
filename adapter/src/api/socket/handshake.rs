//! The request that opens a WebSocket (RFC 6455, section 4.2.1).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// What it takes to open the socket.
pub(super) struct Handshake {
    /// What the client's key is answered with.
    pub accept: HeaderValue,
    /// The connection, once the answer is sent.
    pub upgrade: OnUpgrade,
}

impl Handshake {
    /// Reads a request; `None` where it asks for no socket.
    pub(super) fn of(parts: &mut Parts) -> Option<Self> {
        let headers = &parts.headers;
        let is_one = names(headers, &header::UPGRADE, "websocket")
            && names(headers, &header::CONNECTION, "upgrade")
            && names(headers, &header::SEC_WEBSOCKET_VERSION, "13");
        let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_one)?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()?;
        Some(Self { accept, upgrade: parts.extensions.remove()? })
    }
}

/// Whether a header has a word in its list.
fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    let lists = headers.get_all(header).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|named| named.trim().eq_ignore_ascii_case(word))
}
