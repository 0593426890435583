//! The edge's errors: what a client sees when something fails.
//!
//! The statuses are chosen for the gateway before us: it switches a channel off on 401, never asks again on 400 and
//! 504, and tries elsewhere on 429, 502 and 503. No text of a site passes, nor any that gateways take for a ban.

use std::time::Duration;

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_LENGTH, RETRY_AFTER, UPGRADE},
    },
    response::{IntoResponse, Response},
};

use serde_json::json;

use crate::{
    anthropic::error as anthropic,
    models::ModelError,
    openai::error::{ErrorDetail, ErrorView},
    pool::PoolError,
    stream::fault::{Fault, Rejection},
    turn::TurnError,
};

mod advice;
mod kind;

pub(super) use kind::ApiError;

impl ApiError {
    /// What happened and what to do, for users; what an operator is to do stands in the log.
    fn message(&self) -> String {
        match self {
            Self::Unauthorized => "the key is none that is known here".to_owned(),
            Self::NotFound => {
                "there is nothing here; POST /v1/chat/completions and GET /v1/models are".to_owned()
            }
            Self::NoSocket => {
                "expected the upgrade to a WebSocket; without one, POST asks here".to_owned()
            }
            Self::OldSocket => "a connection lasts an hour at most; connect again to go on".to_owned(),
            Self::NoResponse => {
                "previous_response_id: expected this connection's last response; send the whole conversation in \
                 input without it"
                    .to_owned()
            }
            Self::BodyTooLong { limit } => {
                format!("prompt is too long: the body has more than {limit} bytes")
            }
            Self::Encoding(name) => {
                format!("content-encoding: expected gzip, deflate, zstd or none, not {name}")
            }
            Self::NoModel(what) | Self::Invalid(what) => what.clone(),
            Self::PromptTooLong(length) => length.to_string(),
            Self::NoAccount(_) => "nobody is signed in who could answer; ask again later".to_owned(),
            Self::Busy { retry_after } => {
                format!("everybody who could answer is busy; ask again in {} s", seconds(*retry_after))
            }
            Self::Overloaded => "too many requests wait for an account; ask again later".to_owned(),
            Self::Full => "there is no room for another answer; ask again".to_owned(),
            Self::Bug => {
                "the answer failed; the operator's log says why, under the id of this request".to_owned()
            }
            Self::Fault(fault) => message_of(fault),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Busy { retry_after } => Some(seconds(*retry_after)),
            Self::Fault(Fault::RateLimited { retry_after } | Fault::Busy { retry_after }) => {
                Some(limited_seconds(*retry_after))
            }
            Self::Full => Some(1),
            Self::Overloaded | Self::NoAccount(_) => Some(5),
            Self::Unauthorized
            | Self::NotFound
            | Self::NoSocket
            | Self::OldSocket
            | Self::NoResponse
            | Self::BodyTooLong { .. }
            | Self::Encoding(_)
            | Self::NoModel(_)
            | Self::Invalid(_)
            | Self::PromptTooLong(_)
            | Self::Bug
            | Self::Fault(_) => None,
        }
    }

