//! Plays a reply: as an event stream, or as one JSON body.

use std::{collections::VecDeque, io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::Response,
};
use futures::{Stream, StreamExt, stream};
use latchkey_shared::time::Timestamp;
use serde_json::{Value, json};

use super::{
    ScriptedModel,
    call::{CallEnd, Running},
    reply::{Reply, ReplyStep, Script, Usage},
    words,
};

/// Before a connection is closed, so that what was said before is on the wire: hyper drops what it has not flushed.
const FLUSH: Duration = Duration::from_millis(20);

/// Answers one request with one reply.
pub(super) async fn play(model: &ScriptedModel, reply: Reply, request: Value, call: Running) -> Response {
    if !reply.headers_after.is_zero() {
        tokio::time::sleep(reply.headers_after).await;
    }
    let mut response = Response::builder().status(StatusCode::from_u16(reply.status).unwrap());
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let steps = match reply.script {
        Script::Body { content_type, bytes } => {
            call.is_now(CallEnd::Finished);
            let typed = response.headers_ref().is_some_and(|headers| headers.contains_key("content-type"));
            let response = if typed { response } else { response.header("content-type", content_type) };
            return response.body(bytes.into()).unwrap();
        }
        Script::Steps(steps) => steps,
        Script::Echo(pace) => {
            let piece = |text| [ReplyStep::Wait(pace), ReplyStep::Delta(json!({"content": text}))];
            words::echo(&request).into_iter().flat_map(piece).collect()
        }
    };
    let streamed = request["stream"] == true;
    let player = Player::new(model.clone(), steps, reply.usage, request, call);
    if streamed {
        let response = response.header("content-type", "text/event-stream");
        return response
            .header("cache-control", "no-cache")
            .body(Body::from_stream(player.stream()))
            .unwrap();
    }
    response.header("content-type", "application/json").body(player.whole().await).unwrap()
}

struct Player {
    model: ScriptedModel,
    steps: VecDeque<ReplyStep>,
    usage: Usage,
    request: Value,
    call: Running,
    finish: String,
    said: String,
    begun: bool,
    ended: bool,
}

/// What a step leads to.
enum Played {
    Nothing,
    Bytes(Bytes),
    Delta(Value),
    Finish(String),
    Cut,
}

impl Player {
    fn new(model: ScriptedModel, steps: Vec<ReplyStep>, usage: Usage, request: Value, call: Running) -> Self {
        let calls_tools =
            |step: &ReplyStep| matches!(step, ReplyStep::Delta(delta) if delta["tool_calls"].is_array());
        let finish = if steps.iter().any(calls_tools) { "tool_calls" } else { "stop" };
        let mut steps = VecDeque::from(steps);
        if !steps.iter().any(|step| matches!(step, ReplyStep::Finish(_))) {
            steps.push_back(ReplyStep::Finish(finish.to_owned()));
        }
        let finish = String::new();
        Self { model, steps, usage, request, call, finish, said: String::new(), begun: false, ended: false }
    }

