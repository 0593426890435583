//! What one run asks, and what a line's turns come to.

use std::time::Duration;

use reqwest::Url;

use super::{line::Scenario, numbers::Stats, turn::Turn};

/// What one run asks.
pub(super) struct ScenarioRequest {
    pub(super) url: Url,
    pub(super) key: secrecy::SecretString,
    pub(super) model: String,
    pub(super) deadline: Duration,
    pub(super) http: reqwest::Client,
}

/// A line's turns, and what they come to.
pub(super) struct ScenarioResult {
    pub(super) scenario: Scenario,
    pub(super) turns: Vec<Turn>,
    pub(super) stats: Stats,
    pub(super) failures: Vec<String>,
}