    /// Logs it, once, where it is answered.
    pub(super) fn log(&self) {
        let status = self.status();
        if *self == Self::Bug {
            tracing::error!(status = status.as_u16(), "a panic ended the request");
        } else if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), cause = ?self, advice = advice::of(self), "request failed");
        } else {
            tracing::debug!(status = status.as_u16(), cause = ?self, advice = advice::of(self), "request refused");
        }
    }

    /// As clients of Responses are told.
    pub(super) fn into_responses(self) -> Response {
        self.log();
        let response = self.responses_view(|status, view| (status, Json(view)).into_response());
        self.with_headers(response)
    }

    /// As clients of Responses are told on a socket.
    pub(super) fn response_event(&self) -> String {
        self.log();
        let event = self.responses_view(|status, view| {
            let mut event = json!({"type": "error", "status": status.as_u16(), "error": view.error});
            if let Some(secs) = self.retry_after() {
                event["headers"] = json!({"retry-after": secs.to_string()});
            }
            event
        });
        event.to_string()
    }

    /// Codex takes a 429 for the end, and asks again on 503.
    fn responses_view<T>(&self, show: impl FnOnce(StatusCode, &ErrorView<'_>) -> T) -> T {
        let message = self.message();
        let (status, (kind, code)) = match self.status() {
            StatusCode::TOO_MANY_REQUESTS => {
                (StatusCode::SERVICE_UNAVAILABLE, ("server_error", "overloaded_error"))
            }
            status => (status, self.kind_and_code()),
        };
        show(status, &ErrorView { error: ErrorDetail { message: &message, kind, code, param: None } })
    }

    fn with_headers(&self, mut response: Response) -> Response {
        if let Some(secs) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        if *self == Self::NoSocket {
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        response
    }

    /// Shows the error in OpenAI's form.
    pub(super) fn view<T>(&self, show: impl FnOnce(&ErrorView<'_>) -> T) -> T {
        let (message, (kind, code)) = (self.message(), self.kind_and_code());
        show(&ErrorView { error: ErrorDetail { message: &message, kind, code, param: None } })
    }

    /// Shows the error in Anthropic's form.
    pub(super) fn anthropic_view<T>(&self, show: impl FnOnce(&anthropic::ErrorView<'_>) -> T) -> T {
        let message = self.message();
        let code = match self.kind_and_code() {
            (kind, "context_length_exceeded") => kind,
            (_, "model_not_found") => "not_found_error",
            (_, code) => code,
        };
        show(&anthropic::ErrorView::new(code, &message))
    }

    /// Shows the error as a response tells it: its code and its message.
    pub(super) fn response_view<T>(&self, show: impl FnOnce(&str, &str) -> T) -> T {
        let code = match self.kind_and_code().1 {
            "rate_limit_error" => "rate_limit_exceeded",
            "context_length_exceeded" => "context_length_exceeded",
            _ => "server_error",
        };
        show(code, &self.message())
    }

    /// The answer for a client of the Messages API.
    pub(super) fn into_anthropic(self) -> Response {
        let body = self.anthropic_view(|view| Json(view).into_response().into_body());
        let (parts, _) = self.into_response().into_parts();
        let mut response = Response::from_parts(parts, body);
        // It was the other body's.
        response.headers_mut().remove(CONTENT_LENGTH);
        response
    }
}

fn message_of(fault: &Fault) -> String {
    let message = match fault {
        Fault::RateLimited { retry_after } => {
            let secs = limited_seconds(*retry_after);
            return format!("the site asks for a pause; ask again in {secs} s");
        }
        Fault::Busy { retry_after } => {
            let secs = limited_seconds(*retry_after);
            return format!("the site has too much to do; ask again in {secs} s");
        }
        Fault::SessionDead => "the site takes nobody's session any more who could answer; ask again later",
        Fault::Rejected(Rejection::Model) => "model: the site does not have it any more",
        Fault::Rejected(Rejection::TooLong) => {
            "prompt is too long: it exceeds the context window of this model"
        }
        Fault::Rejected(Rejection::Invalid) => "the site refused the request as invalid; check its fields",
        Fault::ConversationGone => "the site has forgotten the conversation; ask again",
        Fault::Unreachable => "the site cannot be reached; ask again later",
        Fault::ConnectTimeout => "the site did not take the connection in time; ask again later",
        Fault::ResponseTimeout => {
            "the site took the prompt and then kept silent too long; asking again may run it twice"
        }
        Fault::Status(_) | Fault::UpstreamError => {
            "the site, or the model behind it, failed; ask again later"
        }
        Fault::Empty => "the site sent an empty answer; ask again",
        Fault::Truncated => "the site's answer was cut off; ask again",
        Fault::InvalidToolCall => "the site's model wrote a tool call that cannot be used; ask again",
        Fault::Unreadable(_) => "the site's answer cannot be read; ask again later",
        Fault::ShuttingDown => "the service is being restarted; ask again",
        Fault::AccountDisabled => "the answer was broken off by an operator; ask again",
    };
    message.to_owned()
}

/// How long to wait for a site that limits a rate; it may not say.
fn limited_seconds(retry_after: Option<Duration>) -> u64 {
    seconds(retry_after.unwrap_or(Duration::from_secs(30)))
}

/// Whole seconds, at least one.
fn seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
}

impl From<TurnError> for ApiError {
    fn from(error: TurnError) -> Self {
        match error {
            TurnError::Invalid(invalid) => Self::Invalid(invalid.0),
            TurnError::TooLong(length) => Self::PromptTooLong(length),
            TurnError::Model(error @ ModelError::NotKnown(_)) => Self::NoAccount(error.to_string()),
            // No site was asked for an answer: asking again runs nothing twice.
            TurnError::Model(ModelError::Unlisted(Fault::ResponseTimeout)) => {
                Self::Fault(Fault::ConnectTimeout)
            }
            TurnError::Model(ModelError::Unlisted(fault)) => Self::Fault(fault),
            TurnError::Model(error) => Self::Invalid(error.to_string()),
            TurnError::Pool(PoolError::Fault(fault)) => Self::Fault(fault),
            TurnError::Pool(error @ PoolError::NoAccount) => Self::NoAccount(error.to_string()),
            TurnError::Pool(PoolError::Busy { retry_after }) => Self::Busy { retry_after },
            TurnError::Pool(PoolError::QueueFull) => Self::Overloaded,
        }
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let status = self.status();
        let response = self.view(|view| (status, Json(view)).into_response());
        self.with_headers(response)
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;
    use crate::prompt::PromptLength;

    /// Texts for which a gateway switches a channel off, at any status.
    const BANNED: [&str; 7] = [
        "your credit balance is too low",
        "this organization has been disabled.",
        "you exceeded your current quota",
        "permission denied",
        "the security token included in the request is invalid",
        "operation not allowed",
        "your account is not authorized",
    ];

    /// Each, with something in it.
    fn every_error() -> Vec<ApiError> {
        let faults = Fault::iter().flat_map(|fault| match fault {
            Fault::Rejected(_) => Rejection::iter().map(Fault::Rejected).collect(),
            Fault::Busy { .. } => vec![Fault::Busy { retry_after: Some(Duration::from_secs(5)) }],
            Fault::Status(_) => vec![Fault::Status(401)],
            Fault::Unreadable(_) => vec![Fault::Unreadable("why")],
            fault => vec![fault],
        });
        let errors = ApiError::iter().filter_map(|error| match error {
            ApiError::BodyTooLong { .. } => Some(ApiError::BodyTooLong { limit: 1 }),
            ApiError::Invalid(_) => Some(ApiError::Invalid("n: expected 1".to_owned())),
            ApiError::PromptTooLong(_) => {
                Some(ApiError::PromptTooLong(PromptLength { tokens: 60_000, limit: 50_000 }))
            }
            ApiError::Encoding(_) => Some(ApiError::Encoding("br".to_owned())),
            ApiError::NoModel(_) => Some(ApiError::NoModel("model: there is no \"a\"".to_owned())),
            ApiError::NoAccount(_) => Some(ApiError::NoAccount("nobody is signed in".to_owned())),
            ApiError::Busy { .. } => Some(ApiError::Busy { retry_after: Duration::from_millis(1500) }),
            ApiError::Fault(_) => None,
            error => Some(error),
        });
        errors.chain(faults.map(ApiError::Fault)).collect()
    }

    #[test]
    fn every_error_has_the_status_that_the_gateway_must_see() {
        let line = |error: ApiError| {
            let (kind, code) = error.kind_and_code();
            let retry_after = error.retry_after().map_or_else(|| "-".to_owned(), |secs| secs.to_string());
            format!("{} {kind} {code} {retry_after} {}\n", error.status().as_u16(), error.message())
        };
        let table: String = every_error().into_iter().map(line).collect();

        insta::assert_snapshot!(table);
    }

    #[test]
    fn no_message_is_one_that_gateways_take_for_a_ban() {
        for error in every_error() {
            let message = error.message().to_lowercase();
            assert!(BANNED.iter().all(|banned| !message.contains(banned)), "{message}");
        }
    }
}
