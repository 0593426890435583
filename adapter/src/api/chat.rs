//! `POST /v1/chat/completions`, for clients of OpenAI's API and for Claude clients whose gateway converts.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::{
    auth::Client,
    error::ApiError,
    json::ApiJson,
    sse::{self, Encoder},
};
use crate::{
    openai::{answer::Completion, request::ChatRequest},
    state::AppState,
    stream::chunk::Chunks,
    turn,
};

/// Answers a chat, as a stream or whole.
pub(super) async fn create(
    _: Client,
    State(app): State<AppState>,
    ApiJson(request): ApiJson,
) -> Result<Response, ApiError> {
    answer(&app, request, Encoder::Chat).await
}

/// Answers a chat that a gateway made of a Claude client's message, and makes a message of again.
pub(super) async fn create_for_claude(
    _: Client,
    State(app): State<AppState>,
    ApiJson(request): ApiJson,
) -> Result<Response, ApiError> {
    answer(&app, request, Encoder::Converted).await
}

async fn answer(
    app: &AppState,
    request: ChatRequest,
    encoder: fn(Chunks) -> Encoder,
) -> Result<Response, ApiError> {
    let stream = request.stream;
    let mut turn = Box::pin(turn::open(app, request)).await?;
    if stream {
        let chunks = Chunks::new(&turn.id, turn.created, &turn.model);
        return Ok(sse::answer(turn, encoder(chunks), app).await?);
    }
    let (said, ending) = turn.collect().await?;
    let body = Completion::new(&turn.id, turn.created, &turn.model, &said, ending.end, ending.usage);
    Ok(Json(body).into_response())
}
