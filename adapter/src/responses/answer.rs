//! A response: what it says, how it stands, and what it cost.

use serde::Serialize;
use serde_json::Value;

use super::error::ErrorView;
use crate::{
    anthropic::answer::SIGNATURE,
    openai::origin::{ToolKind, ToolOrigins},
    stream::{
        collect::CollectedAnswer,
        delta::{FinishReason, ToolCall, Usage},
    },
};

/// The response object, whole or as it stands.
#[derive(Debug, Serialize)]
pub(crate) struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'static str,
    background: bool,
    error: Option<ErrorView<'a>>,
    incomplete_details: Option<Incomplete>,
    instructions: Option<()>,
    max_output_tokens: Option<()>,
    model: &'a str,
    output: &'a [Item],
    parallel_tool_calls: bool,
    previous_response_id: Option<()>,
    store: bool,
    temperature: Option<()>,
    tool_choice: &'static str,
    tools: [(); 0],
    top_p: Option<()>,
    truncation: &'static str,
    usage: Option<UsageView>,
    metadata: Empty,
}

/// Why a response is not all that it could be.
#[derive(Debug, Serialize)]
struct Incomplete {
    reason: &'static str,
}

#[derive(Debug, Serialize)]
struct Empty {}

/// What a response is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseHead<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it began, Unix time in seconds.
    pub created: u64,
    /// The model as the client named it.
    pub model: &'a str,
}

/// One thing that was thought, said or is to be done.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Item {
    /// What the model thought.
    Reasoning {
        /// Its id.
        id: String,
        /// The thought; none while it begins.
        summary: Vec<Part>,
        /// Something that comes back, for clients that ask for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'static str>,
    },
    /// What it said.
    Message {
        /// Its id.
        id: String,
        /// How it stands.
        status: &'static str,
        /// Always the assistant.
        role: &'static str,
        /// The text; none while it begins.
        content: Vec<Part>,
    },
    /// What it wants done.
    FunctionCall {
        /// Its id.
        id: String,
        /// How it stands.
        status: &'static str,
        /// By which its result names it.
        call_id: String,
        /// The tool.
        name: String,
        /// Where it is declared.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// JSON of the arguments.
        arguments: String,
    },
    /// The same of a custom tool.
    CustomToolCall {
        /// Its id.
        id: String,
        /// How it stands.
        status: &'static str,
        /// By which its result names it.
        call_id: String,
        /// The tool.
        name: String,
        /// Where it is declared.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// The text that it takes.
        input: String,
    },
    /// What it wants to find among the client's tools.
    ToolSearchCall {
        /// Its id.
        id: String,
        /// How it stands.
        status: &'static str,
        /// By which its result names it.
        call_id: String,
        /// Who searches.
        execution: &'static str,
        /// What for.
        arguments: Value,
    },
}

/// A piece of an item.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Part {
    /// Of a thought.
    SummaryText {
        /// The text.
        text: String,
    },
    /// Of a message.
    OutputText {
        /// Never any.
        annotations: [(); 0],
        /// Never any.
        logprobs: [(); 0],
        /// The text.
        text: String,
    },
}

/// What a response cost.
#[derive(Debug, Serialize)]
struct UsageView {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Debug, Serialize)]
struct InputDetails {
    cached_tokens: u64,
}

#[derive(Debug, Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

/// What an item is made of: ids that no other answer has.
#[derive(Clone, Debug)]
pub(crate) struct ItemFactory {
    minted: String,
    encrypted: bool,
    origins: ToolOrigins,
}

impl ItemFactory {
    /// For one answer; `encrypted` if its thoughts need an `encrypted_content`.
    pub(crate) fn new(minted: &str, encrypted: bool, origins: ToolOrigins) -> Self {
        Self { minted: minted.to_owned(), encrypted, origins }
    }

    /// A thought, of so many pieces.
    pub(crate) fn reasoning(&self, index: usize, summary: Vec<Part>) -> Item {
        let id = format!("rs_{}_{index}", self.minted);
        Item::Reasoning { id, summary, encrypted_content: self.encrypted.then_some(SIGNATURE) }
    }

    /// A message, of so many pieces.
    pub(crate) fn message(&self, index: usize, status: &'static str, content: Vec<Part>) -> Item {
        Item::Message { id: format!("msg_{}_{index}", self.minted), status, role: "assistant", content }
    }

