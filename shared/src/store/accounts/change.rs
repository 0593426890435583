//! What changes in an account.

use std::collections::BTreeSet;

use crate::{
    account::{Evidence, LastLogin, State, Transition},
    id::PoolName,
    time::Timestamp,
};

/// What changes in an account; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Where it must stand now; otherwise nothing changes. Without it, where its step may begin.
    pub from: Option<State>,
    /// What the operator calls it.
    pub label: Option<String>,
    /// Where it goes, and why.
    pub step: Option<Transition>,
    /// Pools that it belongs to.
    pub pools: Option<BTreeSet<PoolName>>,
    /// Its share of the turns.
    pub weight: Option<u32>,
    /// Streams at once.
    pub concurrency: Option<Option<u32>>,
    /// Turns that begin within any minute.
    pub requests_per_minute: Option<Option<u32>>,
    /// Cron expression.
    pub schedule: Option<Option<String>>,
    /// When the broker signs in next by itself; `Some(None)` never.
    pub refresh_at: Option<Option<Timestamp>>,
    /// How the last login went.
    pub last_login: Option<LastLogin>,
    /// What was seen of it at its site.
    pub evidence: Option<Evidence>,
    /// Version of the credentials that the site refused.
    pub rejected_version: Option<u64>,
}
