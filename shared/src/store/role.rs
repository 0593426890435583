//! The two sides of the store.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A side of the store; each is a user of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreRole {
    /// Writes accounts, credentials and sessions.
    Broker,
    /// Reads accounts and sessions, and leases them.
    Adapter,
}

impl fmt::Display for StoreRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broker => "broker",
            Self::Adapter => "adapter",
        })
    }
}
