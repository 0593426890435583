//! The practice site's API: who am I, which models, chat.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    SiteState,
    counts::Chat,
    login::{not_signed_in, signed_in},
};
use crate::model;

pub(super) async fn me(State(site): State<SiteState>, headers: HeaderMap) -> Response {
    match signed_in(&site, &headers) {
        Some(parts) => Json(json!({"username": parts.username})).into_response(),
        None => not_signed_in(),
    }
}

pub(super) async fn models(State(site): State<SiteState>, headers: HeaderMap) -> Response {
    match signed_in(&site, &headers) {
        Some(_) => Json(model::models()).into_response(),
        None => not_signed_in(),
    }
}

pub(super) async fn completions(
    State(site): State<SiteState>,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(parts) = signed_in(&site, &headers) else { return not_signed_in() };
    let chat = Chat::begin(site.0.accounts.streams(&parts.username));
    headers.insert("x-practice-user", HeaderValue::from_str(&parts.username).unwrap());
    site.0.model.answer(&headers, &body).await.map(|body| chat.hold(body))
}
