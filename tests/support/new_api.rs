//! A stand-in for new-api's admin API, after its documented shapes: channels, settings, and who may see them.
//!
//! It answers in new-api's envelope, keeps channels in memory, and can be told to hang on a certain change.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{delete, get},
};
use reqwest::Url;
use serde_json::{Value, json};

use crate::server::Server;

/// The access token of its administrator.
pub const TOKEN: &str = "access-token-of-a-test-new-api";
/// The administrator's id.
pub const USER: u64 = 7;

/// A running stand-in.
#[derive(Debug)]
pub struct NewApi {
    /// Its base URL.
    pub url: Url,
    gateway: Gateway,
    _server: Server,
}

#[derive(Clone, Debug)]
struct Gateway(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    version: String,
    channels: Vec<Value>,
    keys: BTreeMap<i64, String>,
    settings: BTreeMap<String, String>,
    /// Whether the administrator is the root user, who alone sees settings.
    root: bool,
    next: i64,
    changes: usize,
    hangs_at: Option<usize>,
}

impl NewApi {
    /// Starts one without channels, with new-api's default settings.
    pub async fn start() -> Self {
        let kept = Kept {
            version: "v1.0.0-rc.25".to_owned(),
            channels: Vec::new(),
            keys: BTreeMap::new(),
            settings: defaults(),
            root: true,
            next: 1,
            changes: 0,
            hangs_at: None,
        };
        let gateway = Gateway(Arc::new(Mutex::new(kept)));
        let server = Server::start(router(gateway.clone())).await;
        Self { url: server.url(), gateway, _server: server }
    }

    /// Adds a channel that was there before.
    pub fn add(&self, channel: &Value) {
        self.with(|kept| kept.add(channel));
    }

    /// All channels, without their keys.
    #[must_use]
    pub fn channels(&self) -> Vec<Value> {
        self.with(|kept| kept.channels.clone())
    }

    /// The key of a channel.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        self.with(|kept| {
            let channel = kept.channels.iter().find(|channel| channel["name"] == name).unwrap();
            kept.keys[&channel["id"].as_i64().unwrap()].clone()
        })
    }

    /// How many changes were asked for.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.with(|kept| kept.changes)
    }

    /// Lets the change after `count` more of them wait for ever, undone.
    pub fn hang_after(&self, count: usize) {
        self.with(|kept| kept.hangs_at = Some(kept.changes + count));
    }

    /// Lets changes through again.
    pub fn go_on(&self) {
        self.with(|kept| kept.hangs_at = None);
    }

    /// Calls itself another version.
    pub fn is_version(&self, version: &str) {
        self.with(|kept| version.clone_into(&mut kept.version));
    }

    /// Changes a setting.
    pub fn set(&self, name: &str, value: &str) {
        self.with(|kept| kept.settings.insert(name.to_owned(), value.to_owned()));
    }

    /// Makes its administrator one who does not see settings.
    pub fn hide_settings(&self) {
        self.with(|kept| kept.root = false);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        self.gateway.with(look)
    }
}

