//! Gives every request an id, in its log lines and on its answer.
//!
//! A gateway stores this header of its upstream, whatever the status: the one hook between its log and ours.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;
use ulid::Ulid;

const HEADER: HeaderName = HeaderName::from_static("x-oneapi-request-id");

/// Runs a request in its span and marks its answer.
pub(super) async fn attach(request: Request, next: Next) -> Response {
    let id = Ulid::generate().to_string();
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
