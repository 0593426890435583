//! The error body that Anthropic's clients read.

use serde::Serialize;

/// An error as the body of an answer, or as an event of a stream.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorView<'a> {
    /// Always `error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What went wrong.
    pub error: ErrorDetail<'a>,
}

/// What went wrong.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorDetail<'a> {
    /// Anthropic's name of the error, such as `overloaded_error`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The same once more: a gateway takes the name from here.
    pub code: &'a str,
    /// For people: what happened and what to do.
    pub message: &'a str,
}

impl<'a> ErrorView<'a> {
    /// An error of one kind.
    pub(crate) fn new(kind: &'a str, message: &'a str) -> Self {
        Self { kind: "error", error: ErrorDetail { kind, code: kind, message } }
    }
}
