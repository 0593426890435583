//! What each line must show, out of a file.

use std::{fs, path::Path};

use anyhow::Context;
use serde::Deserialize;

use super::{
    line::Scenario,
    numbers::{Stats, percent, secs},
};

const DEFAULTS: &str = include_str!("../../accept.toml");

/// What all lines must show.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Thresholds {
    #[serde(default)]
    chat: Limits,
    #[serde(default)]
    stream: Limits,
    #[serde(default)]
    tools: Limits,
    #[serde(default)]
    endings: Limits,
    #[serde(default)]
    claude: Limits,
    codex: Limits,
}

/// What one line must show; nothing is asked where there is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// At most.
    pub error_rate: Option<f64>,
    /// At most, in seconds.
    pub mean: Option<f64>,
    /// At most, in seconds.
    pub p95: Option<f64>,
    /// At most, in seconds.
    pub first_token: Option<f64>,
    /// At least.
    pub tool_success: Option<f64>,
    /// At most.
    pub ended_by_itself: Option<f64>,
}

impl Thresholds {
    /// The defaults, with what a file says instead.
    ///
    /// # Errors
    /// When the file cannot be read, or the line that is wrong.
    pub(super) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let defaults: Self = toml::from_str(DEFAULTS).context("scripts/ops/accept.toml is wrong")?;
        let Some(path) = path else { return Ok(defaults) };
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let own: Self = toml::from_str(&text).with_context(|| format!("{shown} is wrong"))?;
        Ok(Self {
            chat: own.chat.over(defaults.chat),
            stream: own.stream.over(defaults.stream),
            tools: own.tools.over(defaults.tools),
            endings: own.endings.over(defaults.endings),
            claude: own.claude.over(defaults.claude),
            codex: own.codex.over(defaults.codex),
        })
    }

    /// What a line must show.
    pub(super) fn of(&self, scenario: Scenario) -> &Limits {
        match scenario {
            Scenario::Chat => &self.chat,
            Scenario::Stream => &self.stream,
            Scenario::Tools => &self.tools,
            Scenario::Endings => &self.endings,
            Scenario::Claude => &self.claude,
            Scenario::Codex => &self.codex,
        }
    }

    /// Which numbers of a line are not what they must be.
    pub(super) fn failures(&self, scenario: Scenario, stats: &Stats) -> Vec<String> {
        let limits = self.of(scenario);
        let mut failures = Vec::new();
        let mut most = |name: &str, value: Option<f64>, limit: Option<f64>, show: fn(f64) -> String| {
            if let (Some(value), Some(limit)) = (value, limit)
                && value > limit
            {
                failures.push(format!(
                    "{} {name} {}, at most {}",
                    scenario.as_str(),
                    show(value),
                    show(limit)
                ));
            }
        };
        most("error_rate", Some(stats.error_rate), limits.error_rate, percent);
        most("mean", Some(stats.mean), limits.mean, secs);
        most("p95", Some(stats.p95), limits.p95, secs);
        most("first_token", stats.first_token, limits.first_token, secs);
        most("ended_by_itself", stats.ended_by_itself, limits.ended_by_itself, percent);
        if let (Some(value), Some(limit)) = (stats.tool_success, limits.tool_success)
            && value < limit
        {
            let value = percent(value);
            let limit = percent(limit);
            failures.push(format!("{} tool_success {value}, at least {limit}", scenario.as_str()));
        }
        failures
    }
}

impl Limits {
    fn over(self, defaults: Self) -> Self {
        Self {
            error_rate: self.error_rate.or(defaults.error_rate),
            mean: self.mean.or(defaults.mean),
            p95: self.p95.or(defaults.p95),
            first_token: self.first_token.or(defaults.first_token),
            tool_success: self.tool_success.or(defaults.tool_success),
            ended_by_itself: self.ended_by_itself.or(defaults.ended_by_itself),
        }
    }
}
