//! `POST /v1/responses`: OpenAI's Responses API, without anything that is kept.

use axum::{
    Json,
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};

use super::{
    auth::Client,
    error::ApiError,
    json::{session, whole_body},
    sse,
};
use crate::{
    openai::request::ChatRequest,
    responses::{
        answer::{self, Head, Maker},
        request::Asked,
    },
    state::AppState,
    stream::response::ResponseEvents,
    turn,
};

/// Answers a request, as a stream or whole.
pub(super) async fn create(State(app): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let Asked { request, encrypted } = read(&app, request).await?;
    let stream = request.stream;
    let mut turn = Box::pin(turn::open(&app, request)).await?;
    let minted = turn.id.replacen("chatcmpl-", "", 1);
    let maker = Maker::new(&minted, encrypted);
    let (id, created, model) = (format!("resp_{minted}"), turn.created, turn.model.clone());
    let head = Head { id: &id, created, model: &model };
    if stream {
        let events = Box::new(ResponseEvents::new(head, maker));
        return Ok(sse::answer(turn, sse::Encoder::Responses(events), &app).await?);
    }
    let (said, ending) = turn.collect().await?;
    let items = maker.items(&said);
    let body = answer::Response::ended(head, &items, ending.end.finish, ending.usage);
    Ok(Json(body).into_response())
}

async fn read(app: &AppState, request: Request) -> Result<Asked, ApiError> {
    let (mut parts, body) = request.into_parts();
    Client::from_request_parts(&mut parts, app).await?;
    let session = session(&parts.headers);
    let body = whole_body(Request::from_parts(parts, body), app).await?;
    let Asked { request, encrypted } = Asked::parse(&body).map_err(|invalid| ApiError::Invalid(invalid.0))?;
    let session = session.or(request.session);
    Ok(Asked { request: ChatRequest { session, ..request }, encrypted })
}
