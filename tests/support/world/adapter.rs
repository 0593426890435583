//! A client of an adapter.

use std::time::Duration;

use reqwest::{Client, Method, Response, Url};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{HttpAnswer, SHARED_SECRET, Streamed};
use crate::{
    http,
    model::{CallEnd, Reply, ScriptedModel},
    wait,
};

/// How long the model may take to learn that nobody listens.
const NOTICED: Duration = Duration::from_secs(10);

/// Speaks to one adapter with the shared secret.
#[derive(Clone, Debug)]
pub struct AdapterClient {
    /// Its base URL.
    pub url: Url,
    secret: String,
    http: Client,
}

impl AdapterClient {
    /// A client with the world's secret.
    #[must_use]
    pub fn new(url: &Url) -> Self {
        Self { url: url.clone(), secret: SHARED_SECRET.to_owned(), http: http::client() }
    }

    /// The same client with another secret.
    #[must_use]
    pub fn with_secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    /// A body that asks one question.
    #[must_use]
    pub fn question(text: &str) -> Value {
        json!({"model": "practice-1", "messages": [{"role": "user", "content": text}]})
    }

    /// Asks one question and reads the whole answer.
    pub async fn ask(&self, question: &str) -> HttpAnswer {
        self.chat(&Self::question(question)).await
    }

    /// Asks one question and reads the stream of the answer.
    pub async fn ask_streamed(&self, question: &str) -> Streamed {
        self.stream(&Self::question(question)).await
    }

    /// A chat completion, as the body says.
    pub async fn chat(&self, body: &Value) -> HttpAnswer {
        self.send(Method::POST, "/v1/chat/completions", Some(body)).await
    }

    /// A chat completion with `stream: true`, read to its end.
    pub async fn stream(&self, body: &Value) -> Streamed {
        let begun = Instant::now();
        Streamed::read(self.open(body).await, begun).await
    }

    /// The same; once this much is said, something is done about it. What happens at a real site before its client has
    /// heard of it may take away what was said before.
    pub async fn stream_and(&self, body: &Value, said: &str, then: impl FnOnce()) -> Streamed {
        let begun = Instant::now();
        Streamed::read_and(self.open(body).await, begun, said, then).await
    }

    /// A chat completion with `stream: true`, of which nothing has been read; dropped, the client goes.
    pub async fn open(&self, body: &Value) -> Response {
        let mut body = body.clone();
        body["stream"] = true.into();
        self.request(Method::POST, "/v1/chat/completions", Some(&body)).send().await.unwrap()
    }

    /// Asks, and goes in the middle of the answer: the site's model must be stopped.
    ///
    /// # Panics
    /// When nothing is said, or the model goes on.
    pub async fn leave(&self, body: &Value, model: &ScriptedModel) {
        model.will(Reply::pieces(&["Once", " upon"]).silence());
        let before = model.count(CallEnd::Cancelled);
        let mut response = self.open(body).await;
        assert!(response.chunk().await.unwrap().is_some());
        drop(response);
        wait::until(NOTICED, || model.count(CallEnd::Cancelled) > before).await;
    }

    /// A GET.
    pub async fn get(&self, path: &str) -> HttpAnswer {
        self.send(Method::GET, path, None).await
    }

    /// Any request, with the secret.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> HttpAnswer {
        HttpAnswer::read(self.request(method, path, body).send().await.unwrap()).await
    }

    /// Any request, to be changed before it is sent.
    pub fn request(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::RequestBuilder {
        // Not joined: some tests want a path that joining would tidy.
        let url = format!("{}{path}", self.url.as_str().trim_end_matches('/'));
        let request = self.http.request(method, url).bearer_auth(&self.secret);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }
}
