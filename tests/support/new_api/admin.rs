//! The admin API: channels, settings, the log, and who may do what.
//!
//! Measured on v1.0.0-rc.24, beside its documented shapes: `New-Api-User` is ignored since 1.0; a refusal of a change
//! comes with 200; a field that is null, an empty name, list of models or group, and type 0 are left out in silence.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header::LOCATION},
    middleware::{Next, from_fn_with_state},
    response::{Html, IntoResponse, Response},
    routing::{delete, get},
};
use serde_json::{Value, json};

use super::{Gateway, GatewayState, TOKEN, USER, log::LogRow, relay};

/// What an administrator who is not root may change of a channel.
const OF_ADMINISTRATORS: [&str; 6] = ["id", "weight", "priority", "models", "group", "tag"];
/// Fields that a channel may have.
const TEXTS: [&str; 9] = [
    "name",
    "models",
    "group",
    "base_url",
    "model_mapping",
    "test_model",
    "tag",
    "header_override",
    "settings",
];

/// The API, and what answers where there is none.
pub(super) fn router(gateway: Gateway) -> Router<Gateway> {
    let managed = Router::new()
        .route("/api/channel/", get(list).post(make).put(change))
        .route("/api/channel/{id}", delete(remove))
        .route("/api/option/", get(settings).put(set))
        .route("/api/log/", get(log))
        .route("/api/models", get(kinds))
        .layer(from_fn_with_state(gateway, admit));
    Router::new()
        .route("/api/status", get(status))
        .route("/api/setup", get(set_up))
        .merge(managed)
        .fallback(elsewhere)
}

/// Lets the administrator in; a change that shall hang gets no further.
async fn admit(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    if !gateway.with(|kept| is_the_administrator(kept, request.headers())) {
        return refused(StatusCode::UNAUTHORIZED, "AUTH_UNAUTHORIZED", "access token invalid");
    }
    if request.method() != "GET" {
        let hangs = gateway.with(|kept| {
            kept.changes += 1;
            kept.log.push(LogRow::change());
            kept.hangs_at.is_some_and(|at| at < kept.changes)
        });
        if hangs {
            std::future::pending::<()>().await;
        }
    }
    next.run(request).await
}

fn is_the_administrator(kept: &GatewayState, headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_old = kept.version.starts_with("v0.");
    header("authorization") == Some(&format!("Bearer {TOKEN}"))
        && (!is_old || header("new-api-user") == Some(&USER.to_string()))
}

async fn status(State(gateway): State<Gateway>) -> Json<Value> {
    answer(&gateway.with(|kept| json!({"version": kept.version, "system_name": "New API", "setup": true})))
}

async fn set_up() -> Json<Value> {
    answer(&json!({"status": true, "root_init": true, "database_type": "sqlite"}))
}

async fn list(State(gateway): State<Gateway>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let number = |name: &str, default: usize| query.get(name).map_or(default, |text| text.parse().unwrap());
    let page = number("p", 1);
    let size = number("page_size", 20).min(100);
    let channels = gateway.with(|kept| kept.channels.clone());
    let items: Vec<&Value> = channels.iter().rev().skip((page - 1) * size).take(size).collect();
    let mut counts = BTreeMap::new();
    for channel in &channels {
        *counts.entry(channel["type"].to_string()).or_insert(0) += 1;
    }
    answer(&json!({
        "items": items, "total": channels.len(), "page": page, "page_size": size, "type_counts": counts,
    }))
}

async fn make(State(gateway): State<Gateway>, Json(body): Json<Value>) -> Response {
    if !gateway.with(|kept| kept.root) {
        return forbidden();
    }
    let channel = &body["channel"];
    if body["mode"] != "single" || channel["key"].as_str().is_none_or(str::is_empty) {
        return refusal("the channel is not whole").into_response();
    }
    gateway.with(|kept| kept.add(channel));
    Json(json!({"success": true, "message": ""})).into_response()
}

