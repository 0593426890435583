//! Writes deltas as Anthropic's stream: `message_start`, blocks one after the other, `message_delta`, `message_stop`.
//!
//! The order that the SDKs and Claude Code read alike: one block open at a time, indices from 0 without a gap, the
//! input of a tool only as `input_json_delta`, usage at both ends.

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use super::{
    answer::{Block, Message, SIGNATURE, UsageView, no_input, stop_reason},
    edits::AppliedEdits,
    error::ErrorView,
};
use crate::stream::delta::{Delta, FinishReason, ToolCall, Usage};

/// Writes one answer's events.
#[derive(Debug)]
pub(crate) struct MessageEncoder {
    id: String,
    model: String,
    /// An estimate: the site says what the prompt cost only at the end.
    prompt_tokens: u64,
    open: Option<OpenBlock>,
    index: usize,
    /// What was cleared of the conversation, if the client wanted that.
    edits: Option<AppliedEdits>,
    /// Blanks before the first word: an empty text block is refused when it comes back.
    blanks: String,
}

/// The block that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpenBlock {
    Thinking,
    Text,
}

#[derive(Serialize)]
struct MessageStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct BlockStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
    content_block: Block<'a>,
}

#[derive(Serialize)]
struct BlockStop {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
}

#[derive(Serialize)]
struct MessageDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: StopDelta,
    usage: UsageView,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_management: Option<&'a AppliedEdits>,
}

#[derive(Serialize)]
struct StopDelta {
    stop_reason: &'static str,
    stop_sequence: Option<()>,
}

#[derive(Serialize)]
struct MessageStop {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl MessageEncoder {
    /// An encoder for one answer.
    pub(crate) fn new(id: &str, model: &str, prompt_tokens: u64) -> Self {
        let id = id.to_owned();
        let model = model.to_owned();
        Self { id, model, prompt_tokens, open: None, index: 0, edits: None, blanks: String::new() }
    }

    /// The same that tells what was cleared of the conversation.
    pub(crate) fn with_edits(self, edits: Option<AppliedEdits>) -> Self {
        Self { edits, ..self }
    }

    /// Opens the answer.
    pub(crate) fn begin(&self, out: &mut BytesMut) {
        let usage = Usage { prompt: self.prompt_tokens, ..Usage::default() };
        let message = Message::begun(&self.id, &self.model, usage);
        event(out, "message_start", &MessageStart { kind: "message_start", message });
    }

    /// Writes one delta. What ends an answer is written by [`MessageEncoder::end`].
    pub(crate) fn push(&mut self, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text(text) if self.open != Some(OpenBlock::Text) && text.trim().is_empty() => {
                self.blanks.push_str(text);
            }
            Delta::Text(text) => {
                self.open(OpenBlock::Text, out);
                let blanks = std::mem::take(&mut self.blanks);
                if blanks.is_empty() {
                    self.delta("text_delta", "text", text, out);
                } else {
                    self.delta("text_delta", "text", &format!("{blanks}{text}"), out);
                }
            }
            Delta::Reasoning(text) => {
                self.open(OpenBlock::Thinking, out);
                self.delta("thinking_delta", "thinking", text, out);
            }
            Delta::Call(call) => self.call(call, out),
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => {}
        }
    }

    /// Bridges a silence. Claude Code gives up after 300 s without a `content_block_delta`, an empty one counts;
    /// comments and pings do not (measured with 2.1.197, 2026-11-23).
    pub(crate) fn silence(&mut self, out: &mut BytesMut) {
        if self.open == Some(OpenBlock::Text) {
            return self.delta("text_delta", "text", "", out);
        }
        self.open(OpenBlock::Thinking, out);
        self.delta("thinking_delta", "thinking", "", out);
    }

    /// Ends the answer well.
    pub(crate) fn end(&mut self, finish: FinishReason, usage: Usage, out: &mut BytesMut) {
        self.close(out);
        let delta = StopDelta { stop_reason: stop_reason(finish), stop_sequence: None };
        let delta = MessageDelta {
            kind: "message_delta",
            delta,
            usage: usage.into(),
            context_management: self.edits.as_ref(),
        };
        event(out, "message_delta", &delta);
        event(out, "message_stop", &MessageStop { kind: "message_stop" });
    }

