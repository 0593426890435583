//! A request's body, whole, unpacked and within its limit.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, to_bytes},
    http::HeaderMap,
};
use http_body_util::LengthLimitError;
use tokio::{task::spawn_blocking, time::timeout};

use super::{decoding::BodyEncoding, error::ApiError};
use crate::{conversation::SESSION_HEADERS, recorder, state::AppState};

/// A gateway sends what it has; only a broken one takes longer.
const ARRIVAL: Duration = Duration::from_secs(60);
/// Clients send a UUID or an id like it.
const LONGEST_SESSION: usize = 200;

/// The bytes of a request.
///
/// # Errors
/// When they are too many, packed in a way that is not known, or do not arrive in time.
pub(super) async fn whole_body(body: Body, headers: &HeaderMap, app: &AppState) -> Result<Bytes, ApiError> {
    let limit = app.body_limit;
    let encoding = BodyEncoding::of(headers)?;
    let body = timeout(ARRIVAL, to_bytes(body, limit)).await;
    let body = body.map_err(|_| ApiError::Invalid("the body did not arrive in time".to_owned()))?;
    let body = body.map_err(|error| match error.into_inner().is::<LengthLimitError>() {
        true => ApiError::BodyTooLong { limit },
        false => ApiError::Invalid("the body was cut off".to_owned()),
    })?;
    let body = match encoding {
        // On a thread for blocking work: a long body takes a while.
        Some(encoding) => {
            spawn_blocking(move || encoding.unpack(&body, limit)).await.map_err(|_| ApiError::Bug)??
        }
        None => body,
    };
    if let Some(tape) = recorder::tape() {
        tape.request(&body);
    }
    Ok(body)
}

/// How the client tells this conversation from its others, if it says so and is brief.
pub(super) fn session(headers: &HeaderMap) -> Option<String> {
    let found = SESSION_HEADERS.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    found.filter(|session| (1..=LONGEST_SESSION).contains(&session.len())).map(str::to_owned)
}
