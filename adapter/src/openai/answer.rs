//! A whole answer, its usage, and the list of models.

use serde::Serialize;

use super::origin::ToolOrigins;
use crate::stream::{
    collect::CollectedAnswer,
    delta::{ToolCall, Usage},
    finish::StreamEnd,
};

/// The body of an answer that is not streamed.
#[derive(Debug, Serialize)]
pub(crate) struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: UsageView,
}

#[derive(Debug, Serialize)]
struct Choice<'a> {
    index: u32,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reasoning_content: &'a str,
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallView<'a>>,
}

#[derive(Debug, Serialize)]
struct CallView<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<FunctionView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<CustomView<'a>>,
}

#[derive(Debug, Serialize)]
struct FunctionView<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Debug, Serialize)]
struct CustomView<'a> {
    name: &'a str,
    input: String,
}

impl<'a> Completion<'a> {
    /// The body for what was collected.
    pub(crate) fn new(
        id: &'a str,
        created: u64,
        model: &'a str,
        said: &'a CollectedAnswer,
        origins: &ToolOrigins,
        end: StreamEnd,
        usage: Usage,
    ) -> Self {
        let only_calls = said.text.is_empty() && !said.calls.is_empty();
        let message = Message {
            role: "assistant",
            content: (!only_calls).then_some(said.text.as_str()),
            reasoning_content: &said.reasoning,
            refusal: None,
            tool_calls: said.calls.iter().map(|call| CallView::new(call, origins)).collect(),
        };
        let choice = Choice { index: 0, message, logprobs: None, finish_reason: end.finish.as_str() };
        Self { id, object: "chat.completion", created, model, choices: [choice], usage: usage.into() }
    }
}

impl<'a> CallView<'a> {
    fn new(call: &'a ToolCall, origins: &ToolOrigins) -> Self {
        let ToolCall { id, name, arguments } = call;
        match origins.input(name, arguments) {
            Some(input) => {
                Self { id, kind: "custom", function: None, custom: Some(CustomView { name, input }) }
            }
            None => {
                Self { id, kind: "function", function: Some(FunctionView { name, arguments }), custom: None }
            }
        }
    }
}

/// What an answer cost.
#[derive(Debug, Serialize)]
pub(crate) struct UsageView {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Debug, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
}

#[derive(Debug, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt,
            completion_tokens: usage.completion,
            total_tokens: usage.prompt.saturating_add(usage.completion),
            prompt_tokens_details: usage.cached.map(|cached_tokens| PromptDetails { cached_tokens }),
            completion_tokens_details: usage
                .reasoning
                .map(|reasoning_tokens| CompletionDetails { reasoning_tokens }),
        }
    }
}
