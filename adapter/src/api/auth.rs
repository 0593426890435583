//! Who may come in: whoever has a shared secret, while there is room. Users and their keys are the gateway's business.

use std::sync::Arc;

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use sha2::{Digest, Sha256};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::error::ApiError;
use crate::{
    config::SecretGrant,
    connection::ClientConnection,
    openai::request::ChatRequest,
    scope::AccountScope,
    serving::{ResponseShelf, ResumableTurn, ServingContext},
    state::AppState,
    turn::TurnError,
};

/// Proof that the request bears a shared secret, and what that one may use.
#[derive(Clone)]
pub(super) struct AuthorizedClient {
    /// The digest of the secret, and of the user where a request chooses one. Known here alone: no turn begins without it, and so without a place.
    digest: [u8; 32],
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
        let admitted = secrets.find_map(|secret| app.secrets.admit(secret).map(|grant| (secret, grant)));
        let Some((secret, grant)) = admitted else {
            app.metrics.refused.inc();
            app.refusals.note();
            return Err(ApiError::Unauthorized);
        };
        if let Some(ConnectInfo(ClientConnection(auth))) = parts.extensions.get() {
            auth.authenticate();
        }
        let mut digest = Sha256::new_with_prefix(secret);
        let scope = match (grant, chosen(&parts.headers)?) {
            (SecretGrant::Scope(scope), None) => scope,
            (SecretGrant::Scope(_), Some(_)) => {
                return Err(ApiError::Invalid(format!("{USER}: this key does not let a request choose")));
            }
            (SecretGrant::Chosen, None) => {
                return Err(ApiError::Invalid(format!("{USER}: missing, expected {CHOICE}")));
            }
            (SecretGrant::Chosen, Some(scope)) => {
                // Each scope has queues of its own: there are as many as there are pools and accounts.
                if !app.pool.directory().has_any(&scope) {
                    return Err(ApiError::Invalid(format!("{USER}: there is no such pool or account")));
                }
                // What one user was answered is no other's, though all have one secret.
                digest.update([0]);
                digest.update(scope.key());
                scope
            }
        };
        Ok(Self { digest: digest.finalize().into(), scope })
    }
}

/// Whose accounts a request uses, where its secret lets it choose.
const USER: &str = "X-Latchkey-User";
const CHOICE: &str = "pool=NAME or account=ID";

fn chosen(headers: &HeaderMap) -> Result<Option<AccountScope>, ApiError> {
    let mut values = headers.get_all(USER).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    let scope = value.to_str().ok().filter(|_| second.is_none()).and_then(AccountScope::chosen);
    scope.map(Some).ok_or_else(|| ApiError::Invalid(format!("{USER}: expected {CHOICE}")))
}

impl AuthorizedClient {
    /// Takes a place for one answer.
    ///
    /// # Errors
    /// When there are as many answers as there is room for.
    pub(super) fn enter(self, app: &AppState) -> Result<AdmittedClient, ApiError> {
        Ok(AdmittedClient { permit: AdmissionPermit::take(app)?, client: self })
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
    fn take(app: &AppState) -> Result<Self, ApiError> {
        let permit = app.admission.try_acquire().ok_or(ApiError::Full)?;
        Ok(Self { since: Instant::now(), _permit: permit })
    }
}

/// A client with a place for one answer.
pub(super) struct AdmittedClient {
    client: AuthorizedClient,
    permit: AdmissionPermit,
}

impl AdmittedClient {
    /// Lets a client in.
    ///
    /// # Errors
    /// Without a shared secret, or when there are as many answers as there is room for.
    pub(super) async fn admit(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        AuthorizedClient::from_request_parts(parts, app).await?.enter(app)
    }

    /// What it was answered lately.
    pub(super) fn shelf(&self, context: &Arc<ServingContext>) -> ResponseShelf {
        ResponseShelf::new(Arc::clone(context), self.client.digest)
    }

    /// Begins to serve a turn; the place is held as long as its answer lasts.
    pub(super) fn open(
        self,
        context: &Arc<ServingContext>,
        request: ChatRequest,
    ) -> (AdmissionPermit, impl Future<Output = Result<ResumableTurn, TurnError>> + Send + 'static) {
        let AuthorizedClient { digest, scope } = self.client;
        (self.permit, ResumableTurn::open(Arc::clone(context), digest, scope, request))
    }
}
