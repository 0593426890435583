//! The settings of new-api that bite, whether this one has them right, and what users see if it has not.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Serialize;
use serde_json::Value;

use super::channel::Channel;

/// A website may think for a while about the probe of a channel test.
const SLOWEST_TEST_SECS: f64 = 20.0;
/// By then an adapter has answered or begun the stream itself.
const SHORTEST_PING_SECS: f64 = 15.0;

/// One setting.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct RequiredSetting {
    /// Its name in new-api.
    pub name: &'static str,
    /// What it is.
    pub value: String,
    /// Whether that is right.
    pub verdict: Verdict,
    /// What it should be.
    pub advice: &'static str,
    /// What users see where it is not.
    pub otherwise: &'static str,
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

    fn of(right: Option<bool>) -> Self {
        match right {
            None => Self::Unknown,
            Some(true) => Self::Ok,
            Some(false) => Self::Bites,
        }
    }
}

/// What new-api tells of its settings.
struct ReadSettings<'a>(Option<&'a BTreeMap<String, String>>);

impl ReadSettings<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.and_then(|all| all.get(name)).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    fn is_on(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text == "true")
    }

    fn json(&self, name: &str) -> Option<Value> {
        self.text(name).and_then(|text| serde_json::from_str(text).ok())
    }

    fn shown(&self, name: &str) -> String {
        self.text(name).unwrap_or("-").to_owned()
    }
}

/// Looks at the settings; `None` when new-api does not show them.
pub(super) fn check(
    settings: Option<&BTreeMap<String, String>>,
    models: &[String],
    channels: &[Channel],
    adapters: &[Url],
) -> Vec<RequiredSetting> {
    let told = ReadSettings(settings);
    vec![
        RequiredSetting {
            name: "RetryTimes",
            value: told.shown("RetryTimes"),
            verdict: Verdict::of(told.number("RetryTimes").map(|times| times == 1.0)),
            advice: "1",
            otherwise: "at 0: errors of one adapter that another would take; above: a failing site is asked so often",
        },
        pings(&told),
        affinity(&told, models),
        prices(&told, models),
        RequiredSetting {
            name: "performance monitor",
            value: on_or_off(told.is_on("performance_setting.monitor_enabled")),
            verdict: Verdict::of(told.is_on("performance_setting.monitor_enabled").map(|on| !on)),
            advice: "off where anything else runs on its machine",
            otherwise: "503 system_cpu_overloaded, with no row in the log, while the machine is above 90 % CPU",
        },
        disabling(&told),
        RequiredSetting {
            name: "RELAY_TIMEOUT",
            value: "-".to_owned(),
            verdict: Verdict::Unknown,
            advice: "0, in its environment",
            otherwise: "every longer answer is cut",
        },
        users(channels, adapters),
    ]
}

/// A ping writes the 200: an error that comes behind it reaches no client.
fn pings(settings: &ReadSettings<'_>) -> RequiredSetting {
    let on = settings.is_on("general_setting.ping_interval_enabled");
    let secs = settings.number("general_setting.ping_interval_seconds");
    RequiredSetting {
        name: "ping interval",
        value: match (on, secs) {
            (Some(true), Some(secs)) => format!("{secs} s"),
            (Some(false), _) => "off".to_owned(),
            _ => "-".to_owned(),
        },
        verdict: Verdict::of(on.map(|on| !on || secs.is_some_and(|secs| SHORTEST_PING_SECS <= secs))),
        advice: "off, or 15 s and more",
        otherwise: "errors as empty answers: OpenCode asks again without end, Codex five times",
    }
}

/// Channel tests switch a channel off only where new-api is told to.
fn disabling(settings: &ReadSettings<'_>) -> RequiredSetting {
    let bans = settings.is_on("AutomaticDisableChannelEnabled");
    let patient = settings.number("ChannelDisableThreshold").map(|secs| SLOWEST_TEST_SECS <= secs);
    RequiredSetting {
        name: "automatic disabling",
        value: match bans {
            Some(true) => format!("on, at {} s", settings.shown("ChannelDisableThreshold")),
            bans => on_or_off(bans),
        },
        verdict: Verdict::of(if bans == Some(false) { Some(true) } else { patient }),
        advice: "off, or ChannelDisableThreshold 20 and more",
        otherwise: "no channel for the model, once a site has thought for 5 s about a channel test",
    }
}

/// A rule of affinity that takes a model's name goes before priorities, and can turn its retries off.
fn affinity(settings: &ReadSettings<'_>, models: &[String]) -> RequiredSetting {
    let setting = |value: &str, verdict| RequiredSetting {
        name: "channel affinity",
        value: value.to_owned(),
        verdict,
        advice: "no rule with skip_retry_on_failure for our models; the built-in ones are for gpt-* and claude-*",
        otherwise: "errors that a retry would mend, and one channel for an hour whatever its priority",
    };
    if settings.is_on("channel_affinity_setting.enabled") == Some(false) {
        return setting("off", Verdict::Ok);
    }
    let Some(Value::Array(rules)) = settings.json("channel_affinity_setting.rules") else {
        return setting("-", Verdict::Unknown);
    };
    let mut skips = rules.iter().filter(|rule| rule["skip_retry_on_failure"] == true);
    let rule = skips.find(|rule| models.iter().any(|model| takes(&rule["model_regex"], model)));
    match rule {
        Some(rule) => setting(rule["name"].as_str().unwrap_or("a rule"), Verdict::Bites),
        None => setting("retries stay on", Verdict::Ok),
    }
}

