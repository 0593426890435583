//! The floor: the least that a Rust proxy can do that parses each chunk and writes it again. axum in front, reqwest
//! behind, borrowed serde structs between; no auth, no accounts, no tools.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use futures::TryStreamExt;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Proxy {
    client: Client,
    url: Url,
}

#[derive(Deserialize, Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    usage: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize, Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    delta: Option<Delta<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    message: Option<Delta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<&'a str>,
}

#[derive(Deserialize, Serialize)]
struct Delta<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    content: Option<std::borrow::Cow<'a, str>>,
}

/// Serves for ever.
pub(crate) async fn serve(listen: SocketAddr, upstream: Url) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    let proxy =
        Proxy { client: Client::builder().no_proxy().build()?, url: upstream.join("/v1/chat/completions")? };
    let router = Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/readyz", get(|| async { "ready" }))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(proxy);
    Ok(axum::serve(listener, router).await?)
}

async fn chat(State(proxy): State<Proxy>, body: Bytes) -> Response {
    match forward(&proxy, body).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn forward(proxy: &Proxy, body: Bytes) -> anyhow::Result<Response> {
    let request = proxy.client.post(proxy.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
    let answer = request.send().await?.error_for_status()?;
    let kind = answer.headers().get(CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static("text/plain"));
    if kind.as_bytes().starts_with(b"application/json") {
        let body = answer.bytes().await?;
        let parsed: Chunk<'_> = serde_json::from_slice(&body)?;
        return Ok(([(CONTENT_TYPE, kind)], serde_json::to_vec(&parsed)?).into_response());
    }
    let mut events = Events::default();
    let stream = answer.bytes_stream().map_err(anyhow::Error::from).and_then(move |bytes| {
        let out = events.push(&bytes);
        async move { out }
    });
    Ok(([(CONTENT_TYPE, kind)], Body::from_stream(stream)).into_response())
}

/// What is left of an event whose end has not come.
#[derive(Default)]
struct Events(Vec<u8>);

impl Events {
    fn push(&mut self, bytes: &[u8]) -> anyhow::Result<Bytes> {
        self.0.extend_from_slice(bytes);
        let mut out = Vec::with_capacity(bytes.len() + 64);
        let mut from = 0;
        while let Some(end) = memchr::memmem::find(&self.0[from..], b"\n\n") {
            let event = &self.0[from..from + end];
            from += end + 2;
            let Some(data) = event.strip_prefix(b"data: ") else { continue };
            out.extend_from_slice(b"data: ");
            if data == b"[DONE]" {
                out.extend_from_slice(data);
            } else {
                serde_json::to_writer(&mut out, &serde_json::from_slice::<Chunk<'_>>(data)?)?;
            }
            out.extend_from_slice(b"\n\n");
        }
        self.0.drain(..from);
        Ok(Bytes::from(out))
    }
}
