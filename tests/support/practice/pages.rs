//! The practice site's pages, with the chosen misbehaviours told to their script.

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{Html, IntoResponse},
};
use serde_json::json;

use super::SiteState;

const LOGIN: &str = include_str!("login.html");
const CHAT: &str = include_str!("chat.html");
const STYLE: &str = include_str!("style.css");

pub(super) async fn login(State(site): State<SiteState>) -> Html<String> {
    let options = site.options();
    let behaviour = json!({
        "crashRenderer": options.crash_renderer,
        "dialog": options.dialog,
        "hangingImage": options.hanging_image,
        "hungRenderer": options.hung_renderer,
        "shadowDom": options.shadow_dom,
    });
    Html(LOGIN.replace("\"{{behaviour}}\"", &behaviour.to_string()))
}

pub(super) async fn chat() -> Html<&'static str> {
    Html(CHAT)
}

pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// An image that begins and never ends.
pub(super) async fn hanging_image() -> impl IntoResponse {
    let never = futures::stream::pending::<Result<&str, std::io::Error>>();
    ([(header::CONTENT_TYPE, "image/png")], Body::from_stream(never))
}
