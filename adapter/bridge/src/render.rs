//! What a text-only site is told: the conversation in plain roles, with tools, calls and results written out.
//!
//! History is written anew in the dialect of the request, whatever it looked like. Nothing is left out without a
//! note in the text itself.

use std::sync::Arc;

use serde_json::Value;

use crate::{catalog::Catalog, dialect::Dialect};

pub mod choice;
mod content;
pub mod cut;
mod history;
mod leak;
pub mod offer;
pub mod reask;
mod script;
mod signature;

use choice::ToolChoice;
use history::HistoryEntry;
use offer::DetailLevel;
use script::Transcript;

/// What a client asks, as far as tools matter.
#[derive(Clone, Copy, Debug)]
pub struct RenderRequest<'a> {
    /// In OpenAI's shape.
    pub messages: &'a [Value],
    /// All tools that are declared.
    pub catalog: &'a Arc<Catalog>,
    /// Which of them may, or must, be called.
    pub choice: &'a ToolChoice,
    /// Whether several may be called at once.
    pub parallel: bool,
}

/// What a site takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromptBudget {
    /// Of the tools' description.
    pub tools_bytes: usize,
    /// Of all messages together.
    pub prompt_bytes: usize,
}

/// The prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedPrompt {
    /// In order.
    pub messages: Vec<PromptMessage>,
    /// How fully the tools are described; none if no tool is offered.
    pub tier: Option<DetailLevel>,
    /// What was changed on the way, for the log.
    pub notes: Vec<RenderNote>,
}

/// One message of the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptMessage {
    /// Who speaks.
    pub role: Role,
    /// What they say.
    pub text: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The client's instructions.
    System,
    /// The person, or a tool's result.
    User,
    /// The model.
    Assistant,
}

/// What was changed on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderNote {
    /// A result belongs to no call; it is kept as text.
    Orphan,
    /// A call has no result; the prompt says so.
    Unanswered,
    /// An old answer held markup; it is written anew or made harmless.
    Leak,
    /// A pseudo-call of the client's is told as a refusal.
    Refused,
    /// The same call gave the same result again and again; the prompt says so.
    Repeated,
    /// Something that is no text was left out; the prompt says so.
    NoText,
    /// A result was cut in the middle.
    Cut {
        /// Before.
        from_bytes: usize,
        /// After.
        to_bytes: usize,
    },
}

/// The conversation does not fit, even with its results cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the conversation has {bytes} bytes, the site takes {limit_bytes}")]
pub struct PromptTooLong {
    /// What it has.
    pub bytes: usize,
    /// What the site takes.
    pub limit_bytes: usize,
}

impl Default for PromptBudget {
    fn default() -> Self {
        Self { tools_bytes: 64 << 10, prompt_bytes: 1 << 20 }
    }
}

impl Role {
    /// OpenAI's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl RenderedPrompt {
    /// Says something more at the very end, where models heed it most.
    pub fn remind(&mut self, words: &str) {
        match self.messages.last_mut() {
            Some(last) if last.role == Role::User => last.text.push_str(&format!("\n\n{words}")),
            _ => self.messages.push(PromptMessage { role: Role::User, text: words.to_owned() }),
        }
    }
}

/// Writes the prompt.
///
/// # Errors
/// When it cannot be made to fit; the client can, by compaction.
pub fn render(
    request: &RenderRequest<'_>,
    dialect: &Dialect,
    budget: PromptBudget,
) -> Result<RenderedPrompt, PromptTooLong> {
    let mut notes = Vec::new();
    let entries: Vec<HistoryEntry> = history::read(request.messages, &mut notes);
    let entries = leak::mend(entries, request.catalog, dialect, &mut notes);
    let mut script = Transcript::write(&entries, request.catalog, dialect, &mut notes);
    let tier = match request.choice {
        ToolChoice::None => None,
        _ if request.catalog.tools().is_empty() => None,
        ToolChoice::Auto | ToolChoice::Required | ToolChoice::Named(_) => {
            let (offer, tier) =
                offer::write(request, dialect, &history::called(&entries), budget.tools_bytes);
            script.instruct(&offer);
            script.remind(&offer::reminder(request, dialect));
            Some(tier)
        }
    };
    cut::fit(&mut script, budget.prompt_bytes, dialect, &mut notes)?;
    Ok(RenderedPrompt { messages: script.into_messages(dialect), tier, notes })
}