impl Gateway {
    fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

impl Kept {
    fn add(&mut self, channel: &Value) {
        let mut whole = json!({
            "id": self.next, "type": 1, "status": 1, "name": "", "weight": 0, "priority": 0, "base_url": "",
            "models": "", "group": "default", "model_mapping": null, "test_model": null, "tag": null,
            "header_override": null, "auto_ban": 1, "created_time": 1_760_000_000, "response_time": 0,
        });
        self.next += 1;
        for (field, value) in channel.as_object().unwrap() {
            whole[field] = value.clone();
        }
        let key = whole.as_object_mut().unwrap().remove("key");
        let key = key.and_then(|key| key.as_str().map(str::to_owned)).unwrap_or_default();
        self.keys.insert(whole["id"].as_i64().unwrap(), key);
        self.channels.push(whole);
    }
}

fn defaults() -> BTreeMap<String, String> {
    let rule = r#"[{"name":"claude cli trace","model_regex":["^claude-.*$"],"skip_retry_on_failure":true}]"#;
    let settings = [
        ("RetryTimes", "0"),
        ("AutomaticDisableChannelEnabled", "true"),
        ("ChannelDisableThreshold", "5"),
        ("general_setting.ping_interval_enabled", "false"),
        ("general_setting.ping_interval_seconds", "60"),
        ("channel_affinity_setting.enabled", "true"),
        ("channel_affinity_setting.rules", rule),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn router(gateway: Gateway) -> Router {
    let managed = Router::new()
        .route("/api/channel/", get(list).post(make).put(change))
        .route("/api/channel/{id}", delete(remove))
        .route("/api/option/", get(settings))
        .layer(from_fn_with_state(gateway.clone(), admit));
    Router::new().route("/api/status", get(status)).merge(managed).with_state(gateway)
}

/// Lets the administrator in; a change that shall hang gets no further.
async fn admit(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    if !is_the_administrator(request.headers()) {
        return (StatusCode::UNAUTHORIZED, refusal("access token invalid")).into_response();
    }
    if request.method() != "GET" {
        let hangs = gateway.with(|kept| {
            kept.changes += 1;
            kept.hangs_at.is_some_and(|at| at < kept.changes)
        });
        if hangs {
            std::future::pending::<()>().await;
        }
    }
    next.run(request).await
}

fn is_the_administrator(headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    header("authorization") == Some(&format!("Bearer {TOKEN}"))
        && header("new-api-user") == Some(&USER.to_string())
}

async fn status(State(gateway): State<Gateway>) -> Json<Value> {
    answer(&gateway.with(|kept| json!({"version": kept.version, "system_name": "New API", "setup": true})))
}

async fn list(State(gateway): State<Gateway>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let number = |name: &str, default: usize| query.get(name).map_or(default, |text| text.parse().unwrap());
    let (page, size) = (number("p", 1), number("page_size", 20).min(100));
    let channels = gateway.with(|kept| kept.channels.clone());
    let items: Vec<&Value> = channels.iter().rev().skip((page - 1) * size).take(size).collect();
    answer(&json!({"items": items, "total": channels.len(), "page": page, "page_size": size}))
}

async fn make(State(gateway): State<Gateway>, Json(body): Json<Value>) -> Json<Value> {
    let channel = &body["channel"];
    if body["mode"] != "single" || channel["key"].as_str().is_none_or(str::is_empty) {
        return refusal("the channel is not whole");
    }
    gateway.with(|kept| kept.add(channel));
    answer(&Value::Null)
}

async fn change(State(gateway): State<Gateway>, Json(body): Json<Value>) -> Json<Value> {
    // Newer releases have a call of its own for it, and refuse it here.
    if body.get("status").is_some() {
        return refusal("invalid parameter");
    }
    let changed = gateway.with(|kept| {
        let channel = kept.channels.iter_mut().find(|channel| channel["id"] == body["id"])?;
        for (field, value) in body.as_object()?.iter().filter(|(_, value)| !value.is_null()) {
            channel[field] = value.clone();
        }
        Some(channel.clone())
    });
    changed.map_or_else(|| refusal("channel does not exist"), |channel| answer(&channel))
}

async fn remove(State(gateway): State<Gateway>, Path(id): Path<i64>) -> Json<Value> {
    gateway.with(|kept| kept.channels.retain(|channel| channel["id"] != id));
    answer(&Value::Null)
}

async fn settings(State(gateway): State<Gateway>) -> Response {
    let settings = gateway.with(|kept| kept.root.then(|| kept.settings.clone()));
    match settings {
        None => (StatusCode::FORBIDDEN, refusal("insufficient privilege")).into_response(),
        Some(settings) => {
            let one = |(key, value): (&String, &String)| json!({"key": key, "value": value});
            answer(&settings.iter().map(one).collect()).into_response()
        }
    }
}

fn answer(data: &Value) -> Json<Value> {
    Json(json!({"success": true, "message": "", "data": data}))
}

fn refusal(message: &str) -> Json<Value> {
    Json(json!({"success": false, "message": message}))
}
