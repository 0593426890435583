//! A request's body, whole and within its limit.

use std::time::Duration;

use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
};

use tokio::time::timeout;

use super::error::ApiError;
use crate::{openai::request::ChatRequest, state::AppState};

/// A gateway sends what it has; only a broken one takes longer.
const ARRIVAL: Duration = Duration::from_secs(60);

/// A chat request that can be read.
#[derive(Debug)]
pub(super) struct ApiJson(pub(super) ChatRequest);

impl FromRequest<AppState> for ApiJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let body = timeout(ARRIVAL, to_bytes(request.into_body(), app.body_limit)).await;
        let body = body.map_err(|_| ApiError::Invalid("the body did not arrive in time".to_owned()))?;
        let body = body.map_err(|_| ApiError::BodyTooLong { limit: app.body_limit })?;
        ChatRequest::parse(&body).map(Self).map_err(|invalid| ApiError::Invalid(invalid.0))
    }
}
