//! Gives every request an id, in its log lines and on its answer, even if a panic ends it.
//!
//! A gateway stores this header of its upstream, whatever the status: the one hook between its log and ours.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use latchkey_shared::telemetry;
use tracing::Instrument;
use ulid::Ulid;

use super::error::ApiError;
use crate::{recorder, state::AppState};

/// The id of a request, for what outlives it.
#[derive(Clone, Debug)]
pub(super) struct RequestId(String);

impl RequestId {
    /// A new one.
    pub(super) fn generate() -> Self {
        Self(Ulid::generate().to_string())
    }

    /// That of one of several turns: whoever has one finds the other.
    pub(super) fn turn(&self, number: u64) -> String {
        format!("{}.{number}", self.0)
    }
}

const HEADER: HeaderName = HeaderName::from_static("x-oneapi-request-id");

/// Runs a request in its span and marks its answer.
pub(super) async fn attach(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let request_id = RequestId::generate();
    let id = request_id.0.clone();
    request.extensions_mut().insert(request_id);
    let tape = app.recorder.as_ref().map(|recorder| recorder.tape(&id, request.uri().path()));
    // The level of errors, or a log that shows only warnings would show them without their request.
    let span = tracing::error_span!("request", request.id = %id);
    if let Some(parent) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
        telemetry::follow(&span, parent);
    }
    let mut response = recorder::within(tape, answered(next.run(request))).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// Runs a turn in a span of its own, and with a recording.
pub(super) async fn within<T>(app: &AppState, id: &str, path: &str, turn: impl Future<Output = T>) -> T {
    let tape = app.recorder.as_ref().map(|recorder| recorder.tape(id, path));
    let span = tracing::error_span!("request", request.id = %id);
    recorder::within(tape, turn).instrument(span).await
}

/// Makes an answer of a panic: without one a gateway would see a broken connection and no id to look for.
async fn answered(answer: impl Future<Output = Response>) -> Response {
    // What the panic broke is dropped with the request; what requests share is behind locks that forgive it.
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    answer.unwrap_or_else(|_| ApiError::Bug.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered() {
        let response = answered(async { panic!("a bug") }).await;

        assert_eq!(response.status(), 500);
    }
}
