//! A call that cannot be used, and why.

/// A call that must not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCall {
    /// What is wrong.
    pub kind: InvalidKind,
    /// The tool as the model names it; may be empty.
    pub name: String,
    /// A sentence for the model.
    pub detail: String,
    /// The markup it was read from.
    pub raw: String,
    /// Its arguments as they were written, where nothing is wrong with a call in our own form but that its tool is not
    /// declared: a client may know of tools that it does not declare.
    pub arguments: Option<String>,
}

/// What is wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKind {
    /// No tool is named.
    NoName,
    /// The tool is not declared.
    UnknownTool,
    /// The arguments are no JSON, not even after repair.
    Json,
    /// The arguments do not fit the tool's schema.
    Arguments,
    /// The block's parts do not fit together.
    Malformed,
    /// A block in a foreign dialect, and text after it: perhaps an example.
    Doubtful,
    /// One call, or all of the answer, is too long.
    TooLong,
    /// There are too many calls.
    TooMany,
}

impl InvalidKind {
    /// The word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoName => "no_name",
            Self::UnknownTool => "unknown_tool",
            Self::Json => "json",
            Self::Arguments => "arguments",
            Self::Malformed => "malformed",
            Self::Doubtful => "doubtful",
            Self::TooLong => "too_long",
            Self::TooMany => "too_many",
        }
    }
}
