//! Every way in which the API says no.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use latchkey_shared::{
    account::{Account, State},
    id::{AccountId, SiteName},
    store::StoreError,
};
use serde::{Deserialize, Serialize};
use strum::VariantNames;

use crate::operations::{OperationId, QueueFull};

/// A refusal. Its text goes to the client, so it never holds a source error.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Problem {
    #[error("send the admin token as `Authorization: Bearer ...`")]
    Unauthorized,
    #[error("there is nothing at this path; see /openapi.json")]
    NotFound,
    #[error("this path knows other methods; see the `Allow` header")]
    MethodNotAllowed,
    #[error("there is no account {0}")]
    AccountNotFound(String),
    #[error("account {0} cannot be read: {1}")]
    AccountDamaged(AccountId, String),
    #[error("of account {0} there is nothing left to repair: remove it, and add it again")]
    AccountBeyondRepair(AccountId),
    #[error("there is no operation {0}; a broker remembers its own newest 1000 until it restarts")]
    OperationNotFound(String),
    #[error("operation {0} has no screenshot: it did not fail on a page, or LATCHKEY_ARTEFACTS is not set")]
    ScreenshotNotFound(OperationId),
    #[error("the body did not arrive within {0} seconds")]
    BodyTimeout(u64),
    #[error("the body is larger than 64 KiB, or than 1 MiB where it is a session")]
    BodyTooLarge,
    #[error("send `Content-Type: application/json`")]
    UnsupportedMediaType,
    #[error("the body is no JSON object: {0}")]
    InvalidJson(String),
    #[error("{field}: {message}")]
    InvalidRequest { field: String, message: String },
    #[error("no site file describes {name}; known are {known}")]
    SiteUnknown { name: SiteName, known: String },
    #[error("site {0} has no base URL: set it on the broker, LATCHKEY_SITE_URLS={0}=https://...")]
    SiteWithoutUrl(SiteName),
    #[error("account {0} is {1}: change `disabled` to false first")]
    AccountDisabled(AccountId, State),
    #[error("somebody else has just changed the credentials; nothing was changed: send the same again")]
    CredentialsChanged,
    #[error("a login of the account runs, or has just ended; see the account, and give the session again")]
    LoginRunning,
    #[error("{what}; give one that is signed in at the site; nothing was changed")]
    SessionRefused { field: &'static str, what: String },
    #[error("the session could not be proved: {0}; nothing was changed")]
    SessionUnproved(String),
    #[error("as many logins run and wait as may; try again when some have ended")]
    LoginQueueFull,
    #[error("Redis does not answer; `latchkey-broker doctor` says why")]
    StoreUnavailable,
    #[error("a record of this request cannot be read or written; the broker's log has the cause")]
    Internal,
}

/// A problem in JSON (RFC 9457), with members of our own: `code` and `field`.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemView {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status, again.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    /// The kind as a stable word for programs.
    #[schemars(extend("enum" = Problem::VARIANTS))]
    pub code: String,
    /// The field of the request that is wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
}

impl Problem {
    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidRequest { field: field.into(), message: message.into() }
    }

    /// What an account's own reason says of its record.
    pub(crate) fn damaged(account: Account) -> Self {
        Self::AccountDamaged(account.id, account.reason)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound
            | Self::AccountNotFound(_)
            | Self::OperationNotFound(_)
            | Self::ScreenshotNotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidJson(_) => StatusCode::BAD_REQUEST,
            Self::InvalidRequest { .. } | Self::SiteUnknown { .. } | Self::SessionRefused { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::SiteWithoutUrl(_)
            | Self::AccountDisabled(..)
            | Self::AccountDamaged(..)
            | Self::AccountBeyondRepair(_)
            | Self::CredentialsChanged
            | Self::LoginRunning => StatusCode::CONFLICT,
            Self::SessionUnproved(_) | Self::LoginQueueFull | Self::StoreUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The kind in words for people.
    fn title(&self) -> &'static str {
        match self {
            Self::Unauthorized => "The admin token is missing or wrong",
            Self::NotFound => "No such path",
            Self::MethodNotAllowed => "No such method at this path",
            Self::AccountNotFound(_) => "No such account",
            Self::AccountDamaged(..) => "The account cannot be read",
            Self::AccountBeyondRepair(_) => "The account cannot be repaired",
            Self::OperationNotFound(_) => "No such operation",
            Self::ScreenshotNotFound(_) => "No screenshot",
            Self::BodyTimeout(_) => "The body came too slowly",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body has another type than JSON",
            Self::InvalidJson(_) => "The body is no JSON object",
            Self::InvalidRequest { .. } => "A field is wrong",
            Self::SiteUnknown { .. } => "No such site",
            Self::SiteWithoutUrl(_) => "The site has no address",
            Self::AccountDisabled(..) => "The account is switched off",
            Self::CredentialsChanged => "The credentials were changed meanwhile",
            Self::LoginRunning => "A login of the account runs",
            Self::SessionRefused { .. } => "The site refused the session",
            Self::SessionUnproved(_) => "The site could not be asked",
            Self::LoginQueueFull => "Too many logins",
            Self::StoreUnavailable => "Redis does not answer",
            Self::Internal => "The broker is at fault",
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::InvalidRequest { field, .. } => Some(field.clone()),
            Self::SessionRefused { field, .. } => Some((*field).to_owned()),
            Self::SiteUnknown { .. } | Self::SiteWithoutUrl(_) => Some("site".to_owned()),
            Self::Unauthorized
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::AccountNotFound(_)
            | Self::OperationNotFound(_)
            | Self::ScreenshotNotFound(_)
            | Self::BodyTimeout(_)
            | Self::BodyTooLarge
            | Self::UnsupportedMediaType
            | Self::InvalidJson(_)
            | Self::AccountDisabled(..)
            | Self::AccountDamaged(..)
            | Self::AccountBeyondRepair(_)
            | Self::CredentialsChanged
            | Self::LoginRunning
            | Self::SessionUnproved(_)
            | Self::LoginQueueFull
            | Self::StoreUnavailable
            | Self::Internal => None,
        }
    }

    fn view(&self) -> ProblemView {
        let code: &str = self.into();
        ProblemView {
            kind: format!("urn:latchkey:problem:{code}"),
            title: self.title().to_owned(),
            status: self.status().as_u16(),
            detail: self.to_string(),
            code: code.to_owned(),
            field: self.field(),
        }
    }

    /// A header that the status calls for.
    fn header(&self) -> Option<(header::HeaderName, HeaderValue)> {
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"latchkey-broker\"")))
            }
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, HeaderValue::from_static("5"))),
            _ => None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.view())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.header());
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error {
            StoreError::Unavailable(..) | StoreError::Denied(_) | StoreError::Evicts(_) => {
                Self::StoreUnavailable
            }
            StoreError::Unreadable(_) => Self::Internal,
        }
    }
}

impl From<QueueFull> for Problem {
    fn from(_: QueueFull) -> Self {
        tracing::warn!("a login was refused: too many run and wait");
        Self::LoginQueueFull
    }
}
