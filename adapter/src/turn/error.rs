//! Why a turn does not begin.

use crate::{
    models::ModelError,
    openai::request::InvalidRequest,
    pool::PoolError,
    prompt::{PromptError, PromptLength},
};

/// Why a turn does not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TurnError {
    /// The site cannot do what is asked.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The conversation is longer than the site takes.
    #[error("{0}")]
    TooLong(PromptLength),
    /// The model's name leads nowhere.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No account gives an answer.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl TurnError {
    /// The outcome that metrics show.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::Model(ModelError::Unknown(_)) => "invalid",
            Self::TooLong(_) => "too_long",
            Self::Model(ModelError::NotKnown(_)) | Self::Pool(PoolError::NoAccount) => "no_account",
            Self::Model(ModelError::Unlisted(fault)) | Self::Pool(PoolError::Fault(fault)) => fault.label(),
            Self::Pool(PoolError::Busy { .. }) => "busy",
            Self::Pool(PoolError::QueueFull) => "queue_full",
        }
    }
}

impl From<PromptError> for TurnError {
    fn from(error: PromptError) -> Self {
        match error {
            PromptError::Invalid(invalid) => Self::Invalid(invalid),
            PromptError::TooLong(length) => Self::TooLong(length),
        }
    }
}
