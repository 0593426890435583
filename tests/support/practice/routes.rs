//! Which path leads where, on each of the practice site's three origins.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{SiteState, chat, login, pages};

/// Paths that work although the site answers everything with its login page: signing in must still be possible.
const ALWAYS: [&str; 5] = ["/login", "/api/login", "/api/session", "/", "/style.css"];

/// The site itself.
pub(super) fn site(site: SiteState) -> Router {
    Router::new()
        .route("/", get(pages::chat))
        .route("/login", get(login::page))
        .route("/callback", get(login::callback))
        .route("/api/login", post(login::submit))
        .route("/api/refresh", post(login::renew))
        .route("/api/session", get(login::session).delete(login::sign_out))
        .route("/api/me", get(chat::me))
        .route("/api/models", get(chat::models))
        .route("/api/chat/completions", post(chat::completions))
        .merge(furniture())
        .layer(middleware::from_fn_with_state(site.clone(), login_page_everywhere))
        .with_state(site)
}

/// The origin that signs in for the site.
pub(super) fn identity(site: SiteState) -> Router {
    Router::new()
        .route("/login", get(pages::login))
        .route("/api/login", post(login::submit_at_identity))
        .merge(furniture())
        .with_state(site)
}

/// The origin that only looks as if it did.
pub(super) fn foreign(site: SiteState) -> Router {
    Router::new()
        .route("/login", get(pages::login))
        .route("/api/login", post(login::submit_at_foreign))
        .merge(furniture())
        .with_state(site)
}

fn furniture() -> Router<SiteState> {
    Router::new().route("/style.css", get(pages::style)).route("/slow.png", get(pages::hanging_image))
}

async fn login_page_everywhere(State(site): State<SiteState>, request: Request, next: Next) -> Response {
    let everywhere = site.options().login_page_everywhere;
    if everywhere && !ALWAYS.contains(&request.uri().path()) {
        return pages::login(State(site)).await.into_response();
    }
    next.run(request).await
}
