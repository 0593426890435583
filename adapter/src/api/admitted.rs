//! What a handler of a client's API gets: a request whose secret was looked at, which has a place, and whose body was
//! read, in this order.

use axum::{
    extract::{FromRequest, Request},
    http::HeaderMap,
    response::IntoResponse,
};

use super::{auth::AdmittedClient, body::whole_body, error::ApiError, via::ClientPath};
use crate::{openai::request::InvalidRequest, state::AppState};

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
    /// The client, and its place.
    pub entry: AdmittedClient,
}

impl<R: ApiRequest> FromRequest<AppState> for AdmittedRequest<R> {
    type Rejection = R::Error;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, R::Error> {
        Ok(admit(request, app).await?)
    }
}

async fn admit<R: ApiRequest>(request: Request, app: &AppState) -> Result<AdmittedRequest<R>, ApiError> {
    let (mut parts, body) = request.into_parts();
    let entry = AdmittedClient::admit(&mut parts, app).await?;
    let via = parts.extensions.get().copied().unwrap_or(ClientPath::Direct);
    let body = whole_body(body, &parts.headers, app).await?;
    let request = R::read(&body, &parts.headers).map_err(|invalid| ApiError::Invalid(invalid.0))?;
    Ok(AdmittedRequest { request, headers: parts.headers, via, entry })
}
