//! Whether the adapter lives, whether it can serve, and how it fares. No secret opens these, none is in them.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use latchkey_shared::time::Timestamp;
use serde::Serialize;

use crate::state::AppState;

/// What `/readyz` says.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    /// Why not, each with what to do.
    reasons: Vec<String>,
    /// What does not keep it from serving, yet.
    warnings: Vec<String>,
    /// Sites with an address.
    sites: Vec<SiteReadiness>,
    /// Ids of the session keys held, the sealing one first.
    session_keys: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SiteReadiness {
    site: String,
    accounts: usize,
    serving: usize,
}

/// The process runs.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Requests can be served.
pub(super) async fn ready(State(app): State<AppState>) -> Response {
    let mut reasons = Vec::new();
    let mut warnings = Vec::new();
    if let Err(error) = app.store.ping().await {
        tracing::warn!(%error, "redis does not answer");
        match app.pool.opened_sessions() {
            // All adapters lose Redis together: whoever takes them out for it takes out what serves on.
            sessions @ 1.. => warnings.push(format!(
                "redis does not answer; {sessions} sessions in memory serve until they end, no login can begin"
            )),
            0 => reasons.push("redis does not answer, and no session is in memory".to_owned()),
        }
    }
    let now = Timestamp::now();
    let count = |site: &std::sync::Arc<latchkey_shared::site::Site>| {
        let count = app.pool.directory().count(&site.name, now);
        SiteReadiness { site: site.name.to_string(), accounts: count.accounts, serving: count.serving }
    };
    let sites: Vec<SiteReadiness> = app.catalog.sites().map(count).collect();
    if sites.is_empty() {
        reasons.push("no site has an address; set LATCHKEY_SITE_URLS or base_url in a site file".to_owned());
    } else if sites.iter().all(|site| site.serving == 0) {
        reasons.push("no account is signed in; sign one in with the broker".to_owned());
    }
    let damaged = app.pool.directory().damaged();
    if damaged > 0 {
        warnings.push(format!(
            "{damaged} accounts are damaged and serve nobody; `latchkey-broker doctor` names them"
        ));
    }
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let session_keys = app.vault.key_ids();
    (status, Json(Readiness { ready, reasons, warnings, sites, session_keys })).into_response()
}

/// Metrics for Prometheus.
pub(super) async fn metrics(State(app): State<AppState>) -> Response {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, content_type)], app.metrics.text(&app.store.discarded())).into_response()
}
