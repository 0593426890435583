//! Turns over OpenAI's chat completions, judged as strictly as the clients that we know.

use std::time::Duration;

use reqwest::Response;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    scenario::ScenarioRequest,
    sse::{self, broken},
    tasks,
    turn::{Call, Turn},
};

/// What every client knows; anything else sends an agent into a loop.
const REASONS: [&str; 4] = ["stop", "length", "tool_calls", "content_filter"];
/// What a call looks like that was left in the text.
const MARKUP: [&str; 8] = [
    "<tool_call",
    "</tool_call",
    "<invoke",
    "<function=",
    "<function_call",
    "[tool_call",
    "<parameter",
    "<|tool",
];

/// An answer that is sent whole.
pub(super) async fn whole(request: &ScenarioRequest, body: &Value) -> Turn {
    let begun = Instant::now();
    match read_whole(request, body).await {
        Ok(()) => Turn { took: begun.elapsed(), ..Turn::default() },
        Err(why) => Turn::failed(why, begun.elapsed()),
    }
}

async fn read_whole(request: &ScenarioRequest, body: &Value) -> Result<(), String> {
    let response = send(request, body).await?;
    let answer: Value = response.json().await.map_err(|error| broken(&error))?;
    let choice = &answer["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err("the answer is empty".to_owned());
    }
    reason(choice["finish_reason"].as_str())?;
    unmarked(text)
}

/// An answer that is streamed; `wants_call` when the task is done by a call alone.
pub(super) async fn stream(request: &ScenarioRequest, body: &Value, wants_call: bool) -> Turn {
    let begun = Instant::now();
    let mut said = ChatTranscript::default();
    let read = read_stream(request, body, begun, &mut said).await;
    let took = begun.elapsed();
    let first_token = said.first_token;
    // What broke off did not end by itself.
    let call = (wants_call && read.is_ok()).then(|| said.call());
    match read.and_then(|()| said.judge()) {
        Ok(()) => Turn { error: None, took, first_token, call },
        Err(why) => Turn { error: Some(why), took, first_token, call },
    }
}

/// What a stream said.
#[derive(Default)]
struct ChatTranscript {
    first_token: Option<Duration>,
    text: String,
    reasoning: bool,
    calls: Vec<(String, String)>,
    finish: Option<String>,
    usage: bool,
    done: bool,
}

async fn read_stream(
    request: &ScenarioRequest,
    body: &Value,
    begun: Instant,
    transcript: &mut ChatTranscript,
) -> Result<(), String> {
    let mut body = body.clone();
    body["stream"] = true.into();
    sse::each(send(request, &body).await?, |payload| {
        if payload == "[DONE]" {
            transcript.done = true;
            return Ok(());
        }
        let chunk: Value = serde_json::from_str(payload).map_err(|_| "a chunk is no JSON".to_owned())?;
        if let Some(error) = chunk["error"]["message"].as_str() {
            return Err(format!("an error in the stream: {error}"));
        }
        transcript.take(&chunk, begun);
        Ok(())
    })
    .await
}

impl ChatTranscript {
    fn take(&mut self, chunk: &Value, begun: Instant) {
        self.usage |= chunk["usage"].is_object();
        let choice = &chunk["choices"][0];
        let delta = &choice["delta"];
        let text = delta["content"].as_str().unwrap_or_default();
        let reasoning = delta["reasoning_content"].as_str().is_some_and(|text| !text.is_empty());
        let calls = delta["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !text.is_empty() || reasoning || !calls.is_empty() {
            self.first_token.get_or_insert_with(|| begun.elapsed());
        }
        self.text.push_str(text);
        self.reasoning |= reasoning;
        for call in calls {
            let index = call["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(0);
            // A stream may not make us keep more than an answer ever has.
            while self.calls.len() <= index.min(63) {
                self.calls.push(Default::default());
            }
            let (name, arguments) = &mut self.calls[index.min(63)];
            name.push_str(call["function"]["name"].as_str().unwrap_or_default());
            arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish = Some(reason.to_owned());
        }
    }

    fn call(&self) -> Call {
        match self.calls.first() {
            None => Call::Ended,
            Some((name, arguments)) => tasks::judge(name, arguments),
        }
    }

    fn judge(&self) -> Result<(), String> {
        let reason = reason(self.finish.as_deref())?;
        if self.text.trim().is_empty() && self.calls.is_empty() {
            return Err("the answer is empty".to_owned());
        }
        if (reason == "tool_calls") == self.calls.is_empty() {
            return Err(format!("the answer ends with {reason} and has {} calls", self.calls.len()));
        }
        unmarked(&self.text)?;
        if !self.usage {
            return Err("the stream has no usage".to_owned());
        }
        if self.done { Ok(()) } else { Err("the stream has no [DONE]".to_owned()) }
    }
}

async fn send(asked: &ScenarioRequest, body: &Value) -> Result<Response, String> {
    let url = format!("{}/v1/chat/completions", asked.url.as_str().trim_end_matches('/'));
    let request = asked.http.post(url).bearer_auth(asked.key.expose_secret()).json(body);
    answered(request.send().await)
}

/// An answer with status 200; else its status and the beginning of what it says.
pub(super) fn answered(response: reqwest::Result<Response>) -> Result<Response, String> {
    let response = response.map_err(|error| broken(&error))?;
    let status = response.status().as_u16();
    if status == 200 { Ok(response) } else { Err(format!("status {status}")) }
}

fn reason(found: Option<&str>) -> Result<&str, String> {
    match found {
        None => Err("the answer has no finish_reason".to_owned()),
        Some(reason) if REASONS.contains(&reason) => Ok(reason),
        Some(_) => Err("the answer has an unknown finish_reason".to_owned()),
    }
}

/// Whether a text holds no call that was left in it.
pub(super) fn unmarked(text: &str) -> Result<(), String> {
    match MARKUP.iter().any(|markup| text.contains(markup)) {
        true => Err("markup of a tool call in the text".to_owned()),
        false => Ok(()),
    }
}
