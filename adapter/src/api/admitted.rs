//! What a handler of a client's API gets: a request whose secret was looked at, which has a place, and whose body was
//! read, in this order.
//!
//! There is no other way to a turn: an API that forgets to look at the secret, or at the room that is left, cannot ask.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::HeaderMap,
    response::IntoResponse,
};

use super::{
    auth::{AdmissionPermit, AuthorizedClient},
    body::whole_body,
    error::ApiError,
    via::ClientPath,
};
use crate::{
    openai::request::{ChatRequest, InvalidRequest},
    serving::{ResumableTurn, ServingContext},
    state::AppState,
    turn::TurnError,
};

/// A request of a client's API.
pub(super) trait ApiRequest: Sized {
    /// How its clients are told of errors.
    type Error: From<ApiError> + IntoResponse;

    /// Reads a body.
    ///
    /// # Errors
    /// Where the body is wrong.
    fn read(body: &[u8], headers: &HeaderMap) -> Result<Self, InvalidRequest>;
}

/// A request that was let in.
pub(super) struct AdmittedRequest<R> {
    /// What is asked.
    pub request: R,
    /// What came with it.
    pub headers: HeaderMap,
    /// By which way it came.
    pub via: ClientPath,
    /// Who asks, and where.
    pub entry: AdmittedClient,
}

/// A client with a place for one answer.
pub(super) struct AdmittedClient {
    client: AuthorizedClient,
    place: AdmissionPermit,
}

impl AdmittedClient {
    /// Begins to serve a turn; the place is held as long as its answer lasts.
    pub(super) fn open(
        self,
        context: &Arc<ServingContext>,
        request: ChatRequest,
    ) -> (AdmissionPermit, impl Future<Output = Result<ResumableTurn, TurnError>> + Send + 'static) {
        let AuthorizedClient { digest, scope } = self.client;
        (self.place, ResumableTurn::open(Arc::clone(context), digest, scope, request))
    }
}

impl<R: ApiRequest> FromRequest<AppState> for AdmittedRequest<R> {
    type Rejection = R::Error;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, R::Error> {
        Ok(admit(request, app).await?)
    }
}

async fn admit<R: ApiRequest>(request: Request, app: &AppState) -> Result<AdmittedRequest<R>, ApiError> {
    let (mut parts, body) = request.into_parts();
    let client = AuthorizedClient::from_request_parts(&mut parts, app).await?;
    let place = AdmissionPermit::take(app)?;
    let via = parts.extensions.get().copied().unwrap_or(ClientPath::Direct);
    let body = whole_body(body, app).await?;
    let request = R::read(&body, &parts.headers).map_err(|invalid| ApiError::Invalid(invalid.0))?;
    Ok(AdmittedRequest { request, headers: parts.headers, via, entry: AdmittedClient { client, place } })
}
