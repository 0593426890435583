//! The error body that OpenAI's clients read.

use serde::Serialize;

/// An error as the body of an answer, or as an event of a stream.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorView<'a> {
    /// What went wrong.
    pub error: ErrorDetail<'a>,
}

/// What went wrong.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorDetail<'a> {
    /// For people: what happened and what to do.
    pub message: &'a str,
    /// OpenAI's class of the error.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Anthropic's name of the error: a gateway shows it to its Claude clients as the type.
    pub code: &'a str,
    /// Always null: a gateway rejects the body if it is anything but a string or null.
    pub param: Option<&'a str>,
}
