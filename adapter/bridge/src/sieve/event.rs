//! What the sieve says of an answer.

pub use crate::arguments::invalid::{InvalidCall, InvalidKind};

/// One piece of what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SieveEvent {
    /// Visible text.
    Text(String),
    /// Thinking, its marks taken away.
    Reasoning(String),
    /// A call that is whole and valid.
    Call(ParsedCall),
    /// A call that must not be made; only the site can mend it.
    Invalid(InvalidCall),
    /// A call whose end never came.
    Truncated(TruncatedCall),
    /// Bytes that were taken from the client's sight and mean nothing.
    Dropped(usize),
}

/// A valid call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedCall {
    /// The tool's declared name.
    pub name: String,
    /// A JSON object, valid against the tool's schema.
    pub arguments: String,
    /// How it was read.
    pub reading: CallOrigin,
    /// Whether its JSON had to be mended.
    pub repaired: bool,
    /// The markup it was read from.
    pub raw: String,
}

/// How a call was read: what we can rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOrigin {
    /// In the dialect that we asked for.
    Own,
    /// In another model's dialect, as the last thing of the answer.
    Lenient,
    /// At the end of the thinking of an answer that said nothing.
    Reasoning,
}

/// A call whose end never came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruncatedCall {
    /// The tool, if its name had come.
    pub name: Option<String>,
    /// The markup so far; what the site says next may continue it.
    pub raw: String,
}

/// Where all bytes of an answer went; `received` is the sum of the others when the answer has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteAccount {
    /// All that came.
    pub received: u64,
    /// Given as text.
    pub text: u64,
    /// Given as reasoning.
    pub reasoning: u64,
    /// Calls, valid or not, and the marks around them and around thinking.
    pub markup: u64,
    /// What stood after the last call, and stray words before one.
    pub dropped: u64,
}

/// What an answer was, for whoever judges the turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerSummary {
    /// Whether anything but blanks was given as text.
    pub said: bool,
    /// The end of the text.
    pub tail: String,
    /// Calls given.
    pub calls: usize,
    /// Calls that must not be made.
    pub invalid: usize,
    /// Whether a call was cut.
    pub truncated: bool,
    /// Whether there was any thinking.
    pub thought: bool,
    /// Whether the end of the text shows markup of ours: in code, or broken.
    pub leaked: bool,
    /// Where the bytes went.
    pub account: ByteAccount,
    /// About how many bytes were looked at, some more than once.
    pub scanned: u64,
}

impl AnswerSummary {
    /// Whether nothing was said and nothing called, well or badly.
    pub fn is_empty(&self) -> bool {
        !self.said && self.calls == 0 && self.invalid == 0 && !self.truncated
    }
}
