//! A model whose answers a test decides, speaking OpenAI's chat completions.
//!
//! [`ScriptedModel`] answers in-process (the practice site asks it), [`ModelServer`] over HTTP.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::server::Server;

mod call;
mod player;
mod reply;
mod words;

pub use call::{CallEnd, ModelCall};
pub use reply::Reply;

/// Answers requests from a queue of replies, then with the fallback. Clones share everything.
#[derive(Clone, Debug)]
pub struct ScriptedModel {
    shared: Arc<ModelState>,
}

#[derive(Debug)]
struct ModelState {
    queue: Mutex<VecDeque<Reply>>,
    fallback: Mutex<Fallback>,
    calls: call::ModelCalls,
    releases: Semaphore,
    key: Mutex<Option<String>>,
}

/// What answers a request when the queue is empty.
#[derive(Clone)]
struct Fallback(Arc<dyn Fn(&Value) -> Reply + Send + Sync>);

/// A scripted model on a port.
#[derive(Debug)]
pub struct ModelServer {
    /// Its base URL; the API is below `/v1`.
    pub url: Url,
    /// What it answers.
    pub model: ScriptedModel,
    server: Server,
}

impl ScriptedModel {
    /// A model that talks about the question.
    #[must_use]
    pub fn new() -> Self {
        let shared = ModelState {
            queue: Mutex::default(),
            fallback: Mutex::new(Fallback::always(Reply::echo())),
            calls: call::ModelCalls::default(),
            releases: Semaphore::new(0),
            key: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Starts a model of its own on a free port.
    pub async fn start() -> ModelServer {
        let model = Self::new();
        let server = Server::start(model.router()).await;
        ModelServer { url: server.url(), model, server }
    }

    /// Puts a reply at the end of the queue; each answers one request.
    pub fn will(&self, reply: Reply) {
        self.shared.queue.lock().unwrap().push_back(reply);
    }

    /// Sets what answers when the queue is empty.
    pub fn always(&self, reply: Reply) {
        *self.shared.fallback.lock().unwrap() = Fallback::always(reply);
    }

    /// Sets what decides by the request when the queue is empty: for clients that ask several things at once.
    pub fn always_with(&self, reply: impl Fn(&Value) -> Reply + Send + Sync + 'static) {
        *self.shared.fallback.lock().unwrap() = Fallback(Arc::new(reply));
    }

    /// Refuses whoever comes over HTTP without this key.
    pub fn demand(&self, key: &str) {
        *self.shared.key.lock().unwrap() = Some(key.to_owned());
    }

    /// Lets `count` replies go on that wait in a [`Reply::hold`], or will.
    pub fn release(&self, count: usize) {
        self.shared.releases.add_permits(count);
    }

    /// Every request so far, in the order of their arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<ModelCall> {
        self.shared.calls.all()
    }

    /// The last request.
    ///
    /// # Panics
    /// When there was none.
    #[must_use]
    pub fn last_call(&self) -> ModelCall {
        self.calls().pop().expect("the model was asked")
    }

    /// How many requests are in a certain condition.
    #[must_use]
    pub fn count(&self, end: CallEnd) -> usize {
        self.calls().iter().filter(|call| call.end == end).count()
    }

    /// Forgets the requests so far and the queue.
    pub fn reset(&self) {
        self.shared.queue.lock().unwrap().clear();
        self.shared.calls.clear();
    }

    /// Answers one request, from inside this process.
    pub async fn answer(&self, headers: &HeaderMap, body: &Bytes) -> Response {
        let request: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let call = self.shared.calls.begin(headers.clone(), request.clone());
        if !request["messages"].is_array() {
            let error =
                json!({"error": {"message": "messages is not a list", "type": "invalid_request_error"}});
            return player::play(self, Reply::status(400, &error), request, call).await;
        }
        let queued = self.shared.queue.lock().unwrap().pop_front();
        let fallback = self.shared.fallback.lock().unwrap().clone();
        let reply = queued.unwrap_or_else(|| (fallback.0)(&request));
        player::play(self, reply, request, call).await
    }

    /// The API: `/v1/chat/completions` and `/v1/models`.
    pub fn router(&self) -> Router {
        let completions = async |State(model): State<Self>, headers: HeaderMap, body: Bytes| {
            if model.accepts(&headers) { model.answer(&headers, &body).await } else { wrong_key() }
        };
        let list = async |State(model): State<Self>, headers: HeaderMap| {
            if model.accepts(&headers) { Json(models()).into_response() } else { wrong_key() }
        };
        Router::new()
            .route("/v1/chat/completions", post(completions))
            .route("/v1/models", get(list))
            .with_state(self.clone())
    }

    fn accepts(&self, headers: &HeaderMap) -> bool {
        let key = self.shared.key.lock().unwrap();
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        key.as_ref().is_none_or(|key| sent == Some(&format!("Bearer {key}")))
    }

    async fn released(&self) {
        self.shared.releases.acquire().await.unwrap().forget();
    }
}

impl Default for ScriptedModel {
    fn default() -> Self {
        Self::new()
    }
}

impl Fallback {
    fn always(reply: Reply) -> Self {
        Self(Arc::new(move |_| reply.clone()))
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallback(..)")
    }
}

impl ModelServer {
    /// Closes the port.
    pub async fn stop(&self) {
        self.server.stop().await;
    }
}

fn wrong_key() -> Response {
    let error = json!({"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error"}});
    (StatusCode::UNAUTHORIZED, Json(error)).into_response()
}

/// The list of models, as OpenAI writes it.
#[must_use]
pub fn models() -> Value {
    let model =
        json!({"id": "practice-1", "object": "model", "created": 1_700_000_000, "owned_by": "practice"});
    json!({"object": "list", "data": [model]})
}
