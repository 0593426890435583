//! Everything that can fail, and its class.

use std::time::Duration;

use axum::http::StatusCode;

use crate::{
    prompt::PromptLength,
    stream::fault::{Fault, Rejection},
};

/// Everything that can fail, as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumIter))]
pub(in crate::api) enum ApiError {
    /// No shared secret, or a wrong one.
    Unauthorized,
    /// No such path or method.
    NotFound,
    /// A path for sockets, and no request that opens one.
    NoSocket,
    /// A socket that has lasted as long as one may.
    OldSocket,
    /// A socket's last response is another one.
    NoResponse,
    /// The body is longer than allowed.
    BodyTooLong { limit: usize },
    /// The body is packed in a way that is not read here.
    Encoding(String),
    /// No site has the model.
    NoModel(String),
    /// The request is wrong, and the text says where.
    Invalid(String),
    /// The conversation is longer than the site takes.
    PromptTooLong(PromptLength),
    /// Nobody is signed in.
    NoAccount(String),
    /// Everybody is busy.
    Busy { retry_after: Duration },
    /// Too many wait already.
    Overloaded,
    /// As many answers as there is room for.
    Full,
    /// A panic: ours to mend.
    Bug,
    /// The answer failed.
    Fault(Fault),
}

impl ApiError {
    /// The status.
    pub(in crate::api) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::NoModel(_) => StatusCode::NOT_FOUND,
            Self::NoSocket => StatusCode::UPGRADE_REQUIRED,
            Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLong { .. }
            | Self::OldSocket
            | Self::NoResponse
            | Self::Invalid(_)
            | Self::PromptTooLong(_)
            | Self::Fault(Fault::Rejected(_)) => StatusCode::BAD_REQUEST,
            Self::NoAccount(_)
            | Self::Overloaded
            | Self::Full
            | Self::Fault(Fault::ConnectTimeout | Fault::ShuttingDown | Fault::AccountDisabled) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Busy { .. } | Self::Fault(Fault::RateLimited { .. } | Fault::Busy { .. }) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Bug => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Fault(Fault::ResponseTimeout) => StatusCode::GATEWAY_TIMEOUT,
            Self::Fault(
                Fault::SessionDead
                | Fault::ConversationGone
                | Fault::Unreachable
                | Fault::Status(_)
                | Fault::UpstreamError
                | Fault::Empty
                | Fault::Truncated
                | Fault::InvalidToolCall
                | Fault::Unreadable(_),
            ) => StatusCode::BAD_GATEWAY,
        }
    }

    /// Whether the client is to make its conversation shorter.
    pub(in crate::api) fn is_too_long(&self) -> bool {
        matches!(
            self,
            Self::PromptTooLong(_)
                | Self::BodyTooLong { .. }
                | Self::Fault(Fault::Rejected(Rejection::TooLong))
        )
    }

    /// OpenAI's class and Anthropic's name of the error; a gateway shows the latter to its Claude clients. A prompt
    /// that is too long has OpenAI's name: OpenCode and Codex know it by that alone.
    pub(super) fn kind_and_code(&self) -> (&'static str, &'static str) {
        if self.is_too_long() {
            return ("invalid_request_error", "context_length_exceeded");
        }
        match self {
            Self::Unauthorized => ("invalid_request_error", "authentication_error"),
            Self::NotFound => ("invalid_request_error", "not_found_error"),
            Self::OldSocket => ("invalid_request_error", "websocket_connection_limit_reached"),
            Self::NoResponse => ("invalid_request_error", "previous_response_not_found"),
            Self::NoModel(_) => ("invalid_request_error", "model_not_found"),
            Self::NoSocket
            | Self::BodyTooLong { .. }
            | Self::PromptTooLong(_)
            | Self::Encoding(_)
            | Self::Invalid(_)
            | Self::Fault(Fault::Rejected(_)) => ("invalid_request_error", "invalid_request_error"),
            Self::NoAccount(_)
            | Self::Overloaded
            | Self::Full
            | Self::Fault(Fault::ShuttingDown | Fault::AccountDisabled) => {
                ("server_error", "overloaded_error")
            }
            Self::Bug => ("server_error", "api_error"),
            Self::Busy { .. } | Self::Fault(Fault::RateLimited { .. } | Fault::Busy { .. }) => {
                ("rate_limit_exceeded", "rate_limit_error")
            }
            Self::Fault(Fault::ConnectTimeout | Fault::ResponseTimeout) => ("server_error", "timeout_error"),
            Self::Fault(
                Fault::SessionDead
                | Fault::ConversationGone
                | Fault::Unreachable
                | Fault::Status(_)
                | Fault::UpstreamError
                | Fault::Empty
                | Fault::Truncated
                | Fault::InvalidToolCall
                | Fault::Unreadable(_),
            ) => ("server_error", "api_error"),
        }
    }
}
