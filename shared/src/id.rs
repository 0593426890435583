//! Names of things: newtypes, so that an account is never passed where a site is meant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use latchkey_site::name::word;
pub use latchkey_site::name::{BadId, SiteName};

/// Id of an account: a ULID in its canonical 26 characters. It is the hash tag of the account's Redis keys.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", inline)]
pub struct AccountId(Ulid);

impl AccountId {
    /// Draws a new id; ids sort by the time they were drawn.
    #[must_use]
    pub fn new() -> Self {
        Self(Ulid::generate())
    }

    /// An id that no account has: it would have been drawn in 1970.
    #[must_use]
    pub(crate) fn nobody() -> Self {
        Self(Ulid::nil())
    }
}

impl Default for AccountId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AccountId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        // Crockford's alphabet has several spellings of one id; Redis keys must have one.
        match Ulid::from_string(text) {
            Ok(ulid) if ulid.to_string() == text => Ok(Self(ulid)),
            _ => Err(BadId { what: "account id", expected: "26 upper-case characters (a ULID)" }),
        }
    }
}

/// Name of a pool, a set of accounts: spelled like the name of a site.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z][a-z0-9-]{0,39}$"))]
pub struct PoolName(String);

impl PoolName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PoolName {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        word("pool name", text).map(Self)
    }
}

macro_rules! text_conversions {
    ($($id:ty),+) => {$(
        impl TryFrom<String> for $id {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }
        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.to_string()
            }
        }
    )+};
}

text_conversions!(AccountId, PoolName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_has_one_spelling() {
        let id = AccountId::new();

        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().to_lowercase().parse::<AccountId>().is_err());
        assert!("01J".parse::<AccountId>().is_err());
    }
}
