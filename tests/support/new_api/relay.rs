//! Relays one request: draws a channel, asks it, tells the client, and asks the next one where that may help.
//!
//! Measured on v1.0.0-rc.24: every status but 2xx, 400, 408, 504 and 524 is asked again, up to `RetryTimes`, also behind a
//! word that has left; Retry-After is neither read nor sent; a client that leaves before the upstream's headers is not
//! seen, later at once.

use std::{pin::pin, time::Duration};

use axum::{
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use rand::{RngExt, distr::Alphanumeric};
use serde_json::{Value, json};

use super::{
    Gateway, KEY,
    client::{AnswerClient, REQUEST_ID},
    convert, draw,
    draw::{ChannelQuery, DrawnChannel},
    log::{CONSUMED, FAILED, LogRow},
    scan::{UpstreamEvents, pings, tick},
    talk,
    wire::{ClientApi, Route, overrides},
};

/// The largest request.
const LARGEST: usize = 128 << 20;
/// How it names itself to upstreams, where no channel says otherwise.
const AGENT: &str = "Go-http-client/1.1";
/// What clients say about a message and channels pass on.
const ANTHROPIC: [&str; 2] = ["anthropic-version", "anthropic-beta"];

/// A request on its way.
#[derive(Debug)]
struct Relayed {
    wire: ClientApi,
    query: String,
    body: Value,
    headers: HeaderMap,
    id: String,
}

/// Why a try failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) status: u16,
    /// As OpenAI writes it.
    pub(super) error: Value,
    /// Whether it is never asked again, whatever its status.
    pub(super) is_final: bool,
}

impl Failure {
    /// One of the gateway's own.
    pub(super) fn own(status: u16, code: &str, message: &str) -> Self {
        let error = json!({"message": message, "type": "new_api_error", "param": "", "code": code});
        Self { status, error, is_final: false }
    }

    /// An answer that cannot be read.
    pub(super) fn unreadable(why: &str) -> Self {
        Self { is_final: true, ..Self::own(500, "bad_response_body", why) }
    }

    fn is_asked_again(&self) -> bool {
        !self.is_final && !matches!(self.status, 200..=299 | 400 | 408 | 504 | 524)
    }
}

/// Whatever is asked below `/v1`.
pub(super) async fn relay(State(gateway): State<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(wire) = ClientApi::of(parts.uri.path()) else { return unknown(parts.uri.path()) };
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if bearer.or_else(|| header("x-api-key")) != Some(KEY) {
        let error = Failure::own(401, "", "Invalid token").error;
        return (StatusCode::UNAUTHORIZED, axum::Json(wire.error(&error))).into_response();
    }
    let bytes = to_bytes(body, LARGEST).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let id: String = rand::rng().sample_iter(Alphanumeric).take(26).map(char::from).collect();
    let (client, pending) = AnswerClient::open(body["stream"] == true, &id);
    let query = parts.uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let relayed = Relayed { wire, query, body, headers: parts.headers, id };
    // A client that leaves is not seen before the upstream's headers.
    let tasks = gateway.tasks.clone();
    tasks.spawn(async move { relayed.run(&gateway, client).await });
    pending.response().await
}

/// A path that is not there.
pub(super) fn unknown(path: &str) -> Response {
    let error = json!({"message": format!("Invalid URL ({path})"), "type": "invalid_request_error", "param": "", "code": ""});
    (StatusCode::NOT_FOUND, axum::Json(json!({ "error": error }))).into_response()
}

impl Relayed {
    async fn run(self, gateway: &Gateway, mut client: AnswerClient) {
        let (tries, ping, bond) =
            gateway.with(|kept| (kept.tries(), kept.ping(), self.asked(|asked| draw::bond(kept, asked))));
        let (bond, mut bound) = bond.map_or((None, None), |(bond, bound)| (Some(bond), bound));
        let mut failure = Failure::own(503, "model_not_found", "No available channel for this model");
        for retry in 0..tries {
            let drawn = bound
                .take()
                .or_else(|| gateway.with(|kept| self.asked(|asked| draw::draw(kept, asked, retry))));
            let Some(channel) = drawn else { break };
            let mut row = LogRow::new(&self.id, channel.id, &self.body);
            match self.attempt(&gateway.http, &channel, ping, &mut client, &mut row).await {
                Ok(()) => {
                    gateway.with(|kept| {
                        kept.log.push(row.of_kind(CONSUMED));
                        if let Some(bond) = &bond {
                            draw::bind(kept, bond, &channel);
                        }
                    });
                    return;
                }
                Err(why) => {
                    gateway.with(|kept| kept.log.push(row.of_kind(FAILED)));
                    failure = why;
                }
            }
            if !failure.is_asked_again() || bond.as_ref().is_some_and(|bond| bond.is_final) {
                break;
            }
        }
        let message = failure.error["message"].as_str().unwrap_or_default();
        failure.error["message"] = format!("{message} (request id: {})", self.id).into();
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        client.answer(failure.status, headers, self.wire.error(&failure.error).to_string()).await;
    }

