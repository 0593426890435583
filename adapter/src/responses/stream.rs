//! Writes deltas as the stream of a response: created, items one after the other, completed.
//!
//! The order that OpenAI's libraries and Codex read alike: each item added, its parts, its deltas, all of it once more,
//! done; every event with its number; the whole response at the end.

use bytes::{BufMut, BytesMut};

use super::{
    answer::{COMPLETED, IN_PROGRESS, INCOMPLETE, Item, ItemFactory, Part, Response, ResponseHead},
    event::{
        ArgumentsDone, CallDelta, InputDone, ItemField, PartField, ReasoningDone, ResponseField, TextDone,
        event, write_json,
    },
};
use crate::stream::{
    delta::{Delta, FinishReason, ToolCall, Usage},
    sse,
};

/// Writes one answer's events.
#[derive(Debug)]
pub(crate) struct ResponseEncoder {
    id: String,
    created: u64,
    model: String,
    maker: ItemFactory,
    /// The number of the next event.
    sequence: u64,
    /// The items that are done.
    items: Vec<Item>,
    open: Option<OpenItem>,
    /// Blanks before the first word: a message of nothing else would be an item of its own.
    blanks: String,
}

/// The item that is open.
#[derive(Debug)]
struct OpenItem {
    kind: ItemKind,
    id: String,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ItemKind {
    Reasoning,
    Message,
}

impl ResponseEncoder {
    /// An encoder for one answer.
    pub(crate) fn new(head: ResponseHead<'_>, maker: ItemFactory) -> Self {
        let ResponseHead { id, created, model } = head;
        let id = id.to_owned();
        let model = model.to_owned();
        let items = Vec::new();
        let blanks = String::new();
        Self { id, created, model, maker, sequence: 0, items, open: None, blanks }
    }

    /// Opens the answer.
    pub(crate) fn begin(&mut self, out: &mut BytesMut) {
        for name in ["response.created", "response.in_progress"] {
            let number = self.number();
            event(out, name, number, ResponseField { response: Response::begun(self.head(), &[]) });
        }
    }

    /// Writes one delta. What ends an answer is written by [`ResponseEncoder::end`].
    pub(crate) fn push(&mut self, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text(text) if !self.has_open(ItemKind::Message) && text.trim().is_empty() => {
                self.blanks.push_str(text);
            }
            Delta::Text(text) => {
                self.open(ItemKind::Message, out);
                let blanks = std::mem::take(&mut self.blanks);
                if !blanks.is_empty() {
                    self.delta(&blanks, out);
                }
                self.delta(text, out);
            }
            Delta::Reasoning(text) => {
                self.open(ItemKind::Reasoning, out);
                self.delta(text, out);
            }
            Delta::Call(call) => self.call(call, out),
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => {}
        }
    }

    /// Bridges a silence, by an empty delta where an item is open: Codex does not count comments, and not every client
    /// knows OpenAI's own `keepalive`.
    pub(crate) fn silence(&mut self, out: &mut BytesMut) {
        if self.open.is_some() {
            self.delta("", out);
        } else {
            out.put_slice(sse::HEARTBEAT);
        }
    }

    /// Ends the answer well.
    pub(crate) fn end(&mut self, finish: FinishReason, usage: Usage, out: &mut BytesMut) {
        self.close(if finish == FinishReason::Length { INCOMPLETE } else { COMPLETED }, out);
        let number = self.number();
        let response = Response::ended(self.head(), &self.items, finish, usage);
        let name = format!("response.{}", response.status());
        event(out, &name, number, ResponseField { response });
    }

    /// The id of the response, and its items so far.
    pub(crate) fn output(&self) -> (&str, &[Item]) {
        (&self.id, &self.items)
    }

    /// Ends the answer badly. It is an end all the same: clients wait for one.
    pub(crate) fn fault(&mut self, code: &str, message: &str, out: &mut BytesMut) {
        self.close(INCOMPLETE, out);
        let number = self.number();
        let response = Response::failed(self.head(), &self.items, code, message);
        event(out, "response.failed", number, ResponseField { response });
    }

