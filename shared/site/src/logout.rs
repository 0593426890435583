//! How a session is ended at its site: one request.

use serde::Deserialize;
use toml::Spanned;

use super::{SiteFileDiagnostic, mistake::SiteFileSource};

/// A request that ends a session at the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// Its method.
    pub method: LogoutMethod,
    /// Path below the base URL.
    pub path: String,
}

/// A method by which sites end sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum LogoutMethod {
    /// Some follow a link.
    #[serde(rename = "GET")]
    Get,
    /// Most.
    #[serde(rename = "POST")]
    Post,
    /// Some delete the session.
    #[serde(rename = "DELETE")]
    Delete,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLogout {
    method: LogoutMethod,
    path: Spanned<String>,
}

impl RawLogout {
    pub(super) fn check(self, source: &SiteFileSource<'_>) -> Result<Logout, SiteFileDiagnostic> {
        if !self.path.as_ref().starts_with('/') {
            return Err(source.mistake(self.path.span().start, "logout.path must start with /"));
        }
        Ok(Logout { method: self.method, path: self.path.into_inner() })
    }
}
