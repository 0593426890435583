//! New-api's admin API: the few calls that channels and settings need, each with its deadline.
//!
//! New-api answers in an envelope of `success`, `message` and `data`; a refusal may come with status 200.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::channel::{Channel, Fields};

/// An admin call is a few rows of a database.
const DEADLINE: Duration = Duration::from_secs(10);
/// Channels on one page.
const PAGE: usize = 100;
/// More pages are a gateway that never says that it is done.
const PAGES: usize = 100;
/// The first minor release whose header overrides can pass a client's header on.
const OLDEST: (u64, u64) = (0, 11);

/// A new-api, and the right to manage it.
pub(super) struct Gateway {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
    user: u64,
}

/// Why new-api did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum GatewayError {
    /// It is not there.
    #[error(
        "cannot reach new-api at {url}: {why}; check `url` in the rollout file, and whether new-api runs"
    )]
    Unreachable {
        /// Where.
        url: Url,
        /// Why.
        why: &'static str,
    },
    /// It does not know the token.
    #[error(
        "new-api refuses the token for user {user}: make a system access token in its personal settings, and give \
         that user's id as `user` in the rollout file"
    )]
    Token {
        /// Whose it should be.
        user: u64,
    },
    /// It knows the token, which may not do this.
    #[error("new-api's user {user} may not {what}: the token must be an administrator's")]
    Forbidden {
        /// Who may not.
        user: u64,
        /// What.
        what: String,
    },
    /// It cannot do what the channels need.
    #[error(
        "new-api {version} is too old: before {}.{} its channels cannot pass a client's session on; update it first",
        OLDEST.0, OLDEST.1
    )]
    TooOld {
        /// What it is.
        version: String,
    },
    /// It says no.
    #[error("new-api refuses to {what}: {message}")]
    Refused {
        /// What.
        what: String,
        /// Its own words.
        message: String,
    },
    /// Something else answers there.
    #[error("what answers at {url} is no new-api: {why}; check `url` in the rollout file")]
    Stranger {
        /// Where.
        url: Url,
        /// Why.
        why: String,
    },
}

#[derive(Deserialize)]
struct Envelope {
    success: bool,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Channel>,
}

#[derive(Deserialize)]
struct GatewayOption {
    key: String,
    value: String,
}

