//! Writes deltas as OpenAI's stream: role, reasoning, text, calls, finish, usage, `[DONE]`.
//!
//! The one shape that every client and gateway reads alike: one kind of delta in a chunk, each tool call whole in
//! one chunk, the finish alone, usage last with no choices. The constant part of a chunk is written once.

use std::io::Write;

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use super::{answer::UsageView, error::ErrorView, origin::ToolOrigins};
use crate::stream::delta::{Delta, FinishReason, ToolCall, Usage};

/// Writes one answer's chunks.
#[derive(Debug)]
pub(crate) struct ChunkEncoder {
    /// Everything up to `choices`.
    head: Vec<u8>,
    calls: usize,
    origins: ToolOrigins,
}

/// What all chunks of an answer repeat.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChunkHead<'a> {
    /// The answer's id.
    pub id: &'a str,
    /// Always the same word.
    pub object: &'static str,
    /// Unix time in seconds.
    pub created: u64,
    /// The model as the client named it.
    pub model: &'a str,
}

impl ChunkEncoder {
    /// An encoder for one answer.
    pub(crate) fn new(id: &str, created: u64, model: &str) -> Self {
        let head = ChunkHead { id, object: "chat.completion.chunk", created, model };
        let mut json = b"data: ".to_vec();
        serde_json::to_writer(&mut json, &head).expect("strings always serialize");
        json.pop(); // the closing brace: choices follow
        Self { head: json, calls: 0, origins: ToolOrigins::default() }
    }

    /// Writes calls as what the client declared.
    pub(crate) fn with_origins(self, origins: ToolOrigins) -> Self {
        Self { origins, ..self }
    }

    /// Opens the answer. A plain role chunk: gateways convert only part of a first chunk that carries more.
    pub(crate) fn begin(&self, out: &mut BytesMut) {
        self.choice(out, |out| out.put_slice(br#"{"role":"assistant","content":""}"#));
    }

    /// An empty word: a gateway that converts begins its message with it.
    pub(crate) fn nothing(&self, out: &mut BytesMut) {
        self.text(out, b"content", "");
    }

    /// Writes one delta. What ends an answer is written by [`ChunkEncoder::end`].
    pub(crate) fn push(&mut self, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text(text) => self.text(out, b"content", text),
            Delta::Reasoning(text) => self.text(out, b"reasoning_content", text),
            Delta::Call(call) => self.call(out, call),
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => {}
        }
    }

    /// Ends the answer well.
    pub(crate) fn end(&self, finish: FinishReason, usage: Usage, out: &mut BytesMut) {
        out.put_slice(&self.head);
        out.put_slice(br#","choices":[{"index":0,"delta":{},"finish_reason":""#);
        out.put_slice(finish.as_str().as_bytes());
        out.put_slice(b"\"}]}\n\n");
        out.put_slice(&self.head);
        out.put_slice(br#","choices":[],"usage":"#);
        json(out, &UsageView::from(usage));
        out.put_slice(b"}\n\ndata: [DONE]\n\n");
    }

    fn text(&self, out: &mut BytesMut, key: &[u8], text: &str) {
        self.choice(out, |out| {
            out.put_slice(b"{\"");
            out.put_slice(key);
            out.put_slice(b"\":");
            json(out, text);
            out.put_u8(b'}');
        });
    }

    fn call(&mut self, out: &mut BytesMut, call: &ToolCall) {
        let index = self.calls;
        self.calls += 1;
        let input = self.origins.input(&call.name, &call.arguments);
        let (kind, name, value): (&[u8], &[u8], &str) = match &input {
            Some(input) => (br#","type":"custom","custom":{"name":"#, br#","input":"#, input),
            None => (br#","type":"function","function":{"name":"#, br#","arguments":"#, &call.arguments),
        };
        self.choice(out, |out| {
            let _ = write!(out.writer(), r#"{{"tool_calls":[{{"index":{index},"id":"#);
            json(out, &call.id);
            out.put_slice(kind);
            json(out, &call.name);
            out.put_slice(name);
            json(out, value);
            out.put_slice(b"}}]}");
        });
    }

    fn choice(&self, out: &mut BytesMut, delta: impl FnOnce(&mut BytesMut)) {
        out.put_slice(&self.head);
        out.put_slice(br#","choices":[{"index":0,"delta":"#);
        delta(out);
        out.put_slice(b",\"finish_reason\":null}]}\n\n");
    }
}

/// The event that tells of a fault after the stream began. Nothing may follow it.
pub(crate) fn fault(view: &ErrorView<'_>, out: &mut BytesMut) {
    out.put_slice(b"data: ");
    json(out, view);
    out.put_slice(b"\n\n");
}

fn json(out: &mut BytesMut, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out.writer(), value).expect("strings and numbers always serialize");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_canonical_shape() {
        let mut chunks = ChunkEncoder::new("chatcmpl-1", 7, "practice-1");
        let mut out = BytesMut::new();
        let call = ToolCall { id: "call_1".into(), name: "read".into(), arguments: r#"{"path":"a"}"#.into() };

        chunks.begin(&mut out);
        chunks.push(&Delta::Reasoning("so".to_owned()), &mut out);
        chunks.push(&Delta::Text("a \"b\"\n".to_owned()), &mut out);
        chunks.push(&Delta::Call(call.clone()), &mut out);
        chunks.push(&Delta::Call(ToolCall { id: "call_2".into(), ..call }), &mut out);
        chunks.end(FinishReason::ToolCalls, Usage { prompt: 3, completion: 4, ..Usage::default() }, &mut out);

        insta::assert_snapshot!(String::from_utf8(out.to_vec()).unwrap());
    }
}