/// Whether a rule's patterns take a model: a beginning behind `^`, or a part of the name.
fn takes(patterns: &Value, model: &str) -> bool {
    let patterns = patterns.as_array().map(Vec::as_slice).unwrap_or_default();
    patterns.iter().filter_map(Value::as_str).any(|pattern| {
        let plain = pattern.trim_end_matches('$').trim_end_matches(".*");
        plain.strip_prefix('^').map_or_else(|| model.contains(plain), |start| model.starts_with(start))
    })
}

/// What a client writes into the header that chooses accounts, it uses.
fn users(channels: &[Channel], adapters: &[Url]) -> RequiredSetting {
    let is_ours = |channel: &Channel| {
        let leads = |adapter: &Url| channel.base_url().starts_with(adapter.as_str().trim_end_matches('/'));
        channel.is_ours() || adapters.iter().any(leads)
    };
    let open = channels.iter().filter(|channel| channel.lets_clients_choose(is_ours(channel)));
    let open: Vec<&str> = open.map(Channel::name).collect();
    RequiredSetting {
        name: "X-Latchkey-User",
        value: if open.is_empty() { "no client's".to_owned() } else { open.join(", ") },
        verdict: Verdict::of(Some(open.is_empty())),
        advice: "a literal in a channel's header override, pool=NAME or account=ID; never {client_header:...}, * or re:",
        otherwise: "whoever writes the header uses anybody's account",
    }
}

/// A model without a price is refused, unless new-api serves its owner alone.
fn prices(settings: &ReadSettings<'_>, models: &[String]) -> RequiredSetting {
    let lists = ["ModelPrice", "ModelRatio"].map(|name| settings.json(name));
    let own = settings.is_on("SelfUseModeEnabled");
    let priced = |model: &String| lists.iter().flatten().any(|list| list.get(model).is_some());
    let missing: Vec<&str> = models.iter().filter(|model| !priced(model)).map(String::as_str).collect();
    RequiredSetting {
        name: "prices",
        value: match (own, missing.is_empty()) {
            (Some(true), _) => "self-use mode".to_owned(),
            (Some(false), true) => "for each model".to_owned(),
            (Some(false), false) => format!("none for {}", missing.join(", ")),
            (None, _) => "-".to_owned(),
        },
        verdict: Verdict::of(own.map(|own| own || missing.is_empty())),
        advice: "one for each model, or self-use mode",
        otherwise: "400 model_price_error for every request, and no models",
    }
}

fn on_or_off(on: Option<bool>) -> String {
    match on {
        Some(true) => "on",
        Some(false) => "off",
        None => "-",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"[
        {"name":"codex cli trace","model_regex":["^gpt-.*$"],"skip_retry_on_failure":true},
        {"name":"claude cli trace","model_regex":["^claude-.*$"],"skip_retry_on_failure":true}
    ]"#;
    const DEFAULTS: [(&str, &str); 9] = [
        ("RetryTimes", "0"),
        ("general_setting.ping_interval_enabled", "true"),
        ("general_setting.ping_interval_seconds", "10"),
        ("channel_affinity_setting.enabled", "true"),
        ("channel_affinity_setting.rules", RULES),
        ("SelfUseModeEnabled", "false"),
        ("performance_setting.monitor_enabled", "true"),
        ("AutomaticDisableChannelEnabled", "true"),
        ("ChannelDisableThreshold", "5"),
    ];

    fn verdicts(settings: &[(&str, &str)], model: &str) -> Vec<&'static str> {
        let settings: BTreeMap<String, String> =
            settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        check(Some(&settings), &[model.to_owned()], &[], &[]).iter().map(|one| one.verdict.as_str()).collect()
    }

    #[test]
    fn each_setting_is_judged_by_what_it_does_to_a_rollout() {
        let right = [
            ("RetryTimes", "1"),
            ("general_setting.ping_interval_enabled", "true"),
            ("general_setting.ping_interval_seconds", "60"),
            ("channel_affinity_setting.rules", "[]"),
            ("SelfUseModeEnabled", "false"),
            ("ModelRatio", r#"{"claude-big": 1}"#),
            ("performance_setting.monitor_enabled", "false"),
            ("AutomaticDisableChannelEnabled", "true"),
            ("ChannelDisableThreshold", "20"),
        ];

        let judged = ["bites"; 6].into_iter().chain(["unknown", "ok"]);
        assert!(verdicts(&DEFAULTS, "claude-big").into_iter().eq(judged.clone()));
        assert!(verdicts(&DEFAULTS, "gpt-big").into_iter().eq(judged));
        assert_eq!(verdicts(&right, "claude-big"), ["ok", "ok", "ok", "ok", "ok", "ok", "unknown", "ok"]);
        assert_eq!(verdicts(&DEFAULTS, "big")[2], "ok");
        assert_eq!(verdicts(&[], "big")[..7], ["unknown"; 7]);
    }

    #[test]
    fn more_retries_than_one_bite_too() {
        let retries = |times| verdicts(&[("RetryTimes", times)], "big")[0];

        assert_eq!(["0", "1", "2"].map(retries), ["bites", "ok", "bites"]);
    }
}