    /// A call, as the client declared its tool.
    pub(crate) fn call(&self, index: usize, call: &ToolCall) -> Item {
        let id = |kind: &str| format!("{kind}_{}_{index}", self.minted);
        let status = COMPLETED;
        let call_id = call.id.clone();
        let origin = self.origins.get(&call.name);
        let (name, namespace) = match origin {
            Some(origin) => (origin.name.clone(), origin.namespace.clone()),
            None => (call.name.clone(), None),
        };
        match origin.map(|origin| origin.kind) {
            None | Some(ToolKind::Function) => {
                let arguments = call.arguments.clone();
                Item::FunctionCall { id: id("fc"), status, call_id, name, namespace, arguments }
            }
            Some(ToolKind::Custom) => {
                let input = self.origins.input(&call.name, &call.arguments).unwrap_or_default();
                Item::CustomToolCall { id: id("ctc"), status, call_id, name, namespace, input }
            }
            Some(ToolKind::Search) => {
                let arguments = serde_json::from_str(&call.arguments).unwrap_or_default();
                Item::ToolSearchCall { id: id("tsc"), status, call_id, execution: "client", arguments }
            }
        }
    }

    /// All items of what was collected.
    pub(crate) fn items(&self, said: &CollectedAnswer) -> Vec<Item> {
        let mut items = Vec::new();
        if !said.reasoning.is_empty() {
            items.push(self.reasoning(0, vec![Part::thought(&said.reasoning)]));
        }
        if !said.text.trim().is_empty() {
            items.push(self.message(items.len(), COMPLETED, vec![Part::said(&said.text)]));
        }
        for call in &said.calls {
            items.push(self.call(items.len(), call));
        }
        items
    }
}

/// Of an item, or a response, that is whole.
pub(crate) const COMPLETED: &str = "completed";
/// Of one that is not all that it could be.
pub(crate) const INCOMPLETE: &str = "incomplete";
/// Of one that is not yet.
pub(crate) const IN_PROGRESS: &str = "in_progress";

impl Item {
    /// Its id.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Reasoning { id, .. }
            | Self::Message { id, .. }
            | Self::FunctionCall { id, .. }
            | Self::CustomToolCall { id, .. }
            | Self::ToolSearchCall { id, .. } => id,
        }
    }

    /// A call as it begins: of nothing yet.
    pub(crate) fn begun(&self) -> Self {
        let mut begun = self.clone();
        match &mut begun {
            Self::FunctionCall { status, arguments: text, .. }
            | Self::CustomToolCall { status, input: text, .. } => {
                *status = IN_PROGRESS;
                text.clear();
            }
            Self::ToolSearchCall { status, .. } => *status = IN_PROGRESS,
            Self::Reasoning { .. } | Self::Message { .. } => {}
        }
        begun
    }
}

impl Part {
    /// A piece of a thought.
    pub(crate) fn thought(text: &str) -> Self {
        Self::SummaryText { text: text.to_owned() }
    }

    /// A piece of a message.
    pub(crate) fn said(text: &str) -> Self {
        Self::OutputText { annotations: [], logprobs: [], text: text.to_owned() }
    }
}

impl<'a> Response<'a> {
    /// As it begins.
    pub(crate) fn begun(head: ResponseHead<'a>, output: &'a [Item]) -> Self {
        let ResponseHead { id, created, model } = head;
        Self {
            id,
            object: "response",
            created_at: created,
            status: IN_PROGRESS,
            background: false,
            error: None,
            incomplete_details: None,
            instructions: None,
            max_output_tokens: None,
            model,
            output,
            parallel_tool_calls: true,
            previous_response_id: None,
            store: false,
            temperature: None,
            tool_choice: "auto",
            tools: [],
            top_p: None,
            truncation: "disabled",
            usage: None,
            metadata: Empty {},
        }
    }

    /// As it ended.
    pub(crate) fn ended(
        head: ResponseHead<'a>,
        output: &'a [Item],
        finish: FinishReason,
        usage: Usage,
    ) -> Self {
        let reason = match finish {
            FinishReason::Stop | FinishReason::ToolCalls => None,
            FinishReason::Length => Some("max_output_tokens"),
            FinishReason::ContentFilter => Some("content_filter"),
        };
        let status = if reason.is_some() { INCOMPLETE } else { COMPLETED };
        let incomplete_details = reason.map(|reason| Incomplete { reason });
        Self { status, incomplete_details, usage: Some(usage.into()), ..Self::begun(head, output) }
    }

    /// As it failed.
    pub(crate) fn failed(
        head: ResponseHead<'a>,
        output: &'a [Item],
        code: &'a str,
        message: &'a str,
    ) -> Self {
        let error = Some(ErrorView { code, message });
        Self { status: "failed", error, ..Self::begun(head, output) }
    }

    /// How it stands.
    pub(crate) fn status(&self) -> &'static str {
        self.status
    }
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.prompt,
            input_tokens_details: InputDetails { cached_tokens: usage.cached.unwrap_or(0) },
            output_tokens: usage.completion,
            output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning.unwrap_or(0) },
            total_tokens: usage.prompt.saturating_add(usage.completion),
        }
    }
}
