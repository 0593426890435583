//! `POST /v1/responses`: OpenAI's Responses API, without anything that is kept.

use axum::{
    Json,
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};

use super::{
    auth::{Client, Place},
    encoder::{self, Words},
    error::ApiError,
    json::{session, whole_body},
    sse::{self, Way},
    via::Via,
};
use crate::{
    openai::request::ChatRequest,
    responses::{
        answer::{Head, Maker, Response as Answer},
        request::Asked,
    },
    serving::Serving,
    state::AppState,
    stream::response::ResponseEvents,
};

/// Answers a request, as a stream or whole.
pub(super) async fn create(State(app): State<AppState>, request: Request) -> Response {
    answer(&app, request).await.unwrap_or_else(ApiError::into_responses)
}

async fn answer(app: &AppState, request: Request) -> Result<Response, ApiError> {
    let via = *request.extensions().get::<Via>().unwrap_or(&Via::Direct);
    let (client, place, Asked { request, encrypted }) = read(app, request).await?;
    let (stream, model) = (request.stream, request.model.clone());
    let serving = Serving::open(app.clone(), client.digest, client.scope, request);
    if stream {
        let words = move |head: &encoder::Head<'_>| {
            let (id, minted) = ids(head.id);
            let head = Head { id: &id, created: head.created, model: head.model };
            Words::Responses(Box::new(ResponseEvents::new(head, Maker::new(minted, encrypted))))
        };
        return sse::answer(app, serving, words, Way { via, model, place }).await;
    }
    let mut serving = Box::pin(serving).await?;
    let (id, minted) = ids(&serving.id);
    let maker = Maker::new(minted, encrypted);
    let (created, model) = (serving.created, serving.model.clone());
    let head = Head { id: &id, created, model: &model };
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

async fn read(app: &AppState, request: Request) -> Result<(Client, Place, Asked), ApiError> {
    let (mut parts, body) = request.into_parts();
    let client = Client::from_request_parts(&mut parts, app).await?;
    let place = Place::from_request_parts(&mut parts, app).await?;
    let session = session(&parts.headers);
    let body = whole_body(Request::from_parts(parts, body), app).await?;
    let Asked { request, encrypted } = Asked::parse(&body).map_err(|invalid| ApiError::Invalid(invalid.0))?;
    let session = session.or(request.session);
    Ok((client, place, Asked { request: ChatRequest { session, ..request }, encrypted }))
}
