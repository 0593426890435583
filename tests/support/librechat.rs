//! A stand-in for LibreChat, which needs a database: its login, its tokens, its two-step chat, as its source has them.
//!
//! Read in `api/server/routes/agents` and `api/server/controllers` of danny-avila/LibreChat: a POST starts the answer
//! and names its stream, a GET listens to it, and only a POST to `abort` stops it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::SET_COOKIE},
    response::{Html, IntoResponse, Response},
    routing::{delete, get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_shared::{shutdown::Tasks, time::Timestamp};
use reqwest::Url;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{model::ScriptedModel, server::Server};

mod job;

use job::Job;

/// Who may come in.
pub const EMAIL: &str = "alice@example.org";
/// Their password.
pub const PASSWORD: &str = "correct-horse-battery";
/// The parent of a conversation's first message.
pub const NO_PARENT: &str = "00000000-0000-0000-0000-000000000000";

const LOGIN: &str = r#"<!doctype html><meta charset=utf-8><link rel=icon href=data:,><title>LibreChat</title>
<form><input name=email><input name=password type=password><button type=submit>Continue</button></form><script>
document.forms[0].onsubmit = async event => {
  event.preventDefault();
  const body = JSON.stringify(Object.fromEntries(new FormData(event.target)));
  const answer = await fetch('/api/auth/login', {method: 'POST', headers: {'content-type': 'application/json'}, body});
  if (answer.ok) history.pushState({}, '', '/c/new');
};</script>"#;

/// A running stand-in.
#[derive(Debug)]
pub struct LibreChat {
    /// Its base URL.
    pub url: Url,
    /// What answers.
    pub model: ScriptedModel,
    site: LibreChatState,
    _server: Server,
}

#[derive(Clone, Debug)]
struct LibreChatState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    model: ScriptedModel,
    tasks: Tasks,
    state: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    tokens: BTreeSet<String>,
    refreshes: BTreeSet<String>,
    logins: usize,
    renewals: usize,
    count: usize,
    conversations: BTreeMap<String, Vec<Value>>,
    jobs: BTreeMap<String, Job>,
    asked: Vec<Value>,
    aborted: Vec<String>,
    deleted: Vec<String>,
}

impl LibreChat {
    /// Starts one.
    pub async fn start() -> Self {
        let model = ScriptedModel::new();
        let tasks = Tasks::new();
        let site = LibreChatState(Arc::new(Inner { model: model.clone(), tasks, state: Mutex::default() }));
        let server = Server::start(routes(site.clone())).await;
        Self { url: server.url(), model, site, _server: server }
    }

    /// Ends every session, as a restart with another secret does.
    pub fn expire(&self) {
        self.expire_tokens();
        self.site.known(|known| known.refreshes.clear());
    }

    /// Ends what lives for 15 minutes; the cookies that buy the next one live on.
    pub fn expire_tokens(&self) {
        self.site.known(|known| known.tokens.clear());
    }

    /// How often somebody signed in, and how often a session was renewed.
    #[must_use]
    pub fn logins_and_renewals(&self) -> (usize, usize) {
        self.site.known(|known| (known.logins, known.renewals))
    }

    /// The bodies of all questions.
    #[must_use]
    pub fn asked(&self) -> Vec<Value> {
        self.site.known(|known| known.asked.clone())
    }

    /// The conversations whose answers were stopped, and those that were deleted.
    #[must_use]
    pub fn stopped_and_deleted(&self) -> (Vec<String>, Vec<String>) {
        self.site.known(|known| (known.aborted.clone(), known.deleted.clone()))
    }
}

impl LibreChatState {
    fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.0.state.lock().unwrap())
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = bearer.and_then(|bearer| bearer.strip_prefix("Bearer "));
        token.is_some_and(|token| self.known(|known| known.tokens.contains(token)))
    }

    /// A word that nobody had yet.
    fn fresh(&self, what: &str) -> String {
        self.known(|known| {
            known.count += 1;
            format!("{what}-{}", known.count)
        })
    }

    fn signed_in(&self) -> Response {
        let token = jwt(&self.fresh("token"));
        let refresh = self.fresh("refresh");
        self.known(|known| {
            known.tokens.insert(token.clone());
            known.refreshes.insert(refresh.clone());
        });
        let cookie = format!("refreshToken={refresh}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800");
        ([(SET_COOKIE, cookie)], Json(json!({"token": token, "user": {"email": EMAIL}}))).into_response()
    }
}

