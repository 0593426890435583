//! A client of a gateway, its administrator's and its user's: the stand-in and the real one take the same calls.

use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};

use crate::http;

/// Speaks to one gateway.
#[derive(Clone, Debug)]
pub struct Console {
    /// Its base URL.
    pub url: Url,
    /// The key of a user, for clients.
    pub key: String,
    token: String,
    http: reqwest::Client,
}

impl Console {
    /// A client with an administrator's access token and a user's key.
    #[must_use]
    pub fn new(url: &Url, token: &str, key: &str) -> Self {
        Self { url: url.clone(), key: key.to_owned(), token: token.to_owned(), http: http::client() }
    }

    /// Makes a channel.
    pub async fn add(&self, channel: &Value) {
        self.does(Method::POST, "/api/channel/", &json!({"mode": "single", "channel": channel})).await;
    }

    /// Changes a setting.
    pub async fn set(&self, name: &str, value: &str) {
        self.does(Method::PUT, "/api/option/", &json!({"key": name, "value": value})).await;
    }

    /// All channels.
    pub async fn channels(&self) -> Vec<Value> {
        self.list("/api/channel/?p=1&page_size=100").await
    }

    /// The last rows of its log, the newest first.
    pub async fn log(&self) -> Vec<Value> {
        self.list("/api/log/?p=1&page_size=100").await
    }

    /// A user's request.
    pub fn asks(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http.post(self.at(path)).bearer_auth(&self.key).json(body)
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let answer = self.http.get(self.at(path)).bearer_auth(&self.token).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        let items = answer["data"]["items"].take();
        items.as_array().cloned().unwrap_or_else(|| panic!("{path} lists nothing: {answer}"))
    }

    async fn does(&self, method: Method, path: &str, body: &Value) {
        let request = self.http.request(method, self.at(path)).bearer_auth(&self.token).json(body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["success"], true, "{path} {body}: {answer}");
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.as_str().trim_end_matches('/'))
    }
}
