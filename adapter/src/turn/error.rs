//! Why a turn does not begin.

use crate::{models::ModelError, openai::request::InvalidRequest, pool::PoolError};

/// Why a turn does not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TurnError {
    /// The site cannot do what is asked.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
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
            Self::Invalid(_) | Self::Model(ModelError::Unknown(_) | ModelError::Ambiguous { .. }) => {
                "invalid"
            }
            Self::Model(ModelError::NotKnown(_)) | Self::Pool(PoolError::NoAccount) => "no_account",
            Self::Model(ModelError::Unlisted(fault)) | Self::Pool(PoolError::Fault(fault)) => fault.label(),
            Self::Pool(PoolError::Busy { .. }) => "busy",
            Self::Pool(PoolError::QueueFull) => "queue_full",
        }
    }
}
