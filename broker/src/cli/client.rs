//! The admin API from its other side.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use latchkey_shared::{env::Env, id::AccountId};
use reqwest::{Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::account::FilterArguments;
use crate::{
    admin::{
        accounts::{AccountList, AccountView},
        audit::AuditList,
        auth::CLI_AGENT,
        credentials::CredentialsVersion,
        keys::KeysView,
        problem::ProblemView,
        session::ImportedView,
    },
    config,
    operations::{OperationId, OperationView},
};

/// The API answers at once; only a broker that is not there is slow.
const DEADLINE: Duration = Duration::from_secs(15);

/// Longer than a renewal and a probe take at a site whose file gives them no time of its own.
const PROVING: Duration = Duration::from_secs(90);

/// A broker, and the right to manage it.
pub(super) struct BrokerClient {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
}

/// The body of `POST /v1/accounts`.
#[derive(Serialize)]
pub(super) struct AccountBody<'a> {
    pub(super) site: &'a str,
    pub(super) label: &'a str,
    pub(super) pools: &'a [String],
    pub(super) weight: Option<u32>,
    pub(super) concurrency: Option<u32>,
    pub(super) requests_per_minute: Option<u32>,
    pub(super) schedule: Option<&'a str>,
    pub(super) credentials: Option<CredentialsPayload<'a>>,
}

/// Credentials on their way to the broker.
#[derive(Serialize)]
pub(super) struct CredentialsPayload<'a> {
    pub(super) username: &'a str,
    pub(super) password: &'a str,
    pub(super) totp_seed: Option<&'a str>,
}

/// The one refusal that passes when the same is sent again.
#[derive(Debug, thiserror::Error)]
#[error("{0} (credentials_changed)")]
struct CredentialsChanged(String);

impl BrokerClient {
    pub(super) fn from_env(env: &Env) -> anyhow::Result<Self> {
        let base = env.text("LATCHKEY_BROKER_URL")?.unwrap_or_else(|| "http://127.0.0.1:7801".to_owned());
        let base: Url = base.parse().context("LATCHKEY_BROKER_URL is wrong: expected a URL")?;
        let http = reqwest::Client::builder().user_agent(CLI_AGENT).timeout(DEADLINE).no_proxy().build()?;
        Ok(Self { http, base, token: config::admin_token(env)? })
    }

    pub(super) async fn accounts(&self, filter: &FilterArguments) -> anyhow::Result<AccountList> {
        let fields = [("site", &filter.site), ("pool", &filter.pool), ("state", &filter.state)];
        let given: Vec<_> =
            fields.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value))).collect();
        self.answer(self.request(Method::GET, "/v1/accounts")?.query(&given)).await
    }

    /// Finds an account by its id or its label.
    pub(super) async fn find(&self, name: &str) -> anyhow::Result<AccountView> {
        if name.parse::<AccountId>().is_ok() {
            return self.answer(self.request(Method::GET, &format!("/v1/accounts/{name}"))?).await;
        }
        let mut accounts = self.accounts(&FilterArguments::default()).await?.accounts;
        accounts.retain(|view| view.account.label == name);
        match accounts.len() {
            0 => bail!("there is no account {name}; see `latchkey-broker account list`"),
            1 => Ok(accounts.remove(0)),
            several => bail!("{several} accounts are called {name}: name one by its id"),
        }
    }

    pub(super) async fn create(&self, account: &AccountBody<'_>) -> anyhow::Result<AccountView> {
        self.answer(self.request(Method::POST, "/v1/accounts")?.json(account)).await
    }

    pub(super) async fn change(
        &self,
        id: AccountId,
        change: &Map<String, Value>,
    ) -> anyhow::Result<AccountView> {
        self.answer(self.request(Method::PATCH, &format!("/v1/accounts/{id}"))?.json(change)).await
    }

    pub(super) async fn repair(&self, id: AccountId) -> anyhow::Result<AccountView> {
        self.answer(self.request(Method::POST, &format!("/v1/accounts/{id}/repair"))?).await
    }

    pub(super) async fn delete(&self, id: AccountId) -> anyhow::Result<()> {
        self.send(self.request(Method::DELETE, &format!("/v1/accounts/{id}"))?).await.map(drop)
    }

    pub(super) async fn start_login(&self, id: AccountId) -> anyhow::Result<OperationView> {
        self.answer(self.request(Method::POST, &format!("/v1/accounts/{id}/logins"))?).await
    }

    /// Gives the version that they are stored as. Once more where somebody else has changed them meanwhile.
    pub(super) async fn replace_credentials(
        &self,
        id: AccountId,
        credentials: &Map<String, Value>,
    ) -> anyhow::Result<u64> {
        let path = format!("/v1/accounts/{id}/credentials");
        let request = || Ok::<_, anyhow::Error>(self.request(Method::PUT, &path)?.json(credentials));
        let stored = match self.answer::<CredentialsVersion>(request()?).await {
            Err(error) if error.is::<CredentialsChanged>() => self.answer(request()?).await,
            stored => stored,
        };
        stored.map(|stored| stored.version)
    }

    pub(super) async fn give(
        &self,
        id: AccountId,
        session: &Map<String, Value>,
    ) -> anyhow::Result<ImportedView> {
        let request = self.request(Method::PUT, &format!("/v1/accounts/{id}/session"))?;
        // The broker asks the site meanwhile.
        self.answer(request.timeout(PROVING).json(session)).await
    }

    pub(super) async fn operation(&self, id: OperationId) -> anyhow::Result<OperationView> {
        self.answer(self.request(Method::GET, &format!("/v1/operations/{id}"))?).await
    }

    pub(super) async fn keys(&self) -> anyhow::Result<KeysView> {
        self.answer(self.request(Method::GET, "/v1/keys")?).await
    }

    pub(super) async fn rewrap(&self) -> anyhow::Result<KeysView> {
        self.answer(self.request(Method::POST, "/v1/keys/rewrap")?).await
    }

    pub(super) async fn audit(&self, query: &[(&str, String)]) -> anyhow::Result<AuditList> {
        self.answer(self.request(Method::GET, "/v1/audit")?.query(query)).await
    }

    fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let url: Url = url.parse().context("LATCHKEY_BROKER_URL is wrong")?;
        Ok(self.http.request(method, url).bearer_auth(self.token.expose_secret()))
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
        let response = self.send(request).await?;
        response
            .json()
            .await
            .context("the broker's answer is not what this CLI knows: are the versions the same?")
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        match response.json::<ProblemView>().await {
            Ok(problem) if problem.code == "credentials_changed" => {
                Err(CredentialsChanged(problem.detail).into())
            }
            Ok(problem) => bail!("{} ({})", problem.detail, problem.code),
            Err(_) => {
                bail!("{} answers {status}, which no broker does: is LATCHKEY_BROKER_URL right?", self.base)
            }
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        let why = if error.is_timeout() { "no answer in time" } else { "no connection" };
        anyhow!(
            "cannot reach the broker at {}: {why}; start it with `latchkey-broker serve`, or set LATCHKEY_BROKER_URL",
            self.base
        )
    }
}
