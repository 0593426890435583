//! `POST /v1/responses`: OpenAI's Responses API, without anything that is kept.

use axum::{
    Json,
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};

use super::{
    auth::{Client, Place},
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
    serving::Serving,
    state::AppState,
    stream::response::ResponseEvents,
};

/// Answers a request, as a stream or whole.
pub(super) async fn create(State(app): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (client, place, Asked { request, encrypted }) = read(&app, request).await?;
    let stream = request.stream;
    let mut serving = Box::pin(Serving::open(&app, &client.digest, client.scope, request)).await?;
    let minted = serving.id.replacen("chatcmpl-", "", 1);
    let maker = Maker::new(&minted, encrypted);
    let (id, created, model) = (format!("resp_{minted}"), serving.created, serving.model.clone());
    let head = Head { id: &id, created, model: &model };
    if stream {
        let events = Box::new(ResponseEvents::new(head, maker));
        return Ok(sse::answer(serving, sse::Encoder::Responses(events), place, &app).await?);
    }
    let (said, ending) = serving.collect().await?;
    let items = maker.items(&said);
    let body = answer::Response::ended(head, &items, ending.end.finish, ending.usage);
    Ok(Json(body).into_response())
}

async fn read(app: &AppState, request: Request) -> Result<(Client, Place, Asked), ApiError> {
    let (mut parts, body) = request.into_parts();
    let client = Client::from_request_parts(&mut parts, app).await?;
    let place = Place::from_request_parts(&mut parts, app).await?;
    let session = session(&parts.headers);
    let body = whole_body(Request::from_parts(parts, body), app).await?;
    let Asked { request, encrypted } = Asked::parse(&body).map_err(|invalid| ApiError::Invalid(invalid.0))?;
    let session = session.or(request.session);
    Ok((client, place, Asked { request: ChatRequest { session, ..request }, encrypted }))
}
