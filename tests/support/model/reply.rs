//! One scripted answer, built step by step.

use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};

/// One answer of a [`super::ScriptedModel`].
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) headers_after: Duration,
    pub(super) script: Script,
    pub(super) usage: Usage,
}

#[derive(Clone, Debug)]
pub(super) enum Script {
    /// Talks about the question, one word each time.
    Echo(Duration),
    /// Does these steps, then ends as OpenAI does.
    Steps(Vec<ReplyStep>),
    /// Sends this, whatever was asked.
    Body { content_type: &'static str, bytes: Bytes },
}

#[derive(Clone, Debug)]
pub(super) enum ReplyStep {
    Delta(Value),
    Raw(Bytes),
    Wait(Duration),
    Hold,
    Silence,
    Cut,
    Finish(String),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Usage {
    /// Words counted, told when the request asks for it.
    Counted,
    /// These numbers, told when the request asks for it.
    Told { prompt: u64, completion: u64 },
    /// Never told, as many sites do.
    Never,
}

impl Reply {
    /// An empty answer with status 200, to be built on.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Script::Steps(Vec::new()))
    }

    /// A friendly text in many pieces that mentions the question.
    #[must_use]
    pub fn echo() -> Self {
        Self::with(Script::Echo(Duration::ZERO))
    }

    /// Like [`Reply::echo`], with time between the words.
    #[must_use]
    pub fn paced_echo(pace: Duration) -> Self {
        Self::with(Script::Echo(pace))
    }

    /// One piece of text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::new().piece(text)
    }

    /// Several pieces of text.
    #[must_use]
    pub fn pieces(pieces: &[&str]) -> Self {
        pieces.iter().fold(Self::new(), |reply, piece| reply.piece(piece))
    }

    /// Bytes sent as an event stream, as they are; add nothing to them.
    #[must_use]
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::with(Script::Body { content_type: "text/event-stream", bytes: bytes.into() })
    }

    /// A status with a JSON body.
    #[must_use]
    pub fn status(status: u16, body: &Value) -> Self {
        let bytes = body.to_string().into();
        Self { status, ..Self::with(Script::Body { content_type: "application/json", bytes }) }
    }

    /// 429 with `Retry-After`.
    #[must_use]
    pub fn rate_limited(seconds: u64) -> Self {
        let error = json!({"error": {"message": "slow down", "type": "rate_limit_error"}});
        Self::status(429, &error).header("retry-after", &seconds.to_string())
    }

    /// The model's own 401, which says nothing about the session.
    #[must_use]
    pub fn model_unauthorized() -> Self {
        let error =
            json!({"error": {"message": "the provider's key is wrong", "type": "authentication_error"}});
        Self::status(401, &error)
    }

    /// 200 with a web page, as sites answer that lost the session.
    #[must_use]
    pub fn html() -> Self {
        let bytes = Bytes::from_static(b"<!doctype html><title>Sign in</title><form></form>");
        Self::with(Script::Body { content_type: "text/html; charset=utf-8", bytes })
    }

    /// No answer at all, not even a status, until the peer goes.
    #[must_use]
    pub fn never() -> Self {
        Self { headers_after: Duration::from_secs(24 * 60 * 60), ..Self::new() }
    }

    /// Adds a piece of text.
    #[must_use]
    pub fn piece(self, text: &str) -> Self {
        self.delta(json!({"content": text}))
    }

    /// Adds a piece of reasoning.
    #[must_use]
    pub fn reasoning(self, text: &str) -> Self {
        self.delta(json!({"reasoning_content": text}))
    }

    /// Adds a tool call in two pieces: its name, then its arguments.
    #[must_use]
    pub fn tool_call(self, index: u32, id: &str, name: &str, arguments: &str) -> Self {
        let function = json!({"name": name, "arguments": ""});
        let opening = json!([{"index": index, "id": id, "type": "function", "function": function}]);
        self.tool_calls(&opening).tool_calls(&json!([{"index": index, "function": {"arguments": arguments}}]))
    }

    /// Adds a piece of tool calls, as it stands on the wire.
    #[must_use]
    pub fn tool_calls(self, calls: &Value) -> Self {
        self.delta(json!({"tool_calls": calls}))
    }

    /// Adds a chunk with this delta.
    #[must_use]
    pub fn delta(self, delta: Value) -> Self {
        self.then(ReplyStep::Delta(delta))
    }

    /// Adds bytes of the stream, as they are.
    #[must_use]
    pub fn bytes(self, bytes: impl Into<Bytes>) -> Self {
        self.then(ReplyStep::Raw(bytes.into()))
    }

    /// Waits.
    #[must_use]
    pub fn wait(self, duration: Duration) -> Self {
        self.then(ReplyStep::Wait(duration))
    }

    /// Waits for [`super::ScriptedModel::release`].
    #[must_use]
    pub fn hold(self) -> Self {
        self.then(ReplyStep::Hold)
    }

    /// Says nothing more and never ends.
    #[must_use]
    pub fn silence(self) -> Self {
        self.then(ReplyStep::Silence)
    }

    /// Closes the connection in the middle of the answer.
    #[must_use]
    pub fn cut(self) -> Self {
        self.then(ReplyStep::Cut)
    }

    /// Ends with this `finish_reason`; without it, `stop` or `tool_calls`.
    #[must_use]
    pub fn finish(self, reason: &str) -> Self {
        self.then(ReplyStep::Finish(reason.to_owned()))
    }

    /// Tells these token counts.
    #[must_use]
    pub fn usage(mut self, prompt: u64, completion: u64) -> Self {
        self.usage = Usage::Told { prompt, completion };
        self
    }

    /// Never tells token counts, even when asked.
    #[must_use]
    pub fn without_usage(mut self) -> Self {
        self.usage = Usage::Never;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends status and headers only after this time.
    #[must_use]
    pub fn headers_after(mut self, duration: Duration) -> Self {
        self.headers_after = duration;
        self
    }

    fn with(script: Script) -> Self {
        let headers_after = Duration::ZERO;
        Self { status: 200, headers: Vec::new(), headers_after, script, usage: Usage::Counted }
    }

    fn then(mut self, step: ReplyStep) -> Self {
        match &mut self.script {
            Script::Steps(steps) => steps.push(step),
            Script::Echo(_) | Script::Body { .. } => panic!("this reply is complete; build on Reply::new()"),
        }
        self
    }
}

impl Default for Reply {
    fn default() -> Self {
        Self::echo()
    }
}