async fn change(State(gateway): State<Gateway>, Json(body): Json<Value>) -> Json<Value> {
    // Newer releases have a call of its own for it, and refuse it here.
    if body.get("status").is_some() {
        return refusal("invalid parameter");
    }
    let fields = body.as_object().cloned().unwrap_or_default();
    if fields.get("weight").is_some_and(|weight| !weight.is_null() && !weight.is_u64()) {
        return refusal("json: cannot unmarshal into Go struct field of type uint");
    }
    let root = gateway.with(|kept| kept.root);
    if !root && fields.keys().any(|field| !OF_ADMINISTRATORS.contains(&field.as_str())) {
        return refusal("insufficient privilege");
    }
    let changed = gateway.with(|kept| {
        let channel = kept.channels.iter_mut().find(|channel| channel["id"] == body["id"])?;
        for (field, value) in fields.iter().filter(|(field, value)| is_set(field, value)) {
            channel[field] = value.clone();
        }
        Some(channel.clone())
    });
    changed.map_or_else(|| refusal("record not found"), |channel| answer(&channel))
}

/// Whether a value changes a field; what is not a field, and what is nothing, is left out in silence.
fn is_set(field: &str, value: &Value) -> bool {
    let known = TEXTS.contains(&field) || ["type", "priority", "weight", "auto_ban"].contains(&field);
    let nothing = match field {
        "name" | "models" | "group" => value == "",
        "type" => value == 0,
        _ => false,
    };
    known && !value.is_null() && !nothing
}

async fn remove(State(gateway): State<Gateway>, Path(id): Path<i64>) -> Response {
    if !gateway.with(|kept| kept.root) {
        return forbidden();
    }
    gateway.with(|kept| kept.channels.retain(|channel| channel["id"] != id));
    answer(&Value::Null).into_response()
}

async fn settings(State(gateway): State<Gateway>) -> Response {
    let settings = gateway.with(|kept| kept.root.then(|| kept.settings.clone()));
    match settings {
        None => forbidden(),
        Some(settings) => {
            let one = |(key, value): (&String, &String)| json!({"key": key, "value": value});
            answer(&settings.iter().map(one).collect()).into_response()
        }
    }
}

async fn set(State(gateway): State<Gateway>, Json(body): Json<Value>) -> Response {
    let (Some(name), Some(value)) = (body["key"].as_str(), body["value"].as_str()) else {
        return refusal("invalid parameter").into_response();
    };
    if !gateway.with(|kept| kept.root) {
        return forbidden();
    }
    gateway.with(|kept| kept.settings.insert(name.to_owned(), value.to_owned()));
    Json(json!({"success": true, "message": ""})).into_response()
}

/// The models of each type of channel; the youngest types are not in old releases.
async fn kinds(State(gateway): State<Gateway>) -> Json<Value> {
    let old = gateway.with(|kept| kept.version.starts_with("v0."));
    let kinds = [1, 14, 58, 60].into_iter().filter(|kind| !old || *kind < 58);
    answer(&kinds.map(|kind| (kind.to_string(), json!([]))).collect())
}

async fn log(State(gateway): State<Gateway>) -> Json<Value> {
    let items: Vec<Value> = gateway.with(|kept| kept.log.iter().rev().map(LogRow::shown).collect());
    answer(&json!({"items": items, "total": items.len(), "page": 1, "page_size": items.len()}))
}

/// A path without its slash leads to the one with it; what is nowhere is the console's page.
async fn elsewhere(request: Request) -> Response {
    let path = request.uri().path();
    if ["/api/channel", "/api/option", "/api/log"].contains(&path) {
        let status = match request.method().as_str() {
            "GET" => StatusCode::MOVED_PERMANENTLY,
            _ => StatusCode::TEMPORARY_REDIRECT,
        };
        return (status, [(LOCATION, format!("{path}/"))]).into_response();
    }
    if path.starts_with("/api") || path.starts_with("/v1") {
        return relay::unknown(path);
    }
    Html("<!doctype html><title>New API</title>").into_response()
}

fn forbidden() -> Response {
    refused(StatusCode::FORBIDDEN, "AUTH_INSUFFICIENT_PRIVILEGE", "insufficient privilege")
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({"success": false, "message": message, "code": code}))).into_response()
}

fn answer(data: &Value) -> Json<Value> {
    Json(json!({"success": true, "message": "", "data": data}))
}

fn refusal(message: &str) -> Json<Value> {
    Json(json!({"success": false, "message": message}))
}