    fn stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        stream::unfold(self, |mut player| async move {
            let item = player.next_event().await?;
            Some((item, player))
        })
        .boxed()
    }

    async fn next_event(&mut self) -> Option<io::Result<Bytes>> {
        while !self.ended {
            let step = self.steps.pop_front()?;
            match self.play_step(step).await {
                Played::Nothing => {}
                Played::Bytes(bytes) => return Some(Ok(bytes)),
                Played::Delta(delta) => return Some(Ok(self.delta_events(&delta).into())),
                Played::Finish(reason) => return Some(Ok(self.last_events(&reason).into())),
                Played::Cut => return Some(Err(self.cut())),
            }
        }
        None
    }

    async fn play_step(&mut self, step: ReplyStep) -> Played {
        match step {
            ReplyStep::Delta(delta) => {
                self.said.push_str(delta["content"].as_str().unwrap_or_default());
                return Played::Delta(delta);
            }
            ReplyStep::Raw(bytes) => return Played::Bytes(bytes),
            ReplyStep::Finish(reason) => return Played::Finish(reason),
            ReplyStep::Cut => {
                tokio::time::sleep(FLUSH).await;
                return Played::Cut;
            }
            ReplyStep::Wait(duration) if duration.is_zero() => {}
            ReplyStep::Wait(duration) => tokio::time::sleep(duration).await,
            ReplyStep::Silence => std::future::pending().await,
            ReplyStep::Hold => {
                self.call.is_now(CallEnd::Held);
                self.model.released().await;
                self.call.is_now(CallEnd::Running);
            }
        }
        Played::Nothing
    }

    /// The whole answer as one JSON body; cut off, it ends in the middle.
    async fn whole(mut self) -> Body {
        let mut message = json!({"role": "assistant", "content": null});
        while let Some(step) = self.steps.pop_front() {
            match self.play_step(step).await {
                Played::Nothing | Played::Bytes(_) => {}
                Played::Delta(delta) => merge(&mut message, &delta),
                Played::Finish(reason) => {
                    self.finish = reason;
                    break;
                }
                Played::Cut => {
                    let half = [Ok(Bytes::from_static(b"{\"id\": \"chat")), Err(self.cut())];
                    return Body::from_stream(stream::iter(half));
                }
            }
        }
        let choice = json!({"index": 0, "message": message, "finish_reason": self.finish});
        let mut answer = self.envelope("chat.completion", &json!([choice]));
        if let Some(usage) = self.usage() {
            answer["usage"] = usage;
        }
        self.call.is_now(CallEnd::Finished);
        answer.to_string().into()
    }

    fn delta_events(&mut self, delta: &Value) -> String {
        let opening =
            if self.begun { String::new() } else { self.chunk(&json!({"role": "assistant"}), None) };
        self.begun = true;
        opening + &self.chunk(delta, None)
    }

    fn last_events(&mut self, reason: &str) -> String {
        let mut events = self.chunk(&json!({}), Some(reason));
        if self.request["stream_options"]["include_usage"] == true
            && let Some(usage) = self.usage()
        {
            let mut chunk = self.envelope("chat.completion.chunk", &json!([]));
            chunk["usage"] = usage;
            events += &event(&chunk);
        }
        self.ended = true;
        self.call.is_now(CallEnd::Finished);
        events + "data: [DONE]\n\n"
    }

    fn cut(&mut self) -> io::Error {
        self.ended = true;
        self.call.is_now(CallEnd::Cut);
        io::Error::new(io::ErrorKind::ConnectionReset, "the script cuts the answer off")
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> String {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        event(&self.envelope("chat.completion.chunk", &json!([choice])))
    }

    fn envelope(&self, object: &str, choices: &Value) -> Value {
        let model = self.request["model"].as_str().unwrap_or("practice-1");
        let created = Timestamp::now().millis() / 1000;
        json!({"id": "chatcmpl-practice", "object": object, "created": created, "model": model, "choices": choices})
    }

    fn usage(&self) -> Option<Value> {
        let (prompt, completion) = match self.usage {
            Usage::Never => return None,
            Usage::Told { prompt, completion } => (prompt, completion),
            Usage::Counted => (words::prompt_tokens(&self.request), words::count(&self.said)),
        };
        let total = prompt + completion;
        Some(json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}))
    }
}

fn event(chunk: &Value) -> String {
    format!("data: {chunk}\n\n")
}

/// Adds a delta to the message that it is a piece of.
fn merge(message: &mut Value, delta: &Value) {
    for field in ["content", "reasoning_content"] {
        if let Some(text) = delta[field].as_str() {
            message[field] = (message[field].as_str().unwrap_or_default().to_owned() + text).into();
        }
    }
    for call in delta["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default() {
        merge_call(message, call);
    }
}

fn merge_call(message: &mut Value, call: &Value) {
    let index = usize::try_from(call["index"].as_u64().unwrap_or(0)).unwrap();
    if !message["tool_calls"].is_array() {
        message["tool_calls"] = json!([]);
    }
    let calls = message["tool_calls"].as_array_mut().unwrap();
    while calls.len() <= index {
        calls.push(json!({"type": "function", "function": {"name": "", "arguments": ""}}));
    }
    if call["id"].is_string() {
        calls[index]["id"] = call["id"].clone();
    }
    for field in ["name", "arguments"] {
        let so_far = calls[index]["function"][field].as_str().unwrap_or_default();
        let more = call["function"][field].as_str().unwrap_or_default();
        calls[index]["function"][field] = format!("{so_far}{more}").into();
    }
}
