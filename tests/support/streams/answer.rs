//! One streamed answer: how far it came, and of which request.

use latchkey_shared::time::Timestamp;
use reqwest::Response;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

/// More than any answer here is long.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Of an answer that is none, as much as tells why.
const SHOWN: usize = 200;

/// How an answer ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnswerEnd {
    /// With its last word, a `finish_reason` and `[DONE]`.
    Whole,
    /// After its first word and before its last: its client has half an answer.
    Middle,
    /// Before its first word: its client may ask again.
    Refused,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct StreamAnswer {
    /// How it ended.
    pub end: AnswerEnd,
    /// The adapter's id of the request; empty when no adapter answered.
    pub id: String,
    /// When it was asked for.
    pub begun: Timestamp,
    /// When it had ended.
    pub ended: Timestamp,
    /// Why it is not whole.
    pub why: String,
}

impl StreamAnswer {
    /// Nothing came.
    pub(super) fn none(begun: Timestamp, why: &str) -> Self {
        let why = why.to_owned();
        Self { end: AnswerEnd::Refused, id: String::new(), begun, ended: Timestamp::now(), why }
    }

    /// Reads a stream to its end and judges it.
    pub(super) async fn read(
        mut response: Response,
        question: &str,
        begun: Timestamp,
        deadline: Instant,
    ) -> Self {
        let status = response.status().as_u16();
        let id = response.headers().get("x-oneapi-request-id").and_then(|value| value.to_str().ok());
        let id = id.unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        let broken = loop {
            match timeout_at(deadline, response.chunk()).await {
                Ok(Ok(Some(piece))) => bytes.extend_from_slice(&piece),
                Ok(Ok(None)) => break None,
                Ok(Err(error)) => break Some(format!("{:#}", anyhow::Error::new(error))),
                Err(_) => break Some("it does not end".to_owned()),
            }
            if bytes.len() > MOST_BYTES {
                break Some("it is too long".to_owned());
            }
        };
        let raw = String::from_utf8_lossy(&bytes);
        let (text, finish, done) = said(&raw);
        let why = if status != 200 {
            Some(format!("status {status}: {}", start(&raw)))
        } else if let Some(broken) = broken {
            Some(broken)
        } else if !(done && finish == "stop") {
            Some(format!("ended without its end: {}", tail(&raw)))
        } else if !text.contains(question) {
            Some("words are missing in the middle".to_owned())
        } else {
            None
        };
        let end = match &why {
            None => AnswerEnd::Whole,
            Some(_) if text.is_empty() => AnswerEnd::Refused,
            Some(_) => AnswerEnd::Middle,
        };
        Self { end, id, begun, ended: Timestamp::now(), why: why.unwrap_or_default() }
    }
}

/// The text of all chunks, the last `finish_reason`, and whether `[DONE]` came last.
fn said(raw: &str) -> (String, String, bool) {
    let mut text = String::new();
    let mut finish = String::new();
    let mut done = false;
    for data in raw.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim) {
        done = data == "[DONE]";
        // A chunk that was cut is no JSON, and then its stream has no end either.
        let chunk: Value = serde_json::from_str(data).unwrap_or_default();
        let choice = &chunk["choices"][0];
        text.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
        if let Some(reason) = choice["finish_reason"].as_str() {
            reason.clone_into(&mut finish);
        }
    }
    (text, finish, done)
}

fn start(raw: &str) -> String {
    raw.chars().take(SHOWN).collect::<String>().replace('\n', " ")
}

fn tail(raw: &str) -> String {
    let skipped = raw.chars().count().saturating_sub(SHOWN);
    raw.chars().skip(skipped).collect::<String>().replace('\n', " ")
}
