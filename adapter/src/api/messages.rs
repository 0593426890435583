//! `POST /v1/messages` and `/v1/messages/count_tokens`: Anthropic's Messages API.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    auth::{AdmissionPermit, AuthorizedClient},
    encoder::{AnswerHead, Surface},
    error::ApiError,
    json::{session, whole_body},
    sse::{self, AnswerRoute},
    via::ClientPath,
};
use crate::{
    anthropic::answer::Message, openai::request::ChatRequest, serving::ResumableTurn, state::AppState,
    stream::message::MessageEncoder, tokens::TokenCounter,
};

/// Answers a chat, as a stream or whole.
pub(super) async fn create(State(app): State<AppState>, request: Request) -> Response {
    answer(&app, request).await.unwrap_or_else(|error| error.into_anthropic())
}

/// Counts the tokens of a prompt, tools included.
pub(super) async fn count_tokens(State(app): State<AppState>, request: Request) -> Response {
    count(&app, request).await.unwrap_or_else(|error| error.into_anthropic())
}

async fn answer(app: &AppState, request: Request) -> Result<Response, ApiError> {
    let via = *request.extensions().get::<ClientPath>().unwrap_or(&ClientPath::Direct);
    let via = via.of_message(request.headers());
    let (client, place, request) = read(app, request).await?;
    let (stream, model, estimate) = (request.stream, request.model.clone(), estimate(&request));
    let serving = ResumableTurn::open(Arc::clone(&app.serving), client.digest, client.scope, request);
    if stream {
        let words = |head: &AnswerHead<'_>| {
            Surface::Messages(MessageEncoder::new(&id(head.id), head.model, estimate))
        };
        return sse::answer(app, serving, words, AnswerRoute { via, model, place }).await;
    }
    let mut serving = Box::pin(serving).await?;
    let id = id(&serving.id);
    let (said, ending) = serving.collect().await?;
    let body = Message::new(&id, &serving.model, &said, ending.end, ending.usage);
    Ok(Json(body).into_response())
}

/// An answer's id, as messages write it.
fn id(chat: &str) -> String {
    chat.replacen("chatcmpl-", "msg_", 1)
}

async fn count(app: &AppState, request: Request) -> Result<Response, ApiError> {
    let (_, _place, request) = read(app, request).await?;
    // On a thread for blocking work: a long prompt takes a while.
    let counting =
        tokio::task::spawn_blocking(move || TokenCounter::default().usage(&request.messages, &request.tools));
    let usage = counting.await.map_err(|_| ApiError::Bug)?;
    Ok(Json(json!({"input_tokens": usage.prompt})).into_response())
}

async fn read(
    app: &AppState,
    request: Request,
) -> Result<(AuthorizedClient, AdmissionPermit, ChatRequest), ApiError> {
    let (mut parts, body) = request.into_parts();
    let client = AuthorizedClient::from_request_parts(&mut parts, app).await?;
    let place = AdmissionPermit::from_request_parts(&mut parts, app).await?;
    let session = session(&parts.headers);
    let body = whole_body(Request::from_parts(parts, body), app).await?;
    let request = ChatRequest::parse_messages(&body).map_err(|invalid| ApiError::Invalid(invalid.0))?;
    Ok((client, place, ChatRequest { session, ..request }))
}

/// Some four bytes are a token. The true number comes at the end, with the site's own count.
fn estimate(request: &ChatRequest) -> u64 {
    let messages = request.messages.iter().map(|message| message.json());
    let tools = request.tools.iter().map(|raw| raw.get());
    messages.chain(tools).map(|json| json.len() as u64).sum::<u64>() / 4
}
