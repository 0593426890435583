//! A stand-in for new-api, as measured: it relays, converts, pings, draws channels and asks again; and its admin API.
//!
//! It keeps all in memory, answers in new-api's envelope, and can be told to hang on a certain change. A test may have
//! the real one in its place: [`Relaying`] is either.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, routing::any};
use latchkey_shared::shutdown::Tasks;
use reqwest::Url;
use serde_json::{Value, json};

use crate::{http, server::Server};

mod admin;
mod client;
mod console;
mod convert;
mod defaults;
mod draw;
mod log;
mod message;
mod real;
mod relay;
mod scan;
mod talk;
mod wire;

pub use console::Console;
pub use real::{Real, Relaying, brought};

/// The access token of its administrator.
pub const TOKEN: &str = "access-token-of-a-test-new-api";
/// The administrator's id.
pub const USER: u64 = 7;
/// The key of its user.
const KEY: &str = "sk-of-a-user-of-a-test-new-api";

/// A running stand-in.
#[derive(Debug)]
pub struct NewApi {
    /// Its base URL.
    pub url: Url,
    gateway: Gateway,
    _server: Server,
}

#[derive(Clone, Debug)]
struct Gateway {
    kept: Arc<Mutex<GatewayState>>,
    /// Asks the channels.
    http: reqwest::Client,
    /// Requests on their way.
    tasks: Tasks,
}

#[derive(Debug)]
struct GatewayState {
    version: String,
    channels: Vec<Value>,
    keys: BTreeMap<i64, String>,
    settings: BTreeMap<String, String>,
    /// Whether the administrator is the root user, who alone sees settings.
    root: bool,
    bonds: draw::Bonds,
    log: Vec<log::LogRow>,
    changes: usize,
    hangs_at: Option<usize>,
}

impl NewApi {
    /// Starts one without channels, with new-api's default settings.
    pub async fn start() -> Self {
        let kept = GatewayState {
            version: "v1.0.0-rc.24".to_owned(),
            channels: Vec::new(),
            keys: BTreeMap::new(),
            settings: defaults::settings(),
            root: true,
            bonds: BTreeMap::new(),
            log: Vec::new(),
            changes: 0,
            hangs_at: None,
        };
        let gateway =
            Gateway { kept: Arc::new(Mutex::new(kept)), http: http::patient(), tasks: Tasks::new() };
        let router: Router<Gateway> = Router::new().route("/v1/{*path}", any(relay::relay));
        let router = router.merge(admin::router(gateway.clone())).with_state(gateway.clone());
        let server = Server::start(router).await;
        Self { url: server.url(), gateway, _server: server }
    }

    /// A client of its administrator and of its user.
    #[must_use]
    pub fn console(&self) -> Console {
        Console::new(&self.url, TOKEN, KEY)
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

    fn with<T>(&self, look: impl FnOnce(&mut GatewayState) -> T) -> T {
        self.gateway.with(look)
    }
}

impl Gateway {
    fn with<T>(&self, look: impl FnOnce(&mut GatewayState) -> T) -> T {
        look(&mut self.kept.lock().unwrap())
    }
}

impl GatewayState {
    fn add(&mut self, channel: &Value) {
        // SQLite gives the highest id again that has become free.
        let id = self.channels.iter().filter_map(|channel| channel["id"].as_i64()).max().unwrap_or(0) + 1;
        let info = json!({"is_multi_key": false, "multi_key_size": 0, "multi_key_mode": ""});
        let mut whole = json!({
            "id": id, "type": 1, "key": "", "openai_organization": "", "test_model": null, "status": 1, "name": "",
            "weight": 0, "created_time": 1_760_000_000, "test_time": 0, "response_time": 0, "base_url": "", "other": "",
            "balance": 0, "balance_updated_time": 0, "models": "", "group": "default", "used_quota": 0,
            "model_mapping": null, "status_code_mapping": "", "priority": 0, "auto_ban": 1, "other_info": "",
            "tag": null, "setting": null, "param_override": null, "header_override": null, "remark": "",
            "channel_info": info, "settings": "",
        });
        for (field, value) in channel.as_object().unwrap() {
            whole[field] = value.clone();
        }
        let key = whole["key"].take();
        whole["key"] = "".into();
        self.keys.insert(id, key.as_str().unwrap_or_default().to_owned());
        self.channels.push(whole);
    }

    /// How often a request is asked at most.
    fn tries(&self) -> usize {
        1 + self.number("RetryTimes")
    }

    /// How often a waiting client is sent a line.
    fn ping(&self) -> Option<Duration> {
        let on = self.settings.get("general_setting.ping_interval_enabled").is_some_and(|on| on == "true");
        on.then(|| Duration::from_secs(self.number("general_setting.ping_interval_seconds") as u64))
    }

    fn number(&self, setting: &str) -> usize {
        self.settings.get(setting).and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}
