//! Why a site cannot be asked.

use super::length::PromptLength;
use crate::openai::request::InvalidRequest;

/// Why a site cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PromptError {
    /// It cannot do what is asked.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The conversation is longer than it takes; the client can make it shorter.
    #[error("{0}")]
    TooLong(PromptLength),
}