impl Gateway {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// When the machine has no usable TLS.
    pub(super) fn new(base: Url, token: SecretString, user: u64) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(DEADLINE).no_proxy();
        let http = http.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, base, token, user })
    }

    /// Its version, if it is one that will do.
    ///
    /// # Errors
    /// When it is too old, not there, or no new-api.
    pub(super) async fn version(&self) -> Result<String, GatewayError> {
        let status: Value = self.ask(Method::GET, "/api/status", None, "say its version").await?;
        let Some(version) = status["version"].as_str() else {
            return Err(self.stranger("it does not say its version"));
        };
        match release(version) {
            Some(release) if release < OLDEST => Err(GatewayError::TooOld { version: version.to_owned() }),
            // A build without a release number is somebody's own.
            Some(_) | None => Ok(version.to_owned()),
        }
    }

    /// The types of channels that it knows.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub(super) async fn kinds(&self) -> Result<BTreeSet<u64>, GatewayError> {
        let models: Map<String, Value> =
            self.ask(Method::GET, "/api/models", None, "list its types of channels").await?;
        Ok(models.keys().filter_map(|kind| kind.parse().ok()).collect())
    }

    /// All channels, by id.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub(super) async fn channels(&self) -> Result<Vec<Channel>, GatewayError> {
        let mut channels = Vec::new();
        for page in 1..=PAGES {
            let path = format!("/api/channel/?p={page}&page_size={PAGE}&id_sort=true");
            let Page { items } = self.ask(Method::GET, &path, None, "list the channels").await?;
            let last = items.len() < PAGE;
            channels.extend(items.into_iter().map(Channel::without_key));
            if last {
                channels.sort_by_key(Channel::id);
                return Ok(channels);
            }
        }
        Err(self.stranger(format!("it lists more than {} channels", PAGE * PAGES)))
    }

    /// Makes a channel.
    ///
    /// # Errors
    /// Whatever keeps it from doing so.
    pub(super) async fn create(
        &self,
        name: &str,
        fields: &Fields,
        key: &SecretString,
    ) -> Result<(), GatewayError> {
        let mut channel = object(fields);
        channel.insert("name".to_owned(), name.into());
        channel.insert("key".to_owned(), key.expose_secret().into());
        let body = json!({"mode": "single", "channel": channel});
        self.tell(Method::POST, "/api/channel/", Some(body), &format!("make the channel {name}")).await
    }

    /// Changes fields of a channel; the others stay.
    ///
    /// # Errors
    /// Whatever keeps it from doing so.
    pub(super) async fn change(&self, channel: &Channel, fields: &Fields) -> Result<(), GatewayError> {
        let mut body = object(fields);
        body.insert("id".to_owned(), channel.id().into());
        let what = format!("change the channel {}", channel.name());
        self.tell(Method::PUT, "/api/channel/", Some(body.into()), &what).await
    }

    /// Deletes a channel.
    ///
    /// # Errors
    /// Whatever keeps it from doing so.
    pub(super) async fn delete(&self, channel: &Channel) -> Result<(), GatewayError> {
        let path = format!("/api/channel/{}", channel.id());
        let what = format!("delete the channel {}", channel.name());
        self.tell(Method::DELETE, &path, None, &what).await
    }

    /// Its settings; `None` when the token is an administrator's and not the root user's.
    ///
    /// # Errors
    /// Whatever else keeps it from answering.
    pub(super) async fn settings(&self) -> Result<Option<BTreeMap<String, String>>, GatewayError> {
        let asked: Result<Vec<GatewayOption>, _> =
            self.ask(Method::GET, "/api/option/", None, "show its settings").await;
        match asked {
            Ok(settings) => Ok(Some(settings.into_iter().map(|one| (one.key, one.value)).collect())),
            Err(GatewayError::Forbidden { .. } | GatewayError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn tell(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        what: &str,
    ) -> Result<(), GatewayError> {
        self.ask::<Value>(method, path, body, what).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        what: &str,
    ) -> Result<T, GatewayError> {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.http.request(method, url).bearer_auth(self.token.expose_secret());
        // Which user's token it is: releases before 1.0 want to be told.
        request = request.header("New-Api-User", self.user);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        match status {
            StatusCode::UNAUTHORIZED => return Err(GatewayError::Token { user: self.user }),
            StatusCode::FORBIDDEN => {
                return Err(GatewayError::Forbidden { user: self.user, what: what.to_owned() });
            }
            _ => {}
        }
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        let envelope: Envelope = serde_json::from_slice(&bytes)
            .map_err(|_| self.stranger(format!("it answers {status} without new-api's envelope")))?;
        if !envelope.success || !status.is_success() {
            return Err(GatewayError::Refused { what: what.to_owned(), message: envelope.message });
        }
        serde_json::from_value(envelope.data)
            .map_err(|_| self.stranger(format!("asked to {what}, it answers something else")))
    }

    fn unreachable(&self, error: &reqwest::Error) -> GatewayError {
        let why = if error.is_timeout() { "no answer within 10 s" } else { "no connection" };
        GatewayError::Unreachable { url: self.base.clone(), why }
    }

    fn stranger(&self, why: impl Into<String>) -> GatewayError {
        GatewayError::Stranger { url: self.base.clone(), why: why.into() }
    }
}

fn object(fields: &Fields) -> Map<String, Value> {
    fields.iter().map(|(field, value)| ((*field).to_owned(), value.clone())).collect()
}

/// Major and minor of a version like `v1.0.0-rc.25`.
fn release(version: &str) -> Option<(u64, u64)> {
    let mut numbers = version.trim_start_matches('v').split('.');
    let release = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    // What somebody built without a tag calls itself so.
    (release != (0, 0)).then_some(release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_out_of_a_version() {
        let read = ["v1.0.0-rc.25", "0.10.9", "v0.0.0", "dev"].map(release);

        assert_eq!(read, [Some((1, 0)), Some((0, 10)), None, None]);
    }
}
