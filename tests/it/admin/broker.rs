//! A broker of a test's own: its `run` on a free port, a private Redis, and a client that holds the admin token.

use std::time::Duration;

use latchkey_broker::config::Config;
use latchkey_shared::{env::Env, shutdown::Tasks, vault::KeyRing};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde_json::Value;
use support::{http, redis::Redis, server};
use tokio::task::JoinHandle;

/// The admin token of every test.
pub(crate) const TOKEN: &str = "an-admin-token-for-tests";

/// A running broker.
pub(crate) struct Broker {
    pub(crate) redis: Redis,
    pub(crate) url: String,
    http: reqwest::Client,
    tasks: Tasks,
    run: JoinHandle<anyhow::Result<()>>,
}

impl Broker {
    /// Starts one that knows no site's address but of the practice site, where nothing listens.
    pub(crate) async fn start() -> Self {
        Self::start_with([]).await
    }

    /// Starts one with further variables.
    pub(crate) async fn start_with<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let redis = Redis::start().await;
        let listener = server::listener().await;
        let url = format!("http://{}", listener.local_addr().unwrap());
        let env = environment(&redis.url()).into_iter().chain(own(&variables));
        let config = Config::from_env(&Env::of(env)).unwrap();
        let tasks = Tasks::new();
        let stopping = tasks.stopping();
        let run = latchkey_broker::run(config, listener, async move { stopping.cancelled().await });
        let run = tasks.spawn(run);
        let broker = Self { redis, url, http: http::client(), tasks, run };
        support::wait::until_some(Duration::from_secs(10), async || broker.get("/livez").send().await.ok())
            .await;
        broker
    }

    /// Tells it to stop, and gives what `run` gave.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.tasks.stopping().cancel();
        self.run.await.unwrap()
    }

    /// A request with the admin token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(TOKEN)
    }

    /// A request without it.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Response {
        self.request(Method::PATCH, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).send().await.unwrap().json().await.unwrap()
    }

    /// Adds an account of the practice site and gives its path.
    pub(crate) async fn add_account(&self, body: &Value) -> String {
        let answer = self.post("/v1/accounts", body).await;
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
        location(&answer)
    }

    /// Starts a login and gives the path of its operation.
    pub(crate) async fn start_login(&self, account: &str) -> String {
        let answer = self.request(Method::POST, &format!("{account}/logins")).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        location(&answer)
    }

    /// Waits until an operation has ended.
    pub(crate) async fn ended(&self, operation: &str) -> Value {
        let ended = async || {
            let view = self.json(operation).await;
            (view["state"] != "running").then_some(view)
        };
        support::wait::until_some(Duration::from_secs(60), ended).await
    }
}

/// What every broker and every command of a test needs.
pub(crate) fn environment(redis_url: &str) -> Vec<(String, String)> {
    let ring = || KeyRing::generate().expose_secret().to_owned();
    let pairs = [
        ("LATCHKEY_REDIS_URL", redis_url.to_owned()),
        ("LATCHKEY_ADMIN_TOKEN", TOKEN.to_owned()),
        ("LATCHKEY_CREDENTIALS_KEYS", ring()),
        ("LATCHKEY_SESSION_KEYS", ring()),
        ("LATCHKEY_CHROMIUM_SANDBOX", "off".to_owned()),
        ("LATCHKEY_SITE_URLS", "practice=http://127.0.0.1:9".to_owned()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// Variables as an environment holds them; put last, they replace earlier ones.
pub(crate) fn own(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Where an answer says that what it made is.
pub(crate) fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}
