//! `POST /v1/chat/completions`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::{auth::Client, error::ApiError, json::ApiJson, sse};
use crate::{openai::answer::Completion, state::AppState, stream::chunk::Chunks, turn};

/// Answers a chat, as a stream or whole.
pub(super) async fn create(
    _: Client,
    State(app): State<AppState>,
    ApiJson(request): ApiJson,
) -> Result<Response, ApiError> {
    let stream = request.stream;
    let mut turn = Box::pin(turn::open(&app, request)).await?;
    if stream {
        let chunks = Chunks::new(&turn.id, turn.created, &turn.model);
        return Ok(sse::answer(turn, sse::Encoder::Chat(chunks), &app).await?);
    }
    let (said, ending) = turn.collect().await?;
    let body = Completion::new(&turn.id, turn.created, &turn.model, &said, ending.end, ending.usage);
    Ok(Json(body).into_response())
}
