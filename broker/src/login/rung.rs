//! What came of one rung of the ladder.

use latchkey_shared::session::Session;

use super::Code;

/// How far one rung led.
pub(super) enum Climbed {
    /// To a new session.
    Up(Box<Fetched>),
    /// Nowhere, for a reason that the next rung may not have.
    Refused(String),
}

/// A session and where it came from.
pub(super) struct Fetched {
    /// All that the browser keeps; the next renewal begins with it.
    pub(super) state: Session,
    /// What of it adapters need.
    pub(super) session: Session,
}

/// Whether a failure says that no other rung would do better now.
pub(super) fn ends_the_climb(code: Code) -> bool {
    match code {
        Code::SiteDown
        | Code::SitePaused
        | Code::BrowserBusy
        | Code::LoginsSpent
        | Code::RateLimited
        | Code::TlsError
        | Code::StoreUnavailable
        | Code::Superseded
        | Code::AlreadyRunning => true,
        Code::CredentialsRejected
        | Code::AccountLocked
        | Code::CaptchaRequired
        | Code::ConsentRequired
        | Code::ApprovalRequired
        | Code::PasswordExpired
        | Code::HumanRequired
        | Code::SelectorMissing
        | Code::NavigationTimeout
        | Code::AssertionFailed
        | Code::OriginViolation
        | Code::CaptureMissing
        | Code::ProbeFailed
        | Code::BrowserCrashed
        | Code::BrowserUnavailable
        | Code::NoCredentials
        | Code::SessionNeeded => false,
    }
}
