//! `POST /v1/chat/completions`, for clients of OpenAI's API and for Claude clients whose gateway converts.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use super::{
    admitted::{AdmittedRequest, ApiRequest},
    body::session,
    encoder::{AnswerHead, Surface},
    error::ApiError,
    sse::{self, AnswerRoute},
};
use crate::{
    anthropic::converted,
    openai::{
        answer::Completion,
        reminders,
        request::{ChatRequest, InvalidRequest},
        stream::ChunkEncoder,
    },
    serving::ResumableTurn,
    state::AppState,
};

/// A chat.
pub(super) struct Chat {
    request: ChatRequest,
    /// Whether a gateway made it of a Claude client's message.
    claude: bool,
}

impl ApiRequest for Chat {
    type Error = ApiError;

    fn read(body: &[u8], headers: &HeaderMap) -> Result<Self, InvalidRequest> {
        let request = ChatRequest::parse(body)?;
        let claude = converted::is_claudes(&request.messages);
        let messages = reminders::reminded(converted::mended(request.messages));
        Ok(Self { request: ChatRequest { session: session(headers), messages, ..request }, claude })
    }
}

/// Answers a chat, as a stream or whole.
pub(super) async fn create(
    State(app): State<AppState>,
    AdmittedRequest { request: Chat { request, claude }, headers, via, entry }: AdmittedRequest<Chat>,
) -> Result<Response, ApiError> {
    let via = via.of_chat(&headers, claude);
    let stream = request.stream;
    let model = request.model.clone();
    let origins = request.origins.clone();
    let (place, serving) = entry.open(&app.serving, request);
    if stream {
        let words = |head: &AnswerHead<'_>| {
            Surface::Chat(ChunkEncoder::new(head.id, head.created, head.model).with_origins(origins))
        };
        return sse::answer(&app, serving, words, AnswerRoute { via, model, permit: place }).await;
    }
    let mut serving = Box::pin(serving).await?;
    let (said, ending) = serving.collect().await?;
    let ResumableTurn { id, created, model, .. } = &serving;
    let body = Completion::new(id, *created, model, &said, &origins, ending.end, ending.usage);
    Ok(Json(body).into_response())
}
