//! `POST /v1/responses`: OpenAI's Responses API; what is kept are items, for minutes. And the count of a request's tokens.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use latchkey_shared::time::Timestamp;
use serde_json::{Value, json};
use ulid::Ulid;

use super::{
    admitted::{AdmittedRequest, ApiRequest},
    auth::{AdmittedClient, AuthorizedClient},
    body::session,
    encoder::{self, Surface, written},
    error::ApiError,
    sse::{self, AnswerRoute},
    via::ClientPath,
};
use crate::{
    openai::{
        origin::ToolOrigins,
        request::{ChatRequest, InvalidRequest},
    },
    responses::{
        answer::{ItemFactory, Response as Answer, ResponseHead},
        kept::KeptOutputs,
        request::{ResponsesBody, ResponsesRequest},
        stream::ResponseEncoder,
    },
    serving::ResponseShelf,
    state::AppState,
    stream::delta::{FinishReason, Usage},
    tokens::TokenCounter,
};

/// An error as clients of Responses are told.
pub(super) struct ResponsesError(ApiError);

impl<E: Into<ApiError>> From<E> for ResponsesError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ResponsesError {
    fn into_response(self) -> Response {
        self.0.into_responses()
    }
}

/// A request whose items may still be names.
pub(super) struct UnresolvedRequest {
    /// What is asked.
    pub body: ResponsesBody,
    /// The session that the headers name.
    pub session: Option<String>,
}

impl ApiRequest for UnresolvedRequest {
    type Error = ResponsesError;

    fn read(body: &[u8], headers: &HeaderMap) -> Result<Self, InvalidRequest> {
        Ok(Self { body: ResponsesBody::read(body)?, session: session(headers) })
    }
}

impl UnresolvedRequest {
    /// Puts the items in that are named, of `limit_bytes` together; gives the request, and all of its input.
    ///
    /// # Errors
    /// When an item is not kept, or the request is wrong.
    pub(super) async fn resolve(
        self,
        shelf: &ResponseShelf,
        limit_bytes: usize,
    ) -> Result<(ResponsesRequest, Value), ApiError> {
        let invalid = |invalid: InvalidRequest| ApiError::Invalid(invalid.0);
        let Self { mut body, session } = self;
        let mut outputs = KeptOutputs::new();
        for response in body.named().map_err(invalid)? {
            if let Some(items) = shelf.find(&response).await {
                outputs.insert(response, items);
            }
        }
        body.resolve(&outputs, limit_bytes).map_err(invalid)?;
        let read = ResponsesRequest::new(&body).map_err(invalid)?;
        let session = session.or(read.request.session);
        let request = ResponsesRequest { request: ChatRequest { session, ..read.request }, ..read };
        Ok((request, body.input.unwrap_or_default()))
    }
}

/// Answers a request, as a stream or whole.
pub(super) async fn create(
    State(app): State<AppState>,
    AdmittedRequest { request, via, entry, .. }: AdmittedRequest<UnresolvedRequest>,
) -> Result<Response, ResponsesError> {
    let shelf = entry.shelf(&app.serving);
    let (request, _) = request.resolve(&shelf, app.body_limit).await?;
    Ok(answer(&app, request, shelf, via, entry).await?)
}

/// Answers a request of a client that was let in.
pub(super) async fn answer(
    app: &AppState,
    request: ResponsesRequest,
    shelf: ResponseShelf,
    via: ClientPath,
    entry: AdmittedClient,
) -> Result<Response, ApiError> {
    let ResponsesRequest { request, encrypted, stores } = request;
    let shelf = Some(shelf).filter(|_| stores);
    let stream = request.stream;
    let model = request.model.clone();
    let origins = request.origins.clone();
    let (place, serving) = entry.open(&app.serving, request);
    if stream {
        let words = move |head: &encoder::AnswerHead<'_>| {
            let (id, minted) = ids(head.id);
            let head = ResponseHead { id: &id, created: head.created, model: head.model };
            let maker = ItemFactory::new(minted, encrypted, origins);
            Surface::Responses(Box::new(ResponseEncoder::new(head, maker)), shelf)
        };
        return sse::answer(app, serving, words, AnswerRoute { via, model, permit: place }).await;
    }
    let mut serving = Box::pin(serving).await?;
    let (id, minted) = ids(&serving.id);
    let maker = ItemFactory::new(minted, encrypted, origins);
    let created = serving.created;
    let model = serving.model.clone();
    let head = ResponseHead { id: &id, created, model: &model };
    let (said, ending) = serving.collect().await?;
    let items = maker.items(&said);
    if let Some(shelf) = shelf {
        shelf.keep(&id, &written(&items)).await;
    }
    let body = Answer::ended(head, &items, ending.end.finish, ending.usage);
    Ok(Json(body).into_response())
}

/// The stream of an answer to a request that wants none yet.
pub(super) fn nothing(request: &ResponsesRequest) -> Bytes {
    let minted = Ulid::generate().to_string().to_lowercase();
    let id = format!("resp_{minted}");
    let created = Timestamp::now().millis() / 1000;
    let head = ResponseHead { id: &id, created, model: &request.request.model };
    let mut events = ResponseEncoder::new(head, ItemFactory::new(&minted, false, ToolOrigins::default()));
    let mut out = BytesMut::new();
    events.begin(&mut out);
    events.end(FinishReason::Stop, Usage::default(), &mut out);
    out.freeze()
}

/// Counts the tokens of a request, tools included.
pub(super) async fn input_tokens(
    State(app): State<AppState>,
    AdmittedRequest { request, entry, .. }: AdmittedRequest<UnresolvedRequest>,
) -> Result<Response, ResponsesError> {
    let (ResponsesRequest { request, .. }, _) =
        request.resolve(&entry.shelf(&app.serving), app.body_limit).await?;
    // On a thread for blocking work: a long prompt takes a while.
    let counting =
        tokio::task::spawn_blocking(move || TokenCounter::default().usage(&request.messages, &request.tools));
    let usage = counting.await.map_err(|_| ApiError::Bug)?;
    Ok(Json(json!({"object": "response.input_tokens", "input_tokens": usage.prompt})).into_response())
}

/// Says that nothing is compacted here: an opaque item would be none to a site.
pub(super) async fn compact(_client: AuthorizedClient) -> ResponsesError {
    ResponsesError(ApiError::Invalid(
        "nothing is compacted here; ask for a summary by POST /v1/responses and send that as a message"
            .to_owned(),
    ))
}

/// An answer's id, as responses write it, and what the ids of its items are made of.
fn ids(chat: &str) -> (String, &str) {
    let minted = chat.strip_prefix("chatcmpl-").unwrap_or(chat);
    (format!("resp_{minted}"), minted)
}
