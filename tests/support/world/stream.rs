//! A streamed answer that was read to its end, good or bad.

use std::time::Duration;

use reqwest::{Response, header::HeaderMap};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

/// No stream of a test is longer.
const LIMIT: Duration = Duration::from_secs(30);

/// A stream: every byte, and what it means to a client of OpenAI's API.
#[derive(Clone, Debug)]
pub struct Streamed {
    /// Status of the answer.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Every byte of its body.
    pub raw: String,
    /// The payloads of its `data:` lines that are JSON, errors too.
    pub chunks: Vec<Value>,
    /// Its comment lines.
    pub comments: Vec<String>,
    /// Whether `[DONE]` came.
    pub done: bool,
    /// Whether the body ended as HTTP wants it, and was not cut off.
    pub complete: bool,
    /// When each piece of the body came, from the request on.
    pub pieces: Vec<(Duration, String)>,
}

impl Streamed {
    /// Reads the stream of an answer to its end.
    pub async fn of(response: Response) -> Self {
        Self::read(response, Instant::now()).await
    }

    pub(super) async fn read(response: Response, begun: Instant) -> Self {
        Self::read_and(response, begun, "", || ()).await
    }

    /// Reads on when this much is said and something is done about it.
    pub(super) async fn read_and(
        mut response: Response,
        begun: Instant,
        said: &str,
        then: impl FnOnce(),
    ) -> Self {
        let mut then = Some(then);
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut pieces = Vec::new();
        let mut bytes = Vec::new();
        let deadline = Instant::now() + LIMIT;
        let complete = loop {
            let piece = timeout_at(deadline, response.chunk()).await;
            match piece.unwrap_or_else(|_| panic!("the stream does not end: {}", lossy(&bytes))) {
                Ok(Some(piece)) => {
                    pieces.push((begun.elapsed(), lossy(&piece)));
                    bytes.extend_from_slice(&piece);
                    if !said.is_empty() && said_in(&lossy(&bytes)).contains(said) {
                        then.take().into_iter().for_each(|then| then());
                    }
                }
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        let raw = lossy(&bytes);
        let data: Vec<&str> =
            raw.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).collect();
        let chunks = data.iter().filter(|data| **data != "[DONE]");
        let chunks = chunks.map(|data| serde_json::from_str(data).expect("each event is JSON")).collect();
        let done = data.last() == Some(&"[DONE]");
        let comments = raw.lines().filter(|line| line.starts_with(':')).map(str::to_owned).collect();
        Self { status, headers, raw, chunks, comments, done, complete, pieces }
    }

    /// The text of all chunks.
    #[must_use]
    pub fn text(&self) -> String {
        self.joined("content")
    }

    /// The reasoning of all chunks.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.joined("reasoning_content")
    }

    /// The last `finish_reason`; empty when there is none.
    #[must_use]
    pub fn finish_reason(&self) -> &str {
        let mut reasons =
            self.chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str());
        reasons.next_back().unwrap_or_default()
    }

    /// Holds that this much was said and the client could see that it was cut off then.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn assert_cut(&self, text: &str) {
        assert_eq!((self.text().as_str(), self.finish_reason()), (text, ""), "{}", self.raw);
        assert!(!self.done || !self.complete, "{}", self.raw);
    }

    /// The usage of the chunk that has one; null without.
    #[must_use]
    pub fn usage(&self) -> Value {
        let mut usages = self.chunks.iter().map(|chunk| &chunk["usage"]);
        usages.rfind(|usage| usage.is_object()).cloned().unwrap_or_default()
    }

    /// The deltas' pieces of tool calls, in order.
    #[must_use]
    pub fn tool_calls(&self) -> Vec<Value> {
        let calls =
            self.chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array());
        calls.flatten().cloned().collect()
    }

    /// A header; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn joined(&self, field: &str) -> String {
        self.chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][field].as_str()).collect()
    }
}

/// The text of the events so far; the last one may not be whole.
fn said_in(raw: &str) -> String {
    let data = raw.lines().filter_map(|line| line.strip_prefix("data:"));
    let chunks = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    chunks.filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
