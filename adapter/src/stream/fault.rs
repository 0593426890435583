//! Everything that can go wrong between sending a prompt and the end of its answer.

use std::time::Duration;

/// Why a site gave no answer, or not all of it. Holds no word of the site's own: its texts never reach a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(test, derive(Default, strum::EnumIter))]
pub(crate) enum Fault {
    /// The site does not know the session any more.
    #[cfg_attr(test, default)]
    #[error("the site does not accept the account's session")]
    SessionDead,
    /// The site asks this account to wait.
    #[error("the site limits the account's rate")]
    RateLimited {
        /// How long, if the site says so.
        retry_after: Option<Duration>,
    },
    /// The site does not know its own conversation any more.
    #[error("the site does not know the conversation any more")]
    ConversationGone,
    /// The site has too much to do, whoever asks.
    #[error("the site is too busy")]
    Busy {
        /// How long to wait, if the site says so.
        retry_after: Option<Duration>,
    },
    /// The site finds the request wrong.
    #[error("the site refused the request: {0}")]
    Rejected(Rejection),
    /// The connection was refused, or the name or certificate is wrong.
    #[error("the site cannot be reached")]
    Unreachable,
    /// No connection in time: the prompt never got there.
    #[error("the site did not take the connection in time")]
    ConnectTimeout,
    /// The prompt got there, and nothing came back in time.
    #[error("the site accepted the prompt and then kept silent too long")]
    ResponseTimeout,
    /// The site, or the model behind it, failed.
    #[error("the site answered with status {0}")]
    Status(u16),
    /// The site sent an error instead of an answer.
    #[error("the site reported an error")]
    UpstreamError,
    /// The answer is none: no text and no tool call.
    #[error("the site sent an empty answer")]
    Empty,
    /// The answer stopped in the middle.
    #[error("the site's answer was cut off")]
    Truncated,
    /// The model calls tools in a way that cannot be carried out.
    #[error("the site's model wrote a tool call that cannot be used")]
    InvalidToolCall,
    /// The answer cannot be read.
    #[error("the site's answer cannot be read: {0}")]
    Unreadable(&'static str),
    /// The adapter stops and cannot wait for the rest.
    #[error("the adapter stops")]
    ShuttingDown,
    /// An operator switched the account off, or deleted it.
    #[error("the account was switched off")]
    AccountDisabled,
}

/// What a site finds wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(test, derive(Default, strum::EnumIter))]
pub(crate) enum Rejection {
    /// It has no such model.
    #[cfg_attr(test, default)]
    #[error("unknown model")]
    Model,
    /// The prompt does not fit.
    #[error("too long")]
    TooLong,
    /// Anything else.
    #[error("invalid")]
    Invalid,
}

impl Fault {
    /// The outcome that metrics show.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::SessionDead => "session_dead",
            Self::RateLimited { .. } => "rate_limited",
            Self::ConversationGone => "forgotten",
            Self::Busy { .. } => "busy",
            Self::Rejected(_) => "rejected",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "not_accepted",
            Self::ResponseTimeout => "silent",
            Self::Status(_) => "status",
            Self::UpstreamError => "reported",
            Self::Empty => "empty",
            Self::Truncated => "cut",
            Self::InvalidToolCall => "broken_call",
            Self::Unreadable(_) => "unreadable",
            Self::ShuttingDown => "stopping",
            Self::AccountDisabled => "switched_off",
        }
    }

    /// Whether another account may fare better: the fault is the account's own, not the site's or the request's.
    pub(crate) fn is_of_the_account(&self) -> bool {
        match self {
            Self::SessionDead | Self::RateLimited { .. } => true,
            Self::ConversationGone
            | Self::Busy { .. }
            | Self::Rejected(_)
            | Self::Unreachable
            | Self::ConnectTimeout
            | Self::ResponseTimeout
            | Self::Status(_)
            | Self::UpstreamError
            | Self::Empty
            | Self::Truncated
            | Self::InvalidToolCall
            | Self::Unreadable(_)
            | Self::ShuttingDown
            | Self::AccountDisabled => false,
        }
    }
}
