//! A client of the broker's admin API.

use std::time::Duration;

use latchkey_broker::operations::{OperationState, OperationView};
use latchkey_shared::{account::Account, id::AccountId};
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

use super::{ADMIN_TOKEN, HttpAnswer};
use crate::{http, wait};

/// A login takes seconds; on a loaded machine, tens.
const LOGIN: Duration = Duration::from_secs(90);

/// Speaks to a broker with the admin token.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Its base URL.
    pub url: Url,
    token: String,
    http: Client,
}

impl Admin {
    /// A client with the world's token.
    #[must_use]
    pub fn new(url: &Url) -> Self {
        Self { url: url.clone(), token: ADMIN_TOKEN.to_owned(), http: http::client() }
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// Adds an account of the practice site; its label is its username.
    pub async fn add(&self, username: &str, password: &str, totp_seed: Option<&str>) -> Account {
        let credentials = json!({"username": username, "password": password, "totp_seed": totp_seed});
        let body = json!({"site": "practice", "label": username, "credentials": credentials});
        parsed(&self.send(Method::POST, "/v1/accounts", Some(&body)).await, 201)
    }

    /// Adds an account of any site and signs it in; returns it as it is then, and the code of what went wrong.
    pub async fn add_and_sign_in(
        &self,
        site: &str,
        username: &str,
        password: &str,
    ) -> (Account, Option<String>) {
        let credentials = json!({"username": username, "password": password});
        let body = json!({"site": site, "label": format!("with {password}"), "credentials": credentials});
        let account: Account = parsed(&self.send(Method::POST, "/v1/accounts", Some(&body)).await, 201);
        let login = self.sign_in(account.id).await;
        (self.account(account.id).await, login.error.map(|error| error.code.to_owned()))
    }

    /// Gives an account other credentials.
    pub async fn give(&self, id: AccountId, username: &str, password: &str) {
        let body = json!({"username": username, "password": password});
        let _version: Value = parsed(
            &self.send(Method::PUT, &format!("/v1/accounts/{id}/credentials"), Some(&body)).await,
            200,
        );
    }

    /// One account.
    pub async fn account(&self, id: AccountId) -> Account {
        parsed(&self.get(&format!("/v1/accounts/{id}")).await, 200)
    }

    /// Every account.
    pub async fn accounts(&self) -> Vec<Account> {
        let list: Value = parsed(&self.get("/v1/accounts").await, 200);
        serde_json::from_value(list["accounts"].clone()).unwrap()
    }

    /// Changes an account.
    pub async fn change(&self, id: AccountId, change: &Value) -> Account {
        parsed(&self.send(Method::PATCH, &format!("/v1/accounts/{id}"), Some(change)).await, 200)
    }

    /// Starts a login.
    pub async fn start_login(&self, id: AccountId) -> OperationView {
        parsed(&self.send(Method::POST, &format!("/v1/accounts/{id}/logins"), None).await, 202)
    }

    /// How an operation stands.
    pub async fn operation(&self, operation: &OperationView) -> OperationView {
        parsed(&self.get(&format!("/v1/operations/{}", operation.id)).await, 200)
    }

    /// Waits until an operation has ended, well or not.
    pub async fn finish(&self, operation: &OperationView) -> OperationView {
        wait::until_some(LOGIN, async || {
            let view = self.operation(operation).await;
            (view.state != OperationState::Running).then_some(view)
        })
        .await
    }

    /// Starts a login and waits until it has ended, well or not.
    pub async fn sign_in(&self, id: AccountId) -> OperationView {
        let operation = self.start_login(id).await;
        self.finish(&operation).await
    }

    /// A GET.
    pub async fn get(&self, path: &str) -> HttpAnswer {
        self.send(Method::GET, path, None).await
    }

    /// Any request, with the token.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> HttpAnswer {
        HttpAnswer::read(self.request(method, path, body).send().await.unwrap()).await
    }

    /// Any request, to be changed before it is sent.
    pub fn request(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.url.as_str().trim_end_matches('/'));
        let request = self.http.request(method, url).bearer_auth(&self.token);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }
}

fn parsed<T: serde::de::DeserializeOwned>(answer: &HttpAnswer, status: u16) -> T {
    assert_eq!(answer.status, status, "{}", answer.body);
    serde_json::from_value(answer.json()).unwrap()
}
