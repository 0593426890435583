//! The admin API: accounts, logins, health. Operators, the CLI and the web page speak it; adapters never do.
//!
//! Every answer that is no success is `application/problem+json` (RFC 9457) with a stable `code`. Credentials go
//! in and never come out.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post, put},
};

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod auth;
mod body;
pub(crate) mod credentials;
mod events;
mod found;
mod health;
pub(crate) mod keys;
pub(crate) mod listener;
mod logins;
mod openapi;
pub mod problem;
mod request;
pub(crate) mod session;
mod valid;

use crate::state::App;
use problem::Problem;

/// No other request of this API is larger: the largest holds a password.
const BODY_LIMIT: usize = 64 * 1024;
/// A browser's stored state, which holds whatever sites left there.
const SESSION_LIMIT: usize = 1024 * 1024;

/// Every route there is; `openapi.json` lists the same.
pub(crate) fn router(app: App) -> Router {
    let accounts = Router::new()
        .route("/accounts", get(accounts::list).post(accounts::create))
        .route("/accounts/{id}", get(accounts::show).patch(accounts::change).delete(accounts::delete))
        .route("/accounts/{id}/credentials", put(credentials::replace))
        .route("/accounts/{id}/logins", post(logins::start))
        .route("/accounts/{id}/repair", post(accounts::repair))
        .route("/accounts/{id}/session", put(session::give).layer(DefaultBodyLimit::max(SESSION_LIMIT)))
        .route("/audit", get(audit::list))
        .route("/keys", get(keys::show))
        .route("/keys/rewrap", post(keys::rewrap))
        .route("/operations/{id}", get(logins::show))
        .route("/operations/{id}/events", get(events::follow))
        .route("/operations/{id}/screenshot", get(logins::screenshot));
    Router::new()
        .nest("/v1", accounts)
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::show))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(request::identify))
        .with_state(app)
}
