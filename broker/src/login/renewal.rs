//! What came of one strategy of renewal.

use latchkey_shared::session::Session;

use super::FailureCode;

/// How far one strategy led.
pub(super) enum RenewalOutcome {
    /// To a new session.
    Up(Box<FetchedSession>),
    /// Nowhere, for a reason that the next strategy may not have.
    Refused(String),
}

/// A session and where it came from.
pub(super) struct FetchedSession {
    /// All that the browser keeps; the next renewal begins with it.
    pub(super) state: Session,
    /// What of it adapters need.
    pub(super) session: Session,
}

/// Whether a failure says that no other strategy would do better now.
pub(super) fn ends_the_login(code: FailureCode) -> bool {
    match code {
        FailureCode::SiteDown
        | FailureCode::SitePaused
        | FailureCode::BrowserBusy
        | FailureCode::LoginsSpent
        | FailureCode::RateLimited
        | FailureCode::TlsError
        | FailureCode::StoreUnavailable
        | FailureCode::Superseded
        | FailureCode::AlreadyRunning => true,
        FailureCode::CredentialsRejected
        | FailureCode::AccountLocked
        | FailureCode::CaptchaRequired
        | FailureCode::ConsentRequired
        | FailureCode::ApprovalRequired
        | FailureCode::PasswordExpired
        | FailureCode::HumanRequired
        | FailureCode::SelectorMissing
        | FailureCode::NavigationTimeout
        | FailureCode::AssertionFailed
        | FailureCode::OriginViolation
        | FailureCode::CaptureMissing
        | FailureCode::ProbeFailed
        | FailureCode::BrowserCrashed
        | FailureCode::BrowserUnavailable
        | FailureCode::NoCredentials
        | FailureCode::SessionNeeded => false,
    }
}
