//! `POST /v1/chat/completions`, for clients of OpenAI's API and for Claude clients whose gateway converts.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::{
    auth::{Client, Place},
    error::ApiError,
    json::ApiJson,
    sse::{self, Encoder},
};
use crate::{
    openai::{answer::Completion, request::ChatRequest},
    serving::Serving,
    state::AppState,
    stream::chunk::Chunks,
};

/// Answers a chat, as a stream or whole.
pub(super) async fn create(
    client: Client,
    place: Place,
    State(app): State<AppState>,
    ApiJson(request): ApiJson,
) -> Result<Response, ApiError> {
    answer(&app, client, place, request, Encoder::Chat).await
}

/// Answers a chat that a gateway made of a Claude client's message, and makes a message of again.
pub(super) async fn create_for_claude(
    client: Client,
    place: Place,
    State(app): State<AppState>,
    ApiJson(request): ApiJson,
) -> Result<Response, ApiError> {
    answer(&app, client, place, request, Encoder::Converted).await
}

async fn answer(
    app: &AppState,
    client: Client,
    place: Place,
    request: ChatRequest,
    encoder: fn(Chunks) -> Encoder,
) -> Result<Response, ApiError> {
    let stream = request.stream;
    let mut serving = Box::pin(Serving::open(app, &client.digest, client.scope, request)).await?;
    if stream {
        let chunks = Chunks::new(&serving.id, serving.created, &serving.model);
        return Ok(sse::answer(serving, encoder(chunks), place, app).await?);
    }
    let (said, ending) = serving.collect().await?;
    let body = Completion::new(&serving.id, serving.created, &serving.model, &said, ending.end, ending.usage);
    Ok(Json(body).into_response())
}
