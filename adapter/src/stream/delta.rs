//! The neutral middle of every answer: what a site said, in no site's and no client's words.
//!
//! Drivers make deltas, encoders write them; neither knows the other.

use std::collections::BTreeMap;

/// What a site calls its own conversation, and whatever else going on with it needs.
pub(crate) type Captures = BTreeMap<String, serde_json::Value>;

/// One piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delta {
    /// Visible text.
    Text(String),
    /// The model's thinking.
    Reasoning(String),
    /// A piece of a native tool call, as the site sent it. Only the tools stage sees it.
    Fragment(CallFragment),
    /// A whole tool call.
    Call(ToolCall),
    /// What the answer cost, as the site counts it.
    Usage(Usage),
    /// The site's last word.
    Finish(FinishReason),
}

impl Delta {
    /// Whether it is text, or thinking, that shows nothing.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) | Self::Reasoning(text) if text.trim().is_empty())
    }
}

/// A piece of a native tool call. Each part may be missing: sites differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallFragment {
    /// Which call it belongs to.
    pub index: Option<u64>,
    /// The call's id, if it is a text.
    pub id: Option<String>,
    /// The tool.
    pub name: Option<String>,
    /// A piece of the arguments' JSON.
    pub arguments: String,
}

/// A whole tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToolCall {
    /// Unique within the conversation.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON of the arguments.
    pub arguments: String,
}

/// Tokens of one turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Tokens of the prompt, tools included.
    pub prompt: u64,
    /// Tokens of the answer, reasoning included.
    pub completion: u64,
    /// Of the prompt: those that the site had cached.
    pub cached: Option<u64>,
    /// Of the answer: those that were reasoning.
    pub reasoning: Option<u64>,
}

/// Why an answer ended. Nothing else may reach a client: an unknown reason sends coding agents into a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FinishReason {
    /// The model was done.
    Stop,
    /// A token limit cut it.
    Length,
    /// It waits for tool results.
    ToolCalls,
    /// The site withheld the answer.
    ContentFilter,
}

impl FinishReason {
    /// Reads a site's `finish_reason`; whatever is unknown means that the model was done. `None` when it says that
    /// the answer broke off: sites and inference servers tell so in place of an error.
    pub(crate) fn parse(reason: &str) -> Option<Self> {
        Some(match reason.to_ascii_lowercase().as_str() {
            "length" | "max_tokens" | "model_length" => Self::Length,
            "tool_calls" | "function_call" | "tool_use" => Self::ToolCalls,
            "content_filter" | "refusal" | "safety" | "sensitive" => Self::ContentFilter,
            "error" | "network_error" | "abort" | "cancelled" | "insufficient_system_resource" => {
                return None;
            }
            _ => Self::Stop,
        })
    }

    /// OpenAI's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}
