//! `POST /v1/responses`: OpenAI's Responses API; what is kept are items, for minutes. And the count of a request's tokens.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::json;

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
    openai::request::{ChatRequest, InvalidRequest},
    responses::{
        answer::{ItemFactory, Response as Answer, ResponseHead},
        kept::KeptOutputs,
        request::{ResponsesBody, ResponsesRequest},
        stream::ResponseEncoder,
    },
    serving::ResponseShelf,
    state::AppState,
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
    body: ResponsesBody,
    session: Option<String>,
}

impl ApiRequest for UnresolvedRequest {
    type Error = ResponsesError;

    fn read(body: &[u8], headers: &HeaderMap) -> Result<Self, InvalidRequest> {
        Ok(Self { body: ResponsesBody::read(body)?, session: session(headers) })
    }
}

impl UnresolvedRequest {
    /// Puts the items in that are named, of `limit_bytes` together.
    async fn resolve(self, shelf: &ResponseShelf, limit_bytes: usize) -> Result<ResponsesRequest, ApiError> {
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
        Ok(ResponsesRequest { request: ChatRequest { session, ..read.request }, ..read })
    }
}

/// Answers a request, as a stream or whole.
pub(super) async fn create(
    State(app): State<AppState>,
    AdmittedRequest { request, via, entry, .. }: AdmittedRequest<UnresolvedRequest>,
) -> Result<Response, ResponsesError> {
    answer(&app, request, via, entry).await
}

/// Answers a request of a client that was let in.
pub(super) async fn answer(
    app: &AppState,
    request: UnresolvedRequest,
    via: ClientPath,
    entry: AdmittedClient,
) -> Result<Response, ResponsesError> {
    let shelf = entry.shelf(&app.serving);
    let ResponsesRequest { request, encrypted, stores } = request.resolve(&shelf, app.body_limit).await?;
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
        return Ok(sse::answer(app, serving, words, AnswerRoute { via, model, permit: place }).await?);
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

/// Counts the tokens of a request, tools included.
pub(super) async fn input_tokens(
    State(app): State<AppState>,
    AdmittedRequest { request, entry, .. }: AdmittedRequest<UnresolvedRequest>,
) -> Result<Response, ResponsesError> {
    let ResponsesRequest { request, .. } =
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
