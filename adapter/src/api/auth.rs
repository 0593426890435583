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
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = header(AUTHORIZATION.as_str())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret);
        // As Anthropic's SDKs send it; either will do.
        let mut secrets = bearer.into_iter().chain(header("x-api-key"));
        if secrets.any(|secret| app.secrets.admit(secret.trim())) {
            Ok(Self)
        } else {
            Err(ApiError::Unauthorized)
        }
    }
}
