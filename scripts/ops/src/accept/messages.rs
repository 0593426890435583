//! Turns over Anthropic's Messages API, as Claude Code takes them and as strictly as it reads them.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    chat,
    scenario::ScenarioRequest,
    sse, tasks,
    turn::{Call, Turn},
};

/// What Claude Code 2.1 sends besides.
const HEADERS: [(&str, &str); 4] = [
    ("anthropic-version", "2023-06-01"),
    (
        "anthropic-beta",
        "claude-code-20250219,interleaved-thinking-2025-05-14,mid-conversation-system-2026-04-07",
    ),
    ("x-app", "cli"),
    ("x-claude-code-session-id", "00000000-0000-4000-8000-000000000001"),
];

/// A turn that is to end with a call.
pub(super) async fn stream(request: &ScenarioRequest, body: &Value) -> Turn {
    let begun = Instant::now();
    let mut said = MessagesTranscript::default();
    let read = read(request, body, begun, &mut said).await;
    let took = begun.elapsed();
    let first_token = said.first_token;
    // What broke off did not end by itself.
    let call = read.is_ok().then(|| said.call());
    match read.and_then(|()| said.judge()) {
        Ok(()) => Turn { error: None, took, first_token, call },
        Err(why) => Turn { error: Some(why), took, first_token, call },
    }
}

#[derive(Default)]
struct MessagesTranscript {
    first_token: Option<Duration>,
    text: String,
    /// The last tool block: its name and its input so far.
    calls: Vec<(String, String)>,
    open: Option<u64>,
    begun: bool,
    reason: Option<String>,
    stopped: bool,
}

async fn read(
    asked: &ScenarioRequest,
    body: &Value,
    begun: Instant,
    transcript: &mut MessagesTranscript,
) -> Result<(), String> {
    let url = format!("{}/v1/messages?beta=true", asked.url.as_str().trim_end_matches('/'));
    let mut request = asked.http.post(url).bearer_auth(asked.key.expose_secret()).json(body);
    for (name, value) in HEADERS {
        request = request.header(name, value);
    }
    sse::each(chat::answered(request.send().await)?, |payload| {
        let event: Value = serde_json::from_str(payload).map_err(|_| "an event is no JSON".to_owned())?;
        transcript.take(&event, begun)
    })
    .await
}

impl MessagesTranscript {
    fn take(&mut self, event: &Value, begun: Instant) -> Result<(), String> {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" if event["message"]["usage"].is_object() => self.begun = true,
            "message_start" => return Err("message_start has no usage".to_owned()),
            "content_block_start" => {
                if self.open.is_some() || !self.begun {
                    return Err("a block begins where none may".to_owned());
                }
                self.open = event["index"].as_u64();
                if event["content_block"]["type"] == "tool_use" {
                    let name = event["content_block"]["name"].as_str().unwrap_or_default().to_owned();
                    self.calls.push((name, String::new()));
                }
            }
            "content_block_delta" => {
                if self.open != event["index"].as_u64() {
                    return Err("a delta belongs to no open block".to_owned());
                }
                self.delta(&event["delta"], begun);
            }
            "content_block_stop" => self.open = None,
            "message_delta" => {
                self.reason = event["delta"]["stop_reason"].as_str().map(str::to_owned);
            }
            "message_stop" => self.stopped = true,
            "error" => {
                let message = event["error"]["message"].as_str().unwrap_or_default();
                return Err(format!("an error in the stream: {message}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn delta(&mut self, delta: &Value, begun: Instant) {
        let piece = |field: &str| delta[field].as_str().unwrap_or_default();
        if ["text", "thinking", "partial_json"].iter().any(|field| !piece(field).is_empty()) {
            self.first_token.get_or_insert_with(|| begun.elapsed());
        }
        self.text.push_str(piece("text"));
        if let Some((_, input)) = self.calls.last_mut() {
            input.push_str(piece("partial_json"));
        }
    }

    fn call(&self) -> Call {
        match self.calls.first() {
            None => Call::Ended,
            Some((name, input)) => tasks::judge(name, input),
        }
    }

    fn judge(&self) -> Result<(), String> {
        if !self.stopped || self.open.is_some() {
            return Err("the stream has no message_stop".to_owned());
        }
        let Some(reason) = &self.reason else { return Err("the answer has no stop_reason".to_owned()) };
        if (reason == "tool_use") == self.calls.is_empty() {
            return Err(format!("the answer ends with {reason} and has {} calls", self.calls.len()));
        }
        chat::unmarked(&self.text)
    }
}
