//! Accounts stay signed in: whatever ends a session, the next one is there before anybody notices.

use support::practice::REFRESH_TABLE;

mod brokers;
mod ladder;
mod on_demand;
mod pause;
mod waiting;

const PRACTICE: &str = include_str!("../../shared/sites/practice.toml");

/// The practice site's file, with sessions that are renewed over HTTP.
pub(crate) fn renewed_over_http() -> String {
    PRACTICE.to_owned() + REFRESH_TABLE
}