    fn open(&mut self, kind: OpenBlock, out: &mut BytesMut) {
        if self.open == Some(kind) {
            return;
        }
        self.close(out);
        self.open = Some(kind);
        let block = match kind {
            OpenBlock::Thinking => Block::Thinking { thinking: "", signature: "" },
            OpenBlock::Text => Block::Text { text: "" },
        };
        self.start(block, out);
    }

    fn close(&mut self, out: &mut BytesMut) {
        match self.open.take() {
            None => return,
            Some(OpenBlock::Thinking) => self.delta("signature_delta", "signature", SIGNATURE, out),
            Some(OpenBlock::Text) => {}
        }
        self.stop(out);
    }

    fn call(&mut self, call: &ToolCall, out: &mut BytesMut) {
        self.close(out);
        self.blanks.clear();
        self.start(Block::ToolUse { id: &call.id, name: &call.name, input: no_input() }, out);
        self.delta("input_json_delta", "partial_json", &call.arguments, out);
        self.stop(out);
    }

    fn start(&self, content_block: Block<'_>, out: &mut BytesMut) {
        let start = BlockStart { kind: "content_block_start", index: self.index, content_block };
        event(out, "content_block_start", &start);
    }

    fn stop(&mut self, out: &mut BytesMut) {
        let stop = BlockStop { kind: "content_block_stop", index: self.index };
        event(out, "content_block_stop", &stop);
        self.index += 1;
    }

    /// By hand: this is written for every token.
    fn delta(&self, kind: &str, key: &str, text: &str, out: &mut BytesMut) {
        out.put_slice(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
        write_json(out, &self.index);
        out.put_slice(b",\"delta\":{\"type\":\"");
        out.put_slice(kind.as_bytes());
        out.put_slice(b"\",\"");
        out.put_slice(key.as_bytes());
        out.put_slice(b"\":");
        write_json(out, text);
        out.put_slice(b"}}\n\n");
    }
}

/// The event that tells of a fault after the stream began. Nothing may follow it.
pub(crate) fn fault(view: &ErrorView<'_>, out: &mut BytesMut) {
    event(out, "error", view);
}

fn event(out: &mut BytesMut, name: &str, data: &impl Serialize) {
    out.put_slice(b"event: ");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\ndata: ");
    write_json(out, data);
    out.put_slice(b"\n\n");
}

fn write_json(out: &mut BytesMut, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out.writer(), value).expect("strings and numbers always serialize");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(write: impl FnOnce(&mut MessageEncoder, &mut BytesMut)) -> String {
        let mut events = MessageEncoder::new("msg_1", "practice-1", 12);
        let mut out = BytesMut::new();
        write(&mut events, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    fn names(text: &str) -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
    }

    #[test]
    fn an_answer_has_the_canonical_order() {
        let call =
            ToolCall { id: "call_1".into(), name: "Read".into(), arguments: r#"{"file_path":"a"}"#.into() };
        let text = events(|events, out| {
            events.begin(out);
            events.push(&Delta::Reasoning("so".to_owned()), out);
            events.push(&Delta::Text("\n".to_owned()), out);
            events.push(&Delta::Text("a \"b\"".to_owned()), out);
            events.push(&Delta::Call(call.clone()), out);
            events.push(&Delta::Call(ToolCall { id: "call_2".into(), ..call }), out);
            let usage = Usage { prompt: 30, completion: 4, cached: Some(10), reasoning: None };
            events.end(FinishReason::ToolCalls, usage, out);
        });

        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_silence_is_bridged_in_the_block_that_is_open() {
        let text = events(|events, out| {
            events.silence(out);
            events.push(&Delta::Text("a".to_owned()), out);
            events.silence(out);
        });

        let delta = "content_block_delta";
        let start = "content_block_start";
        let stop = "content_block_stop";
        assert_eq!(names(&text), [start, delta, delta, stop, start, delta, delta]);
        assert!(text.contains(r#""delta":{"type":"thinking_delta","thinking":""}"#));
        assert!(text.ends_with("\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}\n\n"));
    }

    #[test]
    fn an_answer_of_blanks_and_a_call_has_no_text_block() {
        let text = events(|events, out| {
            events.push(&Delta::Text("\n\n".to_owned()), out);
            let call = ToolCall { id: "a".into(), name: "Bash".into(), arguments: "{}".into() };
            events.push(&Delta::Call(call), out);
            events.end(FinishReason::ToolCalls, Usage::default(), out);
        });

        assert!(!text.contains("\"type\":\"text\""), "{text}");
    }
}
