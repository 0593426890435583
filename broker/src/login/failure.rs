//! Why a login ended without a session, in words that an operator can act on.

use std::path::PathBuf;

use latchkey_shared::{
    site::{RefusalKind, step::LoginStep},
    store::StoreError,
};

use crate::browser::BrowserError;

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum FailureCode {
    /// The site refused username, password or code.
    CredentialsRejected,
    /// The site locked the account.
    AccountLocked,
    /// The site asked to wait.
    RateLimited,
    /// The site wants a captcha solved.
    CaptchaRequired,
    /// The site wants terms accepted.
    ConsentRequired,
    /// The site wants what only the account's owner has: a push, a QR code, a code by mail.
    ApprovalRequired,
    /// The site wants a new password.
    PasswordExpired,
    /// The site wants a person, for whatever else.
    HumanRequired,
    /// An element that the recipe names did not appear.
    SelectorMissing,
    /// The page did not come to where the recipe expects it.
    NavigationTimeout,
    /// An assertion of the recipe does not hold.
    AssertionFailed,
    /// A secret would have been typed at an origin that the site file does not allow.
    OriginViolation,
    /// The browser is signed in, but something that the site file names is not there.
    CaptureMissing,
    /// The captured session does not work on the site's API.
    ProbeFailed,
    /// The site's certificate is not valid.
    TlsError,
    /// The browser or the page's renderer ended.
    BrowserCrashed,
    /// The browser cannot be started.
    BrowserUnavailable,
    /// No browser is free for a login that was only due: it waits for one.
    BrowserBusy,
    /// The site had its share of logins in this minute: a login that was only due waits for the next one.
    LoginsSpent,
    /// The site does not answer, or answers with an error.
    SiteDown,
    /// Several accounts were refused at the site, so nothing is typed there unasked.
    SitePaused,
    /// No credentials are stored, or not all that the recipe needs.
    NoCredentials,
    /// The session that an operator gave has ended, and nothing leads to another.
    SessionNeeded,
    /// Another login of the account runs.
    AlreadyRunning,
    /// Another login of the account took over, or the account is gone or switched off.
    Superseded,
    /// Redis does not answer.
    StoreUnavailable,
}

impl FailureCode {
    /// Its name in the API, in logs and in an account's reason.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the same login may succeed later without anybody's doing.
    #[must_use]
    pub fn is_transient(self) -> bool {
        match self {
            Self::RateLimited
            | Self::SelectorMissing
            | Self::NavigationTimeout
            | Self::AssertionFailed
            | Self::CaptureMissing
            | Self::ProbeFailed
            | Self::TlsError
            | Self::BrowserCrashed
            | Self::BrowserUnavailable
            | Self::BrowserBusy
            | Self::LoginsSpent
            | Self::SiteDown
            | Self::SitePaused
            | Self::AlreadyRunning
            | Self::Superseded
            | Self::StoreUnavailable => true,
            Self::CredentialsRejected
            | Self::AccountLocked
            | Self::CaptchaRequired
            | Self::ConsentRequired
            | Self::ApprovalRequired
            | Self::PasswordExpired
            | Self::HumanRequired
            | Self::OriginViolation
            | Self::NoCredentials
            | Self::SessionNeeded => false,
        }
    }

    /// Whether it may be a refused password that the recipe does not recognise.
    #[must_use]
    pub fn may_be_rejected_password(self) -> bool {
        matches!(
            self,
            Self::SelectorMissing
                | Self::NavigationTimeout
                | Self::AssertionFailed
                | Self::CaptureMissing
                | Self::ProbeFailed
        )
    }

    /// Whether it is no failure: the login has not really begun, and its turn comes.
    #[must_use]
    pub fn is_deferral(self) -> bool {
        matches!(self, Self::BrowserBusy | Self::LoginsSpent)
    }

    /// Whether a login that an operator asks for goes on where another one ends so.
    #[must_use]
    pub fn operator_may_override(self) -> bool {
        self.is_deferral() || matches!(self, Self::SitePaused | Self::SessionNeeded)
    }

