//! What is served there: the models with their limits, and whether responses come over sockets too.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// All of it is answered out of memory; a gateway asks its upstream.
const DEADLINE: Duration = Duration::from_secs(20);

/// What is served.
pub(super) struct ServedModels {
    /// At least one.
    pub(super) models: Vec<ServedModel>,
    /// Whether responses come over sockets too.
    pub(super) has_sockets: bool,
}

/// A model, and what is told of it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServedModel {
    pub(super) id: String,
    /// The tokens of a conversation and its answer.
    #[serde(rename = "context_length")]
    pub(super) context: Option<u64>,
    #[serde(default)]
    top_provider: ServedLimits,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct ServedLimits {
    max_completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct ModelPage {
    data: Vec<ServedModel>,
}

impl ServedModel {
    /// The tokens of an answer, where the site tells them.
    pub(super) fn output(&self) -> Option<u64> {
        self.top_provider.max_completion_tokens
    }
}

impl ServedModels {
    /// Asks an adapter or a gateway.
    ///
    /// # Errors
    /// When it lists no models.
    pub(super) async fn ask(url: &Url, key: &SecretString) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(DEADLINE).no_proxy().build()?;
        let base = url.as_str().trim_end_matches('/');
        let get = |path: &str| client.get(format!("{base}{path}")).bearer_auth(key.expose_secret()).send();
        let asked = get("/v1/models").await.and_then(reqwest::Response::error_for_status);
        let answer = asked.map_err(reqwest::Error::without_url);
        let answer = answer.with_context(|| format!("{base} does not list its models"))?;
        let page: ModelPage =
            answer.json().await.map_err(reqwest::Error::without_url).context("the list of models is none")?;
        ensure!(!page.data.is_empty(), "{base} has no models yet: sign an account in first");
        let socket = get("/v1/responses").await;
        let has_sockets = socket.is_ok_and(|answer| answer.status() == StatusCode::UPGRADE_REQUIRED);
        Ok(Self { models: page.data, has_sockets })
    }

    /// The model of this name, else the first.
    ///
    /// # Errors
    /// When there is no such model.
    pub(super) fn named(&self, name: Option<&str>) -> anyhow::Result<ServedModel> {
        let found = match name {
            Some(name) => self.models.iter().find(|model| model.id == name),
            None => self.models.first(),
        };
        let names = || self.models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", ");
        found.cloned().with_context(|| format!("--model: expected one of {}", names()))
    }
}