    fn head(&self) -> ResponseHead<'_> {
        ResponseHead { id: &self.id, created: self.created, model: &self.model }
    }

    fn number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    fn has_open(&self, kind: ItemKind) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind == kind)
    }

    fn open(&mut self, kind: ItemKind, out: &mut BytesMut) {
        if self.has_open(kind) {
            return;
        }
        self.close(COMPLETED, out);
        let index = self.items.len();
        let item = match kind {
            ItemKind::Reasoning => self.maker.reasoning(index, Vec::new()),
            ItemKind::Message => self.maker.message(index, IN_PROGRESS, Vec::new()),
        };
        self.added(&item, out);
        let number = self.number();
        event(out, kind.part_added(), number, kind.part(item.id(), index, &kind.piece("")));
        self.open = Some(OpenItem { kind, id: item.id().to_owned(), text: String::new() });
    }

    /// By hand: this is written for every token.
    fn delta(&mut self, text: &str, out: &mut BytesMut) {
        let number = self.number();
        let index = self.items.len();
        let Some(open) = &mut self.open else { return };
        open.text.push_str(text);
        let (name, place, rest) = match open.kind {
            ItemKind::Reasoning => ("response.reasoning_summary_text.delta", "summary_index", ""),
            ItemKind::Message => ("response.output_text.delta", "content_index", ",\"logprobs\":[]"),
        };
        for piece in ["event: ", name, "\ndata: {\"type\":\"", name, "\",\"sequence_number\":"] {
            out.put_slice(piece.as_bytes());
        }
        write_json(out, &number);
        out.put_slice(b",\"item_id\":");
        write_json(out, &open.id);
        out.put_slice(b",\"output_index\":");
        write_json(out, &index);
        for piece in [",\"", place, "\":0,\"delta\":"] {
            out.put_slice(piece.as_bytes());
        }
        write_json(out, text);
        out.put_slice(rest.as_bytes());
        out.put_slice(b"}\n\n");
    }

    fn close(&mut self, status: &'static str, out: &mut BytesMut) {
        let Some(OpenItem { kind, id, text }) = self.open.take() else { return };
        let index = self.items.len();
        let number = self.number();
        let item_id = id.as_str();
        let text = text.as_str();
        match kind {
            ItemKind::Reasoning => {
                let done = ReasoningDone { item_id, output_index: index, summary_index: 0, text };
                event(out, "response.reasoning_summary_text.done", number, done);
            }
            ItemKind::Message => {
                let done = TextDone { item_id, output_index: index, content_index: 0, text, logprobs: [] };
                event(out, "response.output_text.done", number, done);
            }
        }
        let number = self.number();
        let piece = kind.piece(text);
        event(out, kind.part_done(), number, kind.part(item_id, index, &piece));
        let item = match kind {
            ItemKind::Reasoning => self.maker.reasoning(index, vec![piece]),
            ItemKind::Message => self.maker.message(index, status, vec![piece]),
        };
        self.done(item, out);
    }

    fn call(&mut self, call: &ToolCall, out: &mut BytesMut) {
        self.close(COMPLETED, out);
        self.blanks.clear();
        let output_index = self.items.len();
        let item = self.maker.call(output_index, call);
        self.added(&item.begun(), out);
        let item_id = item.id();
        match &item {
            Item::FunctionCall { name, arguments, .. } => {
                let delta = CallDelta { item_id, output_index, delta: arguments };
                event(out, "response.function_call_arguments.delta", self.number(), delta);
                let done = ArgumentsDone { item_id, output_index, name, arguments };
                event(out, "response.function_call_arguments.done", self.number(), done);
            }
            Item::CustomToolCall { input, .. } => {
                let delta = CallDelta { item_id, output_index, delta: input };
                event(out, "response.custom_tool_call_input.delta", self.number(), delta);
                let done = InputDone { item_id, output_index, input };
                event(out, "response.custom_tool_call_input.done", self.number(), done);
            }
            Item::Reasoning { .. } | Item::Message { .. } | Item::ToolSearchCall { .. } => {}
        }
        self.done(item, out);
    }

    fn added(&mut self, item: &Item, out: &mut BytesMut) {
        let number = self.number();
        event(out, "response.output_item.added", number, ItemField { output_index: self.items.len(), item });
    }

    fn done(&mut self, item: Item, out: &mut BytesMut) {
        let number = self.number();
        event(
            out,
            "response.output_item.done",
            number,
            ItemField { output_index: self.items.len(), item: &item },
        );
        self.items.push(item);
    }
}

