//! `POST /v1/messages` and `/v1/messages/count_tokens`: Anthropic's Messages API.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    admitted::{AdmittedRequest, ApiRequest},
    body::session,
    encoder::{AnswerHead, Surface},
    error::ApiError,
    sse::{self, AnswerRoute},
};
use crate::{
    anthropic::{answer::Message, edits::AppliedEdits, stream::MessageEncoder},
    openai::request::{ChatRequest, InvalidRequest},
    state::AppState,
    tokens::TokenCounter,
};

/// A message.
pub(super) struct MessageRequest {
    request: ChatRequest,
    /// What was cleared of it, if the client wanted that.
    edits: Option<AppliedEdits>,
}

/// An error as clients of Messages are told.
pub(super) struct MessagesError(ApiError);

impl<E: Into<ApiError>> From<E> for MessagesError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for MessagesError {
    fn into_response(self) -> Response {
        self.0.into_anthropic()
    }
}

impl ApiRequest for MessageRequest {
    type Error = MessagesError;

    fn read(body: &[u8], headers: &HeaderMap) -> Result<Self, InvalidRequest> {
        let (request, edits) = ChatRequest::parse_messages(body)?;
        Ok(Self { request: ChatRequest { session: session(headers), ..request }, edits })
    }
}

/// Answers a chat, as a stream or whole.
pub(super) async fn create(
    State(app): State<AppState>,
    AdmittedRequest { request: MessageRequest { request, edits }, headers, via, entry }: AdmittedRequest<
        MessageRequest,
    >,
) -> Result<Response, MessagesError> {
    let via = via.of_message(&headers);
    let stream = request.stream;
    let model = request.model.clone();
    let estimate = estimate(&request);
    let (place, serving) = entry.open(&app.serving, request);
    if stream {
        let words = |head: &AnswerHead<'_>| {
            Surface::Messages(MessageEncoder::new(&id(head.id), head.model, estimate).with_edits(edits))
        };
        return Ok(sse::answer(&app, serving, words, AnswerRoute { via, model, permit: place }).await?);
    }
    let mut serving = Box::pin(serving).await?;
    let id = id(&serving.id);
    let (said, ending) = serving.collect().await?;
    let body = Message::new(&id, &serving.model, &said, (ending.end, ending.usage), edits.as_ref());
    Ok(Json(body).into_response())
}

/// Counts the tokens of a prompt, tools included.
pub(super) async fn count_tokens(
    AdmittedRequest { request: MessageRequest { request, .. }, entry: _entry, .. }: AdmittedRequest<
        MessageRequest,
    >,
) -> Result<Response, MessagesError> {
    // On a thread for blocking work: a long prompt takes a while.
    let counting =
        tokio::task::spawn_blocking(move || TokenCounter::default().usage(&request.messages, &request.tools));
    let usage = counting.await.map_err(|_| ApiError::Bug)?;
    Ok(Json(json!({"input_tokens": usage.prompt})).into_response())
}

/// An answer's id, as messages write it.
fn id(chat: &str) -> String {
    chat.replacen("chatcmpl-", "msg_", 1)
}

/// Some four bytes are a token. The true number comes at the end, with the site's own count.
fn estimate(request: &ChatRequest) -> u64 {
    let messages = request.messages.iter().map(|message| message.json());
    let tools = request.tools.iter().map(|raw| raw.get());
    messages.chain(tools).map(|json| json.len() as u64).sum::<u64>() / 4
}
