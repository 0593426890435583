//! What is needed to read the answer of a site that knows no tools.

use std::{collections::BTreeSet, sync::Arc};

use latchkey_bridge::{
    catalog::Catalog,
    dialect::Dialect,
    render::{self, PromptBudget, PromptTooLong, RenderRequest, RenderedPrompt, choice::ToolChoice},
    sieve::quoted::QuotedTexts,
};
use serde_json::Value;

use super::wanted::WantedFormat;
use crate::openai::message::Message;

/// How clients tell the model that the person refused a call: OpenCode, then Claude Code (2026-11).
const REFUSALS: [&str; 2] = ["rejected permission to use", "doesn't want to proceed with this tool use"];

/// How to read the answer, and what its judge needs to know of the request.
#[derive(Debug)]
pub(crate) struct Emulation {
    /// The tools.
    pub catalog: Arc<Catalog>,
    /// How calls are written.
    pub dialect: Dialect,
    /// Which may, or must, be called.
    pub choice: ToolChoice,
    /// Whether several may be called at once.
    pub parallel: bool,
    /// The longest prompt that the site takes.
    pub prompt_bytes: usize,
    /// What the model is shown that may hold a call; none where only our own form is read.
    pub shown: Option<Arc<QuotedTexts>>,
    /// Whether the client chose which tools may be called.
    pub restricted: bool,
    /// What the client and the person said: it may name tools that are not declared.
    pub told: Vec<String>,
    /// The form in which the client wants the answer.
    pub wanted: Option<WantedFormat>,
    /// Whether the client is shown each word as it comes.
    pub streamed: bool,
    /// Whether the model is asked to mark the end of finished work.
    pub end_mark: bool,
    /// The end of the conversation.
    pub end: ConversationEnd,
}

/// The end of the conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConversationEnd {
    /// The system prompt.
    pub system: String,
    /// What the person said last.
    pub user: String,
    /// Whether the answer is to tool results.
    pub after_result: bool,
    /// The tools that were called, each once.
    pub called: BTreeSet<String>,
    /// Whether a call was refused since the person last spoke.
    pub refused: bool,
    /// Whether the last calls were the same and gave the same: the prompt says so, and that is enough.
    pub repeats: bool,
    /// How many answers there were before.
    pub turn: u64,
    /// Which conversation it is, for what is counted over several turns.
    pub conversation: String,
}

impl Emulation {
    /// Whether the answer must call a tool.
    pub(crate) fn requires_call(&self) -> bool {
        matches!(self.choice, ToolChoice::Required | ToolChoice::Named(_))
    }

    /// Whether there are tools that may be called.
    pub(crate) fn offers_tools(&self) -> bool {
        self.choice != ToolChoice::None && !self.catalog.tools().is_empty()
    }

    /// Whether what the client and the person said names a tool: clients run tools that they only tell of.
    pub(crate) fn tells_of(&self, tool: &str) -> bool {
        let within = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        let names = |text: &String| {
            text.match_indices(tool).any(|(at, _)| {
                !within(text[..at].chars().next_back()) && !within(text[at + tool.len()..].chars().next())
            })
        };
        !tool.is_empty() && self.told.iter().any(names)
    }

    pub(super) fn render(
        &self,
        messages: &[Message],
        budget: PromptBudget,
    ) -> Result<RenderedPrompt, PromptTooLong> {
        let Self { catalog, choice, parallel, dialect, end_mark, .. } = self;
        let messages: Vec<&Value> = messages.iter().map(Message::value).collect();
        let request =
            RenderRequest { messages: &messages, catalog, choice, parallel: *parallel, end_mark: *end_mark };
        render::render(&request, dialect, budget)
    }
}

impl ConversationEnd {
    pub(super) fn of(messages: &[Message]) -> Self {
        let spoke = messages.iter().rposition(|message| message.role() == "user");
        let since = &messages[spoke.map_or(0, |at| at + 1)..];
        let system = messages.iter().filter(|message| message.is_system()).map(Message::text);
        let refuses = |message: &Message| {
            message.is_result() && REFUSALS.iter().any(|refusal| message.text().contains(refusal))
        };
        Self {
            system: system.collect::<Vec<_>>().join("\n"),
            user: spoke.map(|at| messages[at].text()).unwrap_or_default(),
            after_result: messages.last().is_some_and(Message::is_result),
            called: called(messages),
            refused: since.iter().any(refuses),
            repeats: false,
            turn: messages.iter().filter(|message| message.role() == "assistant").count() as u64,
            conversation: String::new(),
        }
    }
}

fn called(messages: &[Message]) -> BTreeSet<String> {
    let calls = messages.iter().flat_map(Message::calls);
    calls.filter_map(|call| call["function"]["name"].as_str()).map(str::to_owned).collect()
}
