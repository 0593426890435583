//! What one check found, and what to do.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct CheckResult {
    pub(super) name: &'static str,
    pub(super) verdict: CheckVerdict,
    pub(super) found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckVerdict {
    Ok,
    /// It is not used here, and need not be.
    Off,
    Warn,
    Fail,
}

impl CheckResult {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: CheckVerdict::Ok, found: found.into(), remedy: None }
    }

    pub(super) fn off(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: CheckVerdict::Off, found: found.into(), remedy: None }
    }

    pub(super) fn warn(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: CheckVerdict::Warn, found: found.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn fail(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: CheckVerdict::Fail, found: found.into(), remedy: Some(remedy.into()) }
    }
}
