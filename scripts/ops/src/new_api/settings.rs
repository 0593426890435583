//! The settings of new-api that bite, and whether this one has them right.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// A website may think for a while about the probe of a channel test.
const SLOWEST_TEST_SECS: f64 = 20.0;
/// Claude Code shows its impatience after some 20 s without a byte.
const LONGEST_PING_SECS: f64 = 15.0;

/// One setting.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Setting {
    /// Its name in new-api.
    pub name: &'static str,
    /// What it is.
    pub value: String,
    /// Whether that is right.
    pub verdict: Verdict,
    /// What to do, or why it is as it should be.
    pub advice: &'static str,
}

/// Whether a setting is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It is.
    Ok,
    /// It bites.
    Bites,
    /// New-api does not tell.
    Unknown,
}

impl Verdict {
    /// The word for it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Bites => "bites",
            Self::Unknown => "unknown",
        }
    }
}

/// Looks at the settings; `None` when new-api does not show them.
pub(super) fn check(settings: Option<&BTreeMap<String, String>>, models: &[String]) -> Vec<Setting> {
    let told = |name: &str| settings.and_then(|all| all.get(name)).map(String::as_str);
    let number = |name: &str| told(name).and_then(|text| text.parse::<f64>().ok());
    let judged = |right: Option<bool>| match right {
        None => Verdict::Unknown,
        Some(true) => Verdict::Ok,
        Some(false) => Verdict::Bites,
    };
    let shown = |name: &str| told(name).unwrap_or("-").to_owned();
    let pings = told("general_setting.ping_interval_enabled").map(|on| on == "true");
    let ping_secs = number("general_setting.ping_interval_seconds");
    let often = pings.map(|on| on && ping_secs.is_some_and(|secs| secs <= LONGEST_PING_SECS));
    let bans = told("AutomaticDisableChannelEnabled").map(|on| on == "true");
    let patient = number("ChannelDisableThreshold").map(|secs| SLOWEST_TEST_SECS <= secs);
    vec![
        Setting {
            name: "RetryTimes",
            value: shown("RetryTimes"),
            verdict: judged(number("RetryTimes").map(|times| 1.0 <= times)),
            advice: "1 or more: at 0 a request that one adapter cannot take is lost",
        },
        Setting {
            name: "ping interval",
            value: match (pings, ping_secs) {
                (Some(true), Some(secs)) => format!("{secs} s"),
                (Some(false), _) => "off".to_owned(),
                _ => "-".to_owned(),
            },
            verdict: judged(often),
            advice: "on, 10 to 15 s: until a site's first word no byte comes, and clients give up",
        },
        Setting {
            name: "ChannelDisableThreshold",
            value: shown("ChannelDisableThreshold"),
            verdict: judged(if bans == Some(false) { Some(true) } else { patient }),
            advice: "20 or more where new-api disables channels by itself: a site that thinks is not a dead one",
        },
        affinity(told("channel_affinity_setting.enabled"), told("channel_affinity_setting.rules"), models),
    ]
}

/// A rule of affinity that matches a model's name can turn its retries off.
fn affinity(enabled: Option<&str>, rules: Option<&str>, models: &[String]) -> Setting {
    let setting = |value: &str, verdict| Setting {
        name: "channel affinity",
        value: value.to_owned(),
        verdict,
        advice: "no rule with skip_retry_on_failure for our models: it turns retries off for `claude-*`",
    };
    if !models.iter().any(|model| model.starts_with("claude-")) {
        return setting("no model is called claude-*", Verdict::Ok);
    }
    if enabled == Some("false") {
        return setting("off", Verdict::Ok);
    }
    let rules: Option<Value> = rules.and_then(|text| serde_json::from_str(text).ok());
    let Some(Value::Array(rules)) = rules else { return setting("-", Verdict::Unknown) };
    let skips = rules.iter().filter(|rule| rule["skip_retry_on_failure"] == true);
    let mut names = skips.filter(|rule| rule["model_regex"].to_string().contains("claude"));
    match names.next() {
        Some(rule) => setting(rule["name"].as_str().unwrap_or("a rule"), Verdict::Bites),
        None => setting("retries stay on", Verdict::Ok),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(settings: &[(&str, &str)], model: &str) -> Vec<&'static str> {
        let settings: BTreeMap<String, String> =
            settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        check(Some(&settings), &[model.to_owned()]).iter().map(|one| one.verdict.as_str()).collect()
    }

    #[test]
    fn each_setting_is_judged_by_what_it_does_to_a_rollout() {
        let rule =
            r#"[{"name":"claude cli trace","model_regex":["^claude-.*$"],"skip_retry_on_failure":true}]"#;
        let defaults = [
            ("RetryTimes", "0"),
            ("general_setting.ping_interval_enabled", "false"),
            ("general_setting.ping_interval_seconds", "60"),
            ("AutomaticDisableChannelEnabled", "true"),
            ("ChannelDisableThreshold", "5"),
            ("channel_affinity_setting.enabled", "true"),
            ("channel_affinity_setting.rules", rule),
        ];
        let right = [
            ("RetryTimes", "2"),
            ("general_setting.ping_interval_enabled", "true"),
            ("general_setting.ping_interval_seconds", "10"),
            ("AutomaticDisableChannelEnabled", "false"),
            ("ChannelDisableThreshold", "5"),
            ("channel_affinity_setting.rules", "[]"),
        ];

        assert_eq!(verdicts(&defaults, "claude-big"), ["bites"; 4]);
        assert_eq!(verdicts(&right, "claude-big"), ["ok"; 4]);
        assert_eq!(verdicts(&defaults, "big")[3], "ok");
        assert_eq!(verdicts(&[], "big"), ["unknown", "unknown", "unknown", "ok"]);
    }
}