impl ItemKind {
    fn part_added(self) -> &'static str {
        match self {
            Self::Reasoning => "response.reasoning_summary_part.added",
            Self::Message => "response.content_part.added",
        }
    }

    fn part_done(self) -> &'static str {
        match self {
            Self::Reasoning => "response.reasoning_summary_part.done",
            Self::Message => "response.content_part.done",
        }
    }

    fn piece(self, text: &str) -> Part {
        match self {
            Self::Reasoning => Part::thought(text),
            Self::Message => Part::said(text),
        }
    }

    fn part<'a>(self, item_id: &'a str, output_index: usize, part: &'a Part) -> PartField<'a> {
        let (content_index, summary_index) = match self {
            Self::Reasoning => (None, Some(0)),
            Self::Message => (Some(0), None),
        };
        PartField { item_id, output_index, content_index, summary_index, part }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::origin::{ToolKind, ToolOrigin, ToolOrigins};

    #[test]
    fn an_answer_has_the_canonical_order() {
        let head = ResponseHead { id: "resp_1", created: 7, model: "practice-1" };
        let mut events = ResponseEncoder::new(head, ItemFactory::new("1", true, ToolOrigins::default()));
        let mut out = BytesMut::new();
        let call = ToolCall { id: "call_1".into(), name: "read".into(), arguments: r#"{"path":"a"}"#.into() };

        events.begin(&mut out);
        events.push(&Delta::Reasoning("so".to_owned()), &mut out);
        events.silence(&mut out);
        events.push(&Delta::Text("\n".to_owned()), &mut out);
        events.push(&Delta::Text("a \"b\"".to_owned()), &mut out);
        events.push(&Delta::Call(call), &mut out);
        events.silence(&mut out);
        events.end(
            FinishReason::ToolCalls,
            Usage { prompt: 30, completion: 4, ..Usage::default() },
            &mut out,
        );

        insta::assert_snapshot!(String::from_utf8(out.to_vec()).unwrap());
    }

    #[test]
    fn calls_are_what_the_client_declared() {
        let head = ResponseHead { id: "resp_1", created: 7, model: "practice-1" };
        let mut origins = ToolOrigins::default();
        let origin = |kind, namespace: Option<&str>, name: &str| ToolOrigin {
            kind,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        };
        origins.insert("patch", origin(ToolKind::Custom, None, "patch"));
        origins.insert("mcp__notes__keep", origin(ToolKind::Function, Some("mcp__notes"), "keep"));
        origins.insert("tool_search", origin(ToolKind::Search, None, "tool_search"));
        let mut events = ResponseEncoder::new(head, ItemFactory::new("1", false, origins));
        let mut out = BytesMut::new();

        for (name, arguments) in [
            ("patch", r#"{"input":"a\nb"}"#),
            ("mcp__notes__keep", r#"{"text":"a"}"#),
            ("tool_search", r#"{"query":"a"}"#),
        ] {
            let call = ToolCall { id: "call_1".into(), name: name.into(), arguments: arguments.into() };
            events.push(&Delta::Call(call), &mut out);
        }

        insta::assert_snapshot!(String::from_utf8(out.to_vec()).unwrap());
    }
}
