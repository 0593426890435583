//! Turns over OpenAI's Responses API, as Codex takes them and as strictly as it reads them.

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

/// A turn that is to end with a call.
pub(super) async fn stream(request: &ScenarioRequest, body: &Value) -> Turn {
    let begun = Instant::now();
    let mut said = ResponseTranscript::default();
    let read = read(request, body, begun, &mut said).await;
    let took = begun.elapsed();
    let first_token = said.first_token;
    // What broke off did not end by itself.
    let call = read.is_ok().then(|| said.call());
    let error = read.and_then(|()| said.judge()).err();
    Turn { error, took, first_token, call }
}

#[derive(Default)]
struct ResponseTranscript {
    first_token: Option<Duration>,
    begun: bool,
    events: u64,
    /// The items that are done.
    items: Vec<Value>,
    /// The response as it ended.
    response: Option<Value>,
}

async fn read(
    asked: &ScenarioRequest,
    body: &Value,
    begun: Instant,
    transcript: &mut ResponseTranscript,
) -> Result<(), String> {
    let url = format!("{}/v1/responses", asked.url.as_str().trim_end_matches('/'));
    let request = asked.http.post(url).bearer_auth(asked.key.expose_secret()).json(body);
    sse::each(chat::answered(request.send().await)?, |payload| {
        let event: Value = serde_json::from_str(payload).map_err(|_| "an event is no JSON".to_owned())?;
        transcript.take(event, begun)
    })
    .await
}

impl ResponseTranscript {
    fn take(&mut self, mut event: Value, begun: Instant) -> Result<(), String> {
        if event["sequence_number"].as_u64() != Some(self.events) {
            return Err("an event has another number than the next".to_owned());
        }
        self.events += 1;
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        if kind.ends_with(".delta") && event["delta"].as_str().is_some_and(|delta| !delta.is_empty()) {
            self.first_token.get_or_insert_with(|| begun.elapsed());
        }
        match kind.as_str() {
            "response.created" => self.begun = true,
            _ if !self.begun => return Err("the stream does not begin with response.created".to_owned()),
            "response.output_item.done" => self.items.push(event["item"].take()),
            "response.completed" | "response.incomplete" => self.response = Some(event["response"].take()),
            "response.failed" | "error" => {
                let message = event.pointer("/response/error/message").or(event.pointer("/error/message"));
                let message = message.and_then(Value::as_str).unwrap_or_default();
                return Err(format!("an error in the stream: {message}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn call(&self) -> Call {
        let call = self.items.iter().find(|item| item["type"] == "function_call");
        call.map_or(Call::Ended, |call| {
            let text = |field: &str| call[field].as_str().unwrap_or_default();
            tasks::judge(text("name"), text("arguments"))
        })
    }

    fn judge(&self) -> Result<(), String> {
        let Some(response) = &self.response else {
            return Err("the stream has no response.completed".to_owned());
        };
        if !response["usage"].is_object() {
            return Err("the response has no usage".to_owned());
        }
        if response["output"].as_array() != Some(&self.items) {
            return Err("the response has other items than its stream".to_owned());
        }
        let parts = self.items.iter().filter_map(|item| item["content"].as_array()).flatten();
        let text: String = parts.filter_map(|part| part["text"].as_str()).collect();
        chat::unmarked(&text)
    }
}
