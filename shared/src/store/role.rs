//! The two sides of the store.

use serde::{Deserialize, Serialize};

/// A side of the store; each is a user of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, strum::Display)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum StoreRole {
    /// Writes accounts, credentials and sessions.
    Broker,
    /// Reads accounts and sessions, and leases them.
    Adapter,
}
