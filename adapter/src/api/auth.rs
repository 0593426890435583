//! Who may come in: whoever has a shared secret. Users and their keys are the gateway's business.

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};

use sha2::{Digest, Sha256};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::error::ApiError;
use crate::{scope::AccountScope, state::AppState};

/// Proof that the request bears a shared secret, and what that one may use.
#[derive(Clone)]
pub(super) struct AuthorizedClient {
    /// The secret's digest.
    pub digest: [u8; 32],
    /// The accounts.
    pub scope: AccountScope,
}

impl FromRequestParts<AppState> for AuthorizedClient {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = header(AUTHORIZATION.as_str())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret);
        // As Anthropic's SDKs send it; either will do.
        let mut secrets = bearer.into_iter().chain(header("x-api-key")).map(str::trim);
        let admitted = secrets.find_map(|secret| app.secrets.admit(secret).map(|scope| (secret, scope)));
        let Some((secret, scope)) = admitted else {
            app.metrics.refused.inc();
            app.refusals.note();
            return Err(ApiError::Unauthorized);
        };
        Ok(Self { digest: Sha256::digest(secret).into(), scope })
    }
}

/// The place of one answer; dropped, it is free. Taken after the secret was looked at and before the body is read.
#[derive(Debug)]
pub(super) struct AdmissionPermit {
    /// When the request came, whose body may be long in coming.
    pub since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl AdmissionPermit {
    /// Takes a place, if there is one.
    ///
    /// # Errors
    /// When there are as many answers as there is room for.
    pub(super) fn take(app: &AppState) -> Result<Self, ApiError> {
        let permit = app.room.try_acquire().ok_or(ApiError::Full)?;
        Ok(Self { since: Instant::now(), _permit: permit })
    }
}
