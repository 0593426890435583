//! The upstream: a chat site that stamps every chunk with the time at which it left.
//!
//! What it does is told by the last message of the prompt: `bench chunks=200 pace_ms=0 form=text bytes=0`. Each chunk's
//! text begins with `t=<nanoseconds>;`.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use futures::{StreamExt, stream};
use tokio::{
    net::TcpListener,
    time::{Instant, MissedTickBehavior},
};

use crate::clock;

/// What one answer is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpstreamPlan {
    /// Chunks with text.
    pub chunks: usize,
    pace: Duration,
    /// Text, or calls.
    pub call: bool,
    /// Further bytes in each chunk.
    padding: usize,
    stream: bool,
}

/// Serves for ever.
pub(crate) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    let router = Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/readyz", get(|| async { "ready" }))
        .layer(axum::extract::DefaultBodyLimit::disable());
    Ok(axum::serve(listener, router).await?)
}

async fn chat(body: Bytes) -> Response {
    let plan = UpstreamPlan::read(&body);
    if !plan.stream {
        return ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], whole(plan)).into_response();
    }
    let nonce = plan.call.then(|| nonce(&body)).flatten();
    let head = chunk(&nonce.as_deref().map(opener).unwrap_or_default());
    let tail = match nonce.as_deref() {
        Some(nonce) => format!("{}{FINISH}", chunk(&closer(nonce))),
        None => FINISH.to_owned(),
    };
    let middle = stream::unfold((0, ticks(plan.pace)), move |(sent, mut ticks)| async move {
        if sent == plan.chunks {
            return None;
        }
        match &mut ticks {
            Some(ticks) => drop(ticks.tick().await),
            // Each chunk leaves by itself, as tokens do: otherwise hyper writes many at once.
            None => tokio::task::yield_now().await,
        }
        Some((stamped(plan.padding), (sent + 1, ticks)))
    });
    let head = (nonce.is_some()).then_some(head);
    let all = stream::iter(head).chain(middle).chain(stream::once(async { tail }));
    let body = Body::from_stream(all.map(|text| Ok::<_, Infallible>(Bytes::from(text))));
    ([(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))], body).into_response()
}

fn ticks(pace: Duration) -> Option<tokio::time::Interval> {
    (!pace.is_zero()).then(|| {
        let mut ticks = tokio::time::interval_at(Instant::now() + pace, pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    })
}

/// The last chunk of an answer.
pub(crate) const FINISH: &str = "data: {\"id\":\"bench\",\"object\":\"chat.completion.chunk\",\"created\":1795000000,\
    \"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\
    \"usage\":{\"prompt_tokens\":10,\"completion_tokens\":10,\"total_tokens\":20}}\n\ndata: [DONE]\n\n";

/// A chunk with this text.
pub(crate) fn chunk(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!(
        "data: {{\"id\":\"bench\",\"object\":\"chat.completion.chunk\",\"created\":1795000000,\"model\":\"bench\",\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}},\"finish_reason\":null}}]}}\n\n"
    )
}

fn stamped(padding: usize) -> String {
    chunk(&format!("t={};{} ", clock::nanos(), "x".repeat(padding)))
}

fn whole(plan: UpstreamPlan) -> String {
    let text = format!("t={};{}", clock::nanos(), " word".repeat(plan.chunks));
    format!(
        "{{\"id\":\"bench\",\"object\":\"chat.completion\",\"created\":1795000000,\"model\":\"bench\",\"choices\":\
         [{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":10,\"completion_tokens\":10,\"total_tokens\":20}}}}"
    )
}

/// The letters with which the prompt tells the model to mark its calls.
pub(crate) fn nonce(body: &[u8]) -> Option<String> {
    let at = memchr::memmem::rfind(body, b"<tool_calls_")? + b"<tool_calls_".len();
    let end = at + memchr::memchr(b'>', &body[at..])?;
    Some(String::from_utf8_lossy(&body[at..end]).into_owned())
}

fn opener(nonce: &str) -> String {
    format!(
        "<tool_calls_{nonce}>\n<invoke_{nonce} name=\"write\">\n\
         <parameter_{nonce} name=\"filePath\">a.txt</parameter_{nonce}>\n<parameter_{nonce} name=\"content\">"
    )
}

fn closer(nonce: &str) -> String {
    format!("</parameter_{nonce}>\n</invoke_{nonce}>\n</tool_calls_{nonce}>")
}

impl UpstreamPlan {
    /// Reads the plan out of the request, without parsing what a large prompt is made of.
    pub(crate) fn read(body: &[u8]) -> Self {
        let order = memchr::memmem::rfind(body, b"bench chunks=").map_or(&[][..], |at| &body[at..]);
        let end = order.iter().position(|&byte| byte == b'"' || byte == b'\\').unwrap_or(order.len());
        let order = String::from_utf8_lossy(&order[..end]).into_owned();
        let number = |name: &str| {
            let value = order.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            value.and_then(|value| value.parse::<u64>().ok()).unwrap_or_default()
        };
        Self {
            chunks: usize::try_from(number("chunks")).unwrap_or_default(),
            pace: Duration::from_millis(number("pace_ms")),
            call: order.contains("form=call"),
            padding: usize::try_from(number("bytes")).unwrap_or_default(),
            stream: memchr::memmem::find(body, b"\"stream\":true").is_some(),
        }
    }
}
