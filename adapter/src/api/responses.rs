//! `POST /v1/responses`: OpenAI's Responses API, without anything that is kept.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use super::{
    admitted::{AdmittedRequest, ApiRequest},
    body::session,
    encoder::{self, Surface},
    error::ApiError,
    sse::{self, AnswerRoute},
};
use crate::{
    openai::request::{ChatRequest, InvalidRequest},
    responses::{
        answer::{ItemFactory, Response as Answer, ResponseHead},
        request::ResponsesRequest,
        stream::ResponseEncoder,
    },
    state::AppState,
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

impl ApiRequest for ResponsesRequest {
    type Error = ResponsesError;

    fn read(body: &[u8], headers: &HeaderMap) -> Result<Self, InvalidRequest> {
        let Self { request, encrypted } = Self::parse(body)?;
        let session = session(headers).or(request.session);
        Ok(Self { request: ChatRequest { session, ..request }, encrypted })
    }
}

/// Answers a request, as a stream or whole.
pub(super) async fn create(
    State(app): State<AppState>,
    AdmittedRequest { request: ResponsesRequest { request, encrypted }, via, entry, .. }: AdmittedRequest<
        ResponsesRequest,
    >,
) -> Result<Response, ResponsesError> {
    let stream = request.stream;
    let model = request.model.clone();
    let origins = request.origins.clone();
    let (place, serving) = entry.open(&app.serving, request);
    if stream {
        let words = move |head: &encoder::AnswerHead<'_>| {
            let (id, minted) = ids(head.id);
            let head = ResponseHead { id: &id, created: head.created, model: head.model };
            Surface::Responses(Box::new(ResponseEncoder::new(
                head,
                ItemFactory::new(minted, encrypted, origins),
            )))
        };
        return Ok(sse::answer(&app, serving, words, AnswerRoute { via, model, permit: place }).await?);
    }
    let mut serving = Box::pin(serving).await?;
    let (id, minted) = ids(&serving.id);
    let maker = ItemFactory::new(minted, encrypted, origins);
    let created = serving.created;
    let model = serving.model.clone();
    let head = ResponseHead { id: &id, created, model: &model };
    let (said, ending) = serving.collect().await?;
    let items = maker.items(&said);
    let body = Answer::ended(head, &items, ending.end.finish, ending.usage);
    Ok(Json(body).into_response())
}

/// An answer's id, as responses write it, and what the ids of its items are made of.
fn ids(chat: &str) -> (String, &str) {
    let minted = chat.strip_prefix("chatcmpl-").unwrap_or(chat);
    (format!("resp_{minted}"), minted)
}
