//! Who may come in: whoever has a shared secret. Users and their keys are the gateway's business.

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};

use super::error::ApiError;
use crate::state::AppState;

/// Proof that the request bears a shared secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client;

impl FromRequestParts<AppState> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let value = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = value
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match bearer {
            Some((_, secret)) if app.secrets.admit(secret.trim()) => Ok(Self),
            _ => Err(ApiError::Unauthorized),
        }
    }
}
