//! Names of sites, and of what else is spelled so.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Name of a site: `a-z`, `0-9` and `-`, 1 to 40 characters, starting with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteName(String);

impl SiteName {
    /// A name under which nothing is stored.
    #[must_use]
    pub fn self_test() -> Self {
        Self("self-test".to_owned())
    }

    /// Where it is not known to which site something belongs.
    #[must_use]
    pub fn unknown() -> Self {
        Self("unknown".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SiteName {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        word("site name", text).map(Self)
    }
}

impl TryFrom<String> for SiteName {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<SiteName> for String {
    fn from(name: SiteName) -> Self {
        name.0
    }
}

/// A short word that means nothing to a shell, a URL, Redis or a list: what names a site, or `what` else.
///
/// # Errors
/// When it is none.
pub fn word(what: &'static str, text: &str) -> Result<String, BadId> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if !starts_well || text.len() > 40 || !text.bytes().all(allowed) {
        return Err(BadId { what, expected: "1 to 40 of a-z, 0-9 and -, starting with a letter" });
    }
    Ok(text.to_owned())
}

/// Text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}: expected {expected}")]
pub struct BadId {
    /// What it should be.
    pub what: &'static str,
    /// How that is spelled.
    pub expected: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_name_is_plain() {
        assert!("open-webui".parse::<SiteName>().is_ok());
        for bad in ["", "-a", "9a", "Open", "a b", "a}b", &"a".repeat(41)] {
            assert!(bad.parse::<SiteName>().is_err(), "{bad}");
        }
    }
}
