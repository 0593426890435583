//! `POST /v1/responses`: OpenAI's Responses API, without anything that is kept.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};

use super::{
    auth::{AdmissionPermit, AuthorizedClient},
    encoder::{self, Surface},
    error::ApiError,
    json::{session, whole_body},
    sse::{self, AnswerRoute},
    via::ClientPath,
};
use crate::{
    openai::request::ChatRequest,
    responses::{
        answer::{ItemFactory, Response as Answer, ResponseHead},
        request::ResponsesRequest,
        stream::ResponseEncoder,
    },
    serving::ResumableTurn,
    state::AppState,
};

/// Answers a request, as a stream or whole.
pub(super) async fn create(State(app): State<AppState>, request: Request) -> Response {
    answer(&app, request).await.unwrap_or_else(ApiError::into_responses)
}

async fn answer(app: &AppState, request: Request) -> Result<Response, ApiError> {
    let via = *request.extensions().get::<ClientPath>().unwrap_or(&ClientPath::Direct);
    let (client, place, ResponsesRequest { request, encrypted }) = read(app, request).await?;
    let (stream, model) = (request.stream, request.model.clone());
    let serving = ResumableTurn::open(Arc::clone(&app.serving), client.digest, client.scope, request);
    if stream {
        let words = move |head: &encoder::AnswerHead<'_>| {
            let (id, minted) = ids(head.id);
            let head = ResponseHead { id: &id, created: head.created, model: head.model };
            Surface::Responses(Box::new(ResponseEncoder::new(head, ItemFactory::new(minted, encrypted))))
        };
        return sse::answer(app, serving, words, AnswerRoute { via, model, place }).await;
    }
    let mut serving = Box::pin(serving).await?;
    let (id, minted) = ids(&serving.id);
    let maker = ItemFactory::new(minted, encrypted);
    let (created, model) = (serving.created, serving.model.clone());
    let head = ResponseHead { id: &id, created, model: &model };
    let (said, ending) = serving.collect().await?;
    let items = maker.items(&said);
    let body = Answer::ended(head, &items, ending.end.finish, ending.usage);
    Ok(Json(body).into_response())
}

/// An answer's id, as responses write it, and what the ids of its items are made of.
fn ids(chat: &str) -> (String, &str) {
    let minted = chat.strip_prefix("chatcmpl-").unwrap_or(chat);
    (format!("resp_{minted}"), minted)
}

async fn read(
    app: &AppState,
    request: Request,
) -> Result<(AuthorizedClient, AdmissionPermit, ResponsesRequest), ApiError> {
    let (mut parts, body) = request.into_parts();
    let client = AuthorizedClient::from_request_parts(&mut parts, app).await?;
    let place = AdmissionPermit::from_request_parts(&mut parts, app).await?;
    let session = session(&parts.headers);
    let body = whole_body(Request::from_parts(parts, body), app).await?;
    let ResponsesRequest { request, encrypted } =
        ResponsesRequest::parse(&body).map_err(|invalid| ApiError::Invalid(invalid.0))?;
    let session = session.or(request.session);
    Ok((client, place, ResponsesRequest { request: ChatRequest { session, ..request }, encrypted }))
}
