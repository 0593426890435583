//! `GET /v1/responses`: responses over a WebSocket, one after the other.
//!
//! Facts: OpenAI's guide to its WebSocket mode, and Codex 0.171 (2026-11): `response.create` is a request without `stream`,
//! each event of the stream is one text, an `error` has the status that a request would have. A connection knows the last
//! response, ends within an hour, and takes the next request when the last one is over. `generate: false` only brings what
//! the next request goes on with, and Codex begins with one.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    auth::AuthorizedClient, body::session, error::ApiError, request_id::RequestId, responses::ResponsesError,
    via::ClientPath,
};
use crate::{state::AppState, stream::fault::Fault};

mod conversation;
mod end;
mod event;
mod handshake;
mod served;

use handshake::Handshake;
use served::{ServedSocket, SocketClient};

/// Opens a socket for a client that has shown a secret.
pub(super) async fn open(State(app): State<AppState>, request: Request) -> Result<Response, ResponsesError> {
    let (mut parts, _) = request.into_parts();
    let client = AuthorizedClient::from_request_parts(&mut parts, &app).await?;
    let Handshake { accept, upgrade } = Handshake::of(&mut parts).ok_or(ApiError::NoSocket)?;
    let sockets = app.sockets.clone();
    if sockets.draining().is_cancelled() {
        return Err(ApiError::Fault(Fault::ShuttingDown).into());
    }
    if sockets.is_full() {
        return Err(ApiError::Full.into());
    }
    let opened_by = SocketClient {
        client,
        via: parts.extensions.get().copied().unwrap_or(ClientPath::Direct),
        session: session(&parts.headers),
        path: parts.uri.path().to_owned(),
        id: parts.extensions.remove().unwrap_or_else(RequestId::generate),
    };
    sockets.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => ServedSocket::new(app, opened_by, upgraded).await.run().await,
            Err(error) => tracing::debug!(%error, "a client went before its socket was open"),
        }
    });
    let headers = HeaderMap::from_iter([
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ]);
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}
