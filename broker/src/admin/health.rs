//! Whether the broker lives, whether it can do its work, and what it offers. Public, and without a secret.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;

use crate::{browser, state::App};

/// `GET /livez`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Liveness {
    live: bool,
}

/// `GET /readyz`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Readiness {
    ready: bool,
    /// What is missing, and what to do.
    reasons: Vec<String>,
    /// What does not keep it from its work, and what to do.
    warnings: Vec<String>,
    keys: KeyIds,
}

/// Ids of the keys held, the sealing one first: a rotation is done when every process shows the new one.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct KeyIds {
    credentials: Vec<String>,
    session: Vec<String>,
}

pub(super) async fn live() -> Json<Liveness> {
    Json(Liveness { live: true })
}

pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let mut reasons = Vec::new();
    if let Err(error) = app.store.ping().await {
        tracing::warn!(%error, "not ready");
        reasons.push("Redis does not answer: no login can begin; adapters serve what they hold".to_owned());
    }
    if let Err(error) = browser::find_chromium(app.browser.chromium.clone()) {
        reasons.push(format!("{error}"));
    }
    let warnings = match app.damaged.count(&app.store).await {
        Some(count @ 1..) => vec![format!(
            "{count} accounts are damaged and serve nobody: see `latchkey-broker account list --state damaged`"
        )],
        Some(0) | None => Vec::new(),
    };
    let keys = KeyIds { credentials: app.credentials_vault.key_ids(), session: app.session_vault.key_ids() };
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready: reasons.is_empty(), reasons, warnings, keys }))
}

/// `GET /metrics`.
pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], app.operations.metrics().text(&app.store).await)
}
