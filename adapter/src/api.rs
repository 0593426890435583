//! The HTTP edge: routes, and what every answer has.

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request},
    http::{Uri, uri::PathAndQuery},
    middleware::{from_fn, from_fn_with_state, map_request},
    routing::{get, head, post},
};

use crate::state::AppState;

mod admitted;
mod auth;
mod body;
mod chat;
mod decoding;
mod early;
mod encoder;
mod error;
mod health;

mod messages;
mod models;
mod request_id;
mod responses;
mod socket;
mod sse;
mod via;

use error::ApiError;
use via::ClientPath;

/// Everything that the adapter serves.
pub(crate) fn router(app: AppState) -> Router {
    let routes = Router::new()
        .merge(surfaces(ClientPath::Direct))
        // What a gateway's base URL ends with: it reads some failures for what they are not.
        .nest("/new-api", surfaces(ClientPath::NewApi))
        .nest("/claude", surfaces(ClientPath::Converted))
        // Used by load balancers and operators.
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(DefaultBodyLimit::disable())
        .with_state(app.clone());
    // Routing happens inside the fallback, after the path was tidied: a layer around the routes would be too late.
    Router::new()
        .fallback_service(routes)
        .layer(map_request(tidy_path))
        .layer(from_fn_with_state(app, request_id::attach))
        .layer(from_fn(early::announce))
}

/// The clients' APIs, for answers that go this way.
fn surfaces(via: ClientPath) -> Router<AppState> {
    Router::new()
        .route("/v1/chat/completions", post(chat::create))
        .route("/v1/messages", post(messages::create))
        .route("/v1/messages/count_tokens", post(messages::count_tokens))
        .route("/v1/responses", post(responses::create).get(socket::open))
        .route("/v1/responses/input_tokens", post(responses::input_tokens))
        .route("/v1/responses/compact", post(responses::compact))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*name}", get(models::show))
        // Claude Code asks these before anything else.
        .route("/", head(|| async {}))
        .route("/api/hello", head(|| async {}))
        .layer(Extension(via))
}

/// Also for `/v1/dashboard/billing/*`: an odd 200 there makes a gateway switch its channel off.
async fn nothing() -> ApiError {
    ApiError::NotFound
}

/// Forgives what base URLs with a slash or a `/v1` too many make of a path.
async fn tidy_path(mut request: Request) -> Request {
    if let Some(tidy) = tidied(request.uri()) {
        *request.uri_mut() = tidy;
    }
    request
}

fn tidied(uri: &Uri) -> Option<Uri> {
    let mut parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
    parts.dedup_by(|next, last| *next == "v1" && *last == "v1");
    let path = format!("/{}", parts.join("/"));
    if path == uri.path() {
        return None;
    }
    let with_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut changed = uri.clone().into_parts();
    changed.path_and_query = Some(PathAndQuery::try_from(with_query).ok()?);
    Uri::from_parts(changed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidy(path: &str) -> String {
        let uri: Uri = path.parse().unwrap();
        tidied(&uri).unwrap_or(uri).to_string()
    }

    #[test]
    fn slashes_and_versions_too_many_are_forgiven() {
        assert_eq!(tidy("/v1/models"), "/v1/models");
        assert_eq!(tidy("//v1/models/?a=b//c"), "/v1/models?a=b//c");
        assert_eq!(tidy("/v1/v1/chat/completions"), "/v1/chat/completions");
        assert_eq!(tidy("/v1//v1///models"), "/v1/models");
        assert_eq!(tidy("/claude/v1/v1/models"), "/claude/v1/models");
        assert_eq!(tidy("/new-api//v1/v1/models"), "/new-api/v1/models");
        assert_eq!(tidy("/"), "/");
    }
}
