//! A whole answer in Anthropic's words, and its usage.

use serde::Serialize;
use serde_json::value::RawValue;

use super::edits::AppliedEdits;
use crate::stream::{
    collect::CollectedAnswer,
    delta::{FinishReason, Usage},
    finish::StreamEnd,
};

/// Stands where Anthropic signs its thinking. Clients send it back with the next turn, and we read nothing from it;
/// some drop a thinking block without one.
pub(crate) const SIGNATURE: &str = "bGF0Y2hrZXk=";

/// The body of an answer that is not streamed, and what a streamed one begins with.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<()>,
    usage: UsageView,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_management: Option<&'a AppliedEdits>,
}

/// A block of an answer, as it is or as it begins.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block<'a> {
    /// What the model thought.
    Thinking {
        /// The text.
        thinking: &'a str,
        /// Something that comes back.
        signature: &'static str,
    },
    /// What it said.
    Text {
        /// The text.
        text: &'a str,
    },
    /// What it wants done.
    ToolUse {
        /// The call's id.
        id: &'a str,
        /// The tool.
        name: &'a str,
        /// An object.
        input: &'a RawValue,
    },
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct UsageView {
    /// Tokens of the prompt that were not cached.
    pub input_tokens: u64,
    /// Nothing is ever written to a cache on a client's order.
    pub cache_creation_input_tokens: u64,
    /// Tokens of the prompt that the site had cached.
    pub cache_read_input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
}

impl<'a> Message<'a> {
    /// The body for what was collected.
    pub(crate) fn new(
        id: &'a str,
        model: &'a str,
        said: &'a CollectedAnswer,
        (end, usage): (StreamEnd, Usage),
        edits: Option<&'a AppliedEdits>,
    ) -> Self {
        let mut content = Vec::new();
        if !said.reasoning.is_empty() {
            content.push(Block::Thinking { thinking: &said.reasoning, signature: SIGNATURE });
        }
        if !said.text.trim().is_empty() {
            content.push(Block::Text { text: &said.text });
        }
        for call in &said.calls {
            // Both readings of calls see to it that arguments are an object.
            let input = serde_json::from_str(&call.arguments).unwrap_or_else(|_| no_input());
            content.push(Block::ToolUse { id: &call.id, name: &call.name, input });
        }
        let stop_reason = Some(stop_reason(end.finish));
        Self { content, stop_reason, context_management: edits, ..Self::begun(id, model, usage) }
    }

    /// A message of which nothing is known but what it is asked with.
    pub(crate) fn begun(id: &'a str, model: &'a str, usage: Usage) -> Self {
        let kind = "message";
        let role = "assistant";
        let content = Vec::new();
        let stop_reason = None;
        let stop_sequence = None;
        Self {
            id,
            kind,
            role,
            model,
            content,
            stop_reason,
            stop_sequence,
            usage: usage.into(),
            context_management: None,
        }
    }
}

/// The input of a call as it begins.
pub(crate) fn no_input() -> &'static RawValue {
    serde_json::from_str("{}").expect("an object is JSON")
}

/// Anthropic's word for the end of an answer.
pub(crate) fn stop_reason(finish: FinishReason) -> &'static str {
    match finish {
        FinishReason::Stop => "end_turn",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter => "refusal",
    }
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        let cached = usage.cached.unwrap_or(0).min(usage.prompt);
        Self {
            input_tokens: usage.prompt - cached,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: cached,
            output_tokens: usage.completion,
        }
    }
}
