//! An id for every request: in the answer, in every log line, and taken over from the caller if it is sane. And a
//! connection that has shown no token is closed behind its answer, before its time is over.

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderName, HeaderValue, header::CONNECTION},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;
use ulid::Ulid;

use super::listener::AdminConnection;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) async fn identify(request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = given.filter(|id| is_sane(id)).map_or_else(|| Ulid::generate().to_string(), str::to_owned);
    let span = tracing::info_span!(
        "request",
        request.id = id,
        method = %request.method(),
        path = request.uri().path(),
    );
    let connection = request.extensions().get::<ConnectInfo<AdminConnection>>().cloned();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    if connection.is_some_and(|ConnectInfo(connection)| !connection.auth.is_authenticated()) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether a foreign id may stand in a log: it cannot forge a line there.
fn is_sane(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}