    fn asked<T>(&self, look: impl FnOnce(&ChannelQuery<'_>) -> T) -> T {
        let header = |name: &str| self.header(name);
        let model = self.body["model"].as_str().unwrap_or_default();
        look(&ChannelQuery { wire: self.wire, model, body: &self.body, header: &header })
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    async fn attempt(
        &self,
        http: &reqwest::Client,
        channel: &DrawnChannel,
        ping: Option<Duration>,
        client: &mut AnswerClient,
        row: &mut LogRow,
    ) -> Result<(), Failure> {
        let Some(route) = self.wire.route(&channel.fields) else {
            return Err(Failure::own(500, "convert_request_failed", "this channel has no such route"));
        };
        let streamed = self.body["stream"] == true;
        let mut sending = pin!(self.request(http, channel, &route).send());
        let mut waiting = ping.filter(|_| streamed).map(pings);
        let sent = loop {
            tokio::select! {
                sent = &mut sending => break sent,
                () = tick(waiting.as_mut()) => client.ping().await,
            }
        };
        let upstream =
            sent.map_err(|_| Failure::own(500, "do_request_failed", "upstream error: do request failed"))?;
        let header = |name: &str| {
            upstream.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        row.upstream_id = header(REQUEST_ID).to_owned();
        if upstream.status() != StatusCode::OK {
            return Err(refused(upstream).await);
        }
        if streamed || header("content-type").starts_with("text/event-stream") {
            let events = UpstreamEvents::new(upstream, ping);
            return talk::talk(self.wire, route.converts, events, client, &self.body).await;
        }
        self.whole(upstream, route.converts, client).await
    }

    fn request(
        &self,
        http: &reqwest::Client,
        channel: &DrawnChannel,
        route: &Route,
    ) -> reqwest::RequestBuilder {
        let url = &route.url;
        let converts = route.converts;
        let mut body = if converts { convert::request(&self.body) } else { self.body.clone() };
        if (converts || self.wire == ClientApi::Chat) && body["stream"] == true {
            body["stream_options"] = json!({"include_usage": true});
        }
        let mapping: Value = channel.fields["model_mapping"]
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        if let Some(model) = body["model"].as_str().and_then(|model| mapping.get(model)).cloned() {
            body["model"] = model;
        }
        let query = if converts { "" } else { self.query.as_str() };
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", channel.key);
        let mut put = |name: &str, value: String| {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        };
        put("user-agent", AGENT.to_owned());
        put("authorization", bearer);
        if self.wire == ClientApi::Messages && !converts {
            put("x-api-key", channel.key.clone());
            ANTHROPIC
                .into_iter()
                .filter_map(|name| Some((name, self.header(name)?)))
                .for_each(|(name, value)| put(name, value));
        }
        for (name, value) in overrides(&channel.fields, &|name| self.header(name)) {
            put(&name, value);
        }
        http.post(format!("{url}{query}")).json(&body).headers(headers)
    }

    async fn whole(
        &self,
        upstream: reqwest::Response,
        converts: bool,
        client: &mut AnswerClient,
    ) -> Result<(), Failure> {
        let kept = |(name, value): (&HeaderName, &HeaderValue)| {
            let passed = !["content-length", "transfer-encoding", REQUEST_ID].contains(&name.as_str());
            passed.then(|| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        };
        let headers = upstream.headers().iter().filter_map(kept).collect();
        let messages = self.wire == ClientApi::Messages && !converts;
        let text = upstream.text().await.map_err(|_| match messages {
            true => Failure::unreadable("unexpected EOF"),
            false => Failure::own(500, "read_response_body_failed", "unexpected EOF"),
        })?;
        let answer: Value =
            serde_json::from_str(&text).map_err(|_| Failure::unreadable("invalid character"))?;
        if answer["error"]["type"].as_str().is_some_and(|kind| !kind.is_empty()) {
            let status = if messages { 500 } else { 200 };
            return Err(Failure { status, error: answer["error"].clone(), is_final: false });
        }
        let text = if converts { convert::answer(&answer).to_string() } else { text };
        client.answer(200, headers, text).await;
        Ok(())
    }
}

/// What an upstream's refusal is: its own words, where it has any.
async fn refused(upstream: reqwest::Response) -> Failure {
    let status = upstream.status().as_u16();
    let text = upstream.text().await.unwrap_or_default();
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if body["error"].is_object() {
        let field = |name: &str| body["error"][name].clone();
        let error =
            json!({"message": field("message"), "type": field("type"), "param": "", "code": field("code")});
        return Failure { status, error, is_final: false };
    }
    Failure::own(status, "bad_response_status_code", &format!("bad response status code {status}"))
}
