//! `POST /v1/chat/completions`, for clients of OpenAI's API and for Claude clients whose gateway converts.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::{
    auth::{AdmissionPermit, AuthorizedClient},
    encoder::{AnswerHead, Surface},
    error::ApiError,
    json::ApiJson,
    sse::{self, AnswerRoute},
    via::ClientPath,
};
use crate::{
    openai::{answer::Completion, stream::ChunkEncoder},
    serving::ResumableTurn,
    state::AppState,
};

/// Answers a chat, as a stream or whole.
pub(super) async fn create(
    client: AuthorizedClient,
    place: AdmissionPermit,
    Extension(via): Extension<ClientPath>,
    State(app): State<AppState>,
    ApiJson { request, claude, headers }: ApiJson,
) -> Result<Response, ApiError> {
    let via = via.of_chat(&headers, claude);
    let (stream, model) = (request.stream, request.model.clone());
    let serving = ResumableTurn::open(Arc::clone(&app.serving), client.digest, client.scope, request);
    if stream {
        let words =
            |head: &AnswerHead<'_>| Surface::Chat(ChunkEncoder::new(head.id, head.created, head.model));
        return sse::answer(&app, serving, words, AnswerRoute { via, model, place }).await;
    }
    let mut serving = Box::pin(serving).await?;
    let (said, ending) = serving.collect().await?;
    let body = Completion::new(&serving.id, serving.created, &serving.model, &said, ending.end, ending.usage);
    Ok(Json(body).into_response())
}