    /// What an operator does about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::CredentialsRejected => "store the right credentials; nothing is typed again until then",
            Self::AccountLocked => "unlock the account at the site, then start a login",
            Self::RateLimited => "nothing to do; it is tried again later",
            Self::CaptchaRequired => {
                "nothing here solves captchas: ask the site's operator to spare this account, or give the account a session of your own"
            }
            Self::ConsentRequired => "read and accept the site's terms by hand, then start a login",
            Self::ApprovalRequired => "start a login while the account's owner is there to confirm it",
            Self::PasswordExpired => "change the password at the site, store the new one, then start a login",
            Self::HumanRequired => "sign in at the site by hand once, then start a login",
            Self::SelectorMissing => {
                "compare the step in the site file with the screenshot and the site's page"
            }
            Self::NavigationTimeout => "see whether the site is slow or the step's condition is out of date",
            Self::AssertionFailed => "compare the assertion in the site file with the site's page",
            Self::OriginViolation => {
                "nothing was typed; add the origin to site.origins only if it belongs to the login"
            }
            Self::CaptureMissing => {
                "compare [session] in the site file with what the site stores after signing in"
            }
            Self::ProbeFailed => {
                "compare [probe] in the site file with what the site's API answers when signed in"
            }
            Self::TlsError => "renew the site's certificate, or have the broker's machine trust its issuer",
            Self::BrowserCrashed => "nothing to do once; if it repeats, give the broker more memory",
            Self::BrowserUnavailable => "run `latchkey-broker doctor` on the broker's machine",
            Self::BrowserBusy | Self::LoginsSpent => "nothing to do; its turn comes",
            Self::SiteDown => "see whether the site runs and the broker's machine reaches it",
            Self::SitePaused => {
                "see why the site refused other accounts; a login that you start is made all the same, and one that succeeds ends the pause"
            }
            Self::NoCredentials => {
                "store the account's credentials, with the TOTP seed if the site asks for codes"
            }
            Self::SessionNeeded => {
                "give a new session: `latchkey-broker account session ACCOUNT`, or store credentials if the site has a login"
            }
            Self::AlreadyRunning => "wait for that login",
            Self::Superseded => "see the account's state; start a login if it needs one",
            Self::StoreUnavailable => "see whether Redis runs and the broker's machine reaches it",
        }
    }
}

impl From<RefusalKind> for FailureCode {
    fn from(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::CredentialsRejected => Self::CredentialsRejected,
            RefusalKind::AccountLocked => Self::AccountLocked,
            RefusalKind::RateLimited => Self::RateLimited,
            RefusalKind::CaptchaRequired => Self::CaptchaRequired,
            RefusalKind::ConsentRequired => Self::ConsentRequired,
            RefusalKind::ApprovalRequired => Self::ApprovalRequired,
            RefusalKind::PasswordExpired => Self::PasswordExpired,
            RefusalKind::HumanRequired => Self::HumanRequired,
            RefusalKind::SiteDown => Self::SiteDown,
        }
    }
}

/// A login that ended without a session. No secret is in here.
#[derive(Clone, Debug)]
pub struct LoginFailure {
    /// What kind of failure it was.
    pub code: FailureCode,
    /// The step at which it happened, if it was one.
    pub step: Option<FailedStep>,
    /// What happened, and what to do next.
    pub message: String,
    /// A picture of the page, with every field and every secret blanked.
    pub screenshot: Option<PathBuf>,
}

/// A step of the recipe, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStep {
    /// Its place in the recipe, from 1.
    pub index: usize,
    /// Its line in the site file.
    pub line: usize,
    /// What it does.
    pub verb: &'static str,
    /// What it acts on.
    pub target: String,
}

impl LoginFailure {
    /// What an account's state says of it: the code and the step.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.step {
            Some(step) => {
                format!("{} at step {} ({} {})", self.code.as_str(), step.index, step.verb, step.target)
            }
            None if self.code == FailureCode::SessionNeeded => {
                format!("{}: give a new session", self.code.as_str())
            }
            None => self.code.as_str().to_owned(),
        }
    }
}

/// What went wrong, before it is known at which step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginError {
    /// What kind of failure it is.
    pub code: FailureCode,
    /// What happened, without the remedy.
    pub what: String,
}

impl LoginError {
    pub(super) fn new(code: FailureCode, what: impl Into<String>) -> Self {
        Self { code, what: what.into() }
    }

    /// The failure of a step; `index` counts from 0.
    pub(super) fn at(self, index: usize, step: &LoginStep) -> LoginFailure {
        let verb = step.action.verb();
        let target = step.action.target();
        let failed = FailedStep { index: index + 1, line: step.line, verb, target };
        LoginFailure { step: Some(failed), ..self.into() }
    }
}

impl From<LoginError> for LoginFailure {
    fn from(error: LoginError) -> Self {
        let message = format!("{}; {}", error.what, error.code.remedy());
        Self { code: error.code, step: None, message, screenshot: None }
    }
}

impl From<BrowserError> for LoginError {
    fn from(error: BrowserError) -> Self {
        let code = match &error {
            BrowserError::Unavailable(_) => FailureCode::BrowserUnavailable,
            BrowserError::Crashed(_) | BrowserError::Refused(_) => FailureCode::BrowserCrashed,
            BrowserError::Timeout(_) => FailureCode::NavigationTimeout,
        };
        Self::new(code, error.to_string())
    }
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::new(FailureCode::StoreUnavailable, error.to_string())
    }
}
