//! `POST /v1/chat/completions`, for clients of OpenAI's API and for Claude clients whose gateway converts.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::{
    auth::{Client, Place},
    encoder::{Head, Words},
    error::ApiError,
    json::ApiJson,
    sse::{self, Way},
    via::Via,
};
use crate::{openai::answer::Completion, serving::Serving, state::AppState, stream::chunk::Chunks};

/// Answers a chat, as a stream or whole.
pub(super) async fn create(
    client: Client,
    place: Place,
    Extension(via): Extension<Via>,
    State(app): State<AppState>,
    ApiJson { request, claude, headers }: ApiJson,
) -> Result<Response, ApiError> {
    let via = via.of_chat(&headers, claude);
    let (stream, model) = (request.stream, request.model.clone());
    let serving = Serving::open(app.clone(), client.digest, client.scope, request);
    if stream {
        let words = |head: &Head<'_>| Words::Chat(Chunks::new(head.id, head.created, head.model));
        return sse::answer(&app, serving, words, Way { via, model, place }).await;
    }
    let mut serving = Box::pin(serving).await?;
    let (said, ending) = serving.collect().await?;
    let body = Completion::new(&serving.id, serving.created, &serving.model, &said, ending.end, ending.usage);
    Ok(Json(body).into_response())
}