/// In the shape of a JWT that lives for 15 minutes. Tokens are looked up, so it is not signed.
fn jwt(id: &str) -> String {
    let ends_at = Timestamp::now() + Duration::from_secs(15 * 60);
    let claims = json!({"id": id, "exp": ends_at.millis() / 1000});
    format!("e30.{}.{id}", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn routes(site: LibreChatState) -> Router {
    Router::new()
        .route("/login", get(async || Html(LOGIN)))
        .route("/api/auth/login", post(login))
        .route("/api/auth/refresh", post(refresh))
        .route("/api/user", get(user))
        .route("/api/models", get(models))
        .route("/api/agents/chat/openAI", post(chat))
        .route("/api/agents/chat/stream/{stream}", get(listen))
        .route("/api/agents/chat/abort", post(abort))
        .route("/api/convos", delete(remove))
        .with_state(site)
}

fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, "Unauthorized").into_response()
}

async fn login(State(site): State<LibreChatState>, Json(body): Json<Value>) -> Response {
    if body["email"] == EMAIL && body["password"] == PASSWORD {
        site.known(|known| known.logins += 1);
        return site.signed_in();
    }
    (StatusCode::NOT_FOUND, Json(json!({"message": "Incorrect password."}))).into_response()
}

async fn refresh(State(site): State<LibreChatState>, headers: HeaderMap) -> Response {
    let cookies = headers.get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("refreshToken="));
    // As the product: 200 and a text without a cookie, 401 with one that is dead or was used before.
    let Some(token) = token else { return "Refresh token not provided".into_response() };
    if !site.known(|known| known.refreshes.remove(token)) {
        return (StatusCode::UNAUTHORIZED, "Refresh token expired or not found for this user")
            .into_response();
    }
    site.known(|known| known.renewals += 1);
    site.signed_in()
}

async fn user(State(site): State<LibreChatState>, headers: HeaderMap) -> Response {
    if site.knows(&headers) { Json(json!({"email": EMAIL})).into_response() } else { unauthorized() }
}

async fn models(State(site): State<LibreChatState>, headers: HeaderMap) -> Response {
    if !site.knows(&headers) {
        return unauthorized();
    }
    Json(json!({"openAI": ["practice-1"], "agents": []})).into_response()
}

async fn chat(State(site): State<LibreChatState>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if !site.knows(&headers) {
        return unauthorized();
    }
    let wanted = body["conversationId"].as_str().unwrap_or_default().to_owned();
    let conversation = if wanted == "new" { site.fresh("conversation") } else { wanted };
    let history = site.known(|known| {
        known.asked.push(body.clone());
        known.conversations.get(&conversation).cloned().unwrap_or_default()
    });
    let last = history.last().map_or(NO_PARENT, |message| message["messageId"].as_str().unwrap());
    if body["parentMessageId"] != last {
        return (StatusCode::CONFLICT, Json(json!({"error": "unknown parent"}))).into_response();
    }
    let job = Job { conversation: conversation.clone(), body, history, stop: CancellationToken::new() };
    site.known(|known| known.jobs.insert(conversation.clone(), job));
    Json(json!({"streamId": conversation, "conversationId": conversation, "status": "started"}))
        .into_response()
}

async fn listen(
    State(site): State<LibreChatState>,
    Path(stream): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !site.knows(&headers) {
        return unauthorized();
    }
    match site.known(|known| known.jobs.get(&stream).cloned()) {
        Some(job) => job.run(&site),
        None => (StatusCode::NOT_FOUND, Json(json!({"error": "Stream not found"}))).into_response(),
    }
}

async fn abort(State(site): State<LibreChatState>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if !site.knows(&headers) {
        return unauthorized();
    }
    let stream = body["conversationId"].as_str().unwrap_or_default().to_owned();
    match site.known(|known| known.jobs.remove(&stream)) {
        Some(job) => {
            job.stop.cancel();
            site.known(|known| known.aborted.push(stream.clone()));
            Json(json!({"success": true, "aborted": stream})).into_response()
        }
        None => (StatusCode::NOT_FOUND, Json(json!({"error": "Job not found", "streamId": stream})))
            .into_response(),
    }
}

async fn remove(State(site): State<LibreChatState>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if !site.knows(&headers) {
        return unauthorized();
    }
    let conversation = body["arg"]["conversationId"].as_str().unwrap_or_default().to_owned();
    site.known(|known| {
        known.conversations.remove(&conversation);
        known.deleted.push(conversation);
    });
    (StatusCode::CREATED, Json(json!({"acknowledged": true}))).into_response()
}
