//! The prompt: its messages, and what was changed on the way to it.

use super::offer::DetailLevel;

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
    /// A result, or an argument, was cut in the middle.
    Cut {
        /// Before.
        from_bytes: usize,
        /// After.
        to_bytes: usize,
    },
}

/// The conversation does not fit, even with its results and arguments cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the conversation has {bytes} bytes, the site takes {limit_bytes}")]
pub struct PromptTooLong {
    /// What it has.
    pub bytes: usize,
    /// What the site takes.
    pub limit_bytes: usize,
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
