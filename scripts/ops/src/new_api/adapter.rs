//! What the adapters themselves say: whether they can serve, and which models.

use std::time::Duration;

use anyhow::Context;
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Both are answered out of memory.
const DEADLINE: Duration = Duration::from_secs(5);

/// How an adapter is.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    /// Whether it can serve; behind a balancer, whether it answers.
    pub ready: bool,
    /// Accounts that serve, of those that there are; a balancer tells nobody.
    pub accounts: String,
    /// Why it cannot.
    pub reasons: Vec<String>,
}

#[derive(Deserialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
    sites: Vec<SiteReadiness>,
}

#[derive(Deserialize)]
struct SiteReadiness {
    accounts: usize,
    serving: usize,
}

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(DEADLINE).no_proxy().build()
}

/// Asks an adapter how it is.
pub(super) async fn health(adapter: &Url) -> Health {
    let unknown =
        |why: &str| Health { ready: false, accounts: "-".to_owned(), reasons: vec![why.to_owned()] };
    let (Ok(client), Ok(url)) = (client(), adapter.join("/readyz")) else { return unknown("cannot ask") };
    let Ok(response) = client.get(url).send().await else { return unknown("no answer") };
    if response.status() == StatusCode::NOT_FOUND && is_behind_a_balancer(&client, adapter).await {
        return Health { ready: true, accounts: "-".to_owned(), reasons: Vec::new() };
    }
    let Ok(said) = response.json::<Readiness>().await else { return unknown("no adapter answers there") };
    let (serving, all) =
        said.sites.iter().fold((0, 0), |sum, site| (sum.0 + site.serving, sum.1 + site.accounts));
    Health { ready: said.ready, accounts: format!("{serving} of {all}"), reasons: said.reasons }
}

/// Whether an adapter answers there, which asks for a secret, though nobody is told how it is.
async fn is_behind_a_balancer(client: &reqwest::Client, adapter: &Url) -> bool {
    let Ok(url) = adapter.join("/v1/models") else { return false };
    client.get(url).send().await.is_ok_and(|response| response.status() == StatusCode::UNAUTHORIZED)
}

/// The models of an adapter.
///
/// # Errors
/// When it does not list any.
pub(super) async fn models(adapter: &Url, key: &SecretString) -> anyhow::Result<Vec<String>> {
    let asked = client()?.get(adapter.join("/v1/models")?).bearer_auth(key.expose_secret()).send().await;
    let response = asked.map_err(reqwest::Error::without_url).and_then(reqwest::Response::error_for_status);
    let response = response.map_err(reqwest::Error::without_url);
    let listed: Models =
        response.with_context(|| format!("{adapter} does not list its models"))?.json().await?;
    let models: Vec<String> = listed.data.into_iter().map(|model| model.id).collect();
    anyhow::ensure!(!models.is_empty(), "{adapter} has no models yet: name them in the rollout file");
    Ok(models)
}
