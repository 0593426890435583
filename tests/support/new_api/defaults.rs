//! The settings that a new gateway has, of those that anybody asks about; all are texts.
//!
//! Measured on v1.0.0-rc.24, whose list has 222.

use std::collections::BTreeMap;

use serde_json::json;

const SETTINGS: [(&str, &str); 17] = [
    ("RetryTimes", "0"),
    ("AutomaticDisableChannelEnabled", "false"),
    ("AutomaticDisableStatusCodes", "401"),
    ("AutomaticRetryStatusCodes", "100-199,300-399,401-407,409-499,500-503,505-523,525-599"),
    ("ChannelDisableThreshold", "5"),
    ("SelfUseModeEnabled", "false"),
    ("ModelPrice", "{}"),
    ("ModelRatio", "{}"),
    ("general_setting.ping_interval_enabled", "false"),
    ("general_setting.ping_interval_seconds", "60"),
    ("channel_affinity_setting.enabled", "true"),
    ("channel_affinity_setting.default_ttl_seconds", "3600"),
    ("channel_affinity_setting.switch_on_success", "true"),
    ("performance_setting.monitor_enabled", "true"),
    ("performance_setting.monitor_cpu_threshold", "90"),
    ("performance_setting.monitor_memory_threshold", "90"),
    ("performance_setting.monitor_disk_threshold", "95"),
];

/// All of them.
pub(super) fn settings() -> BTreeMap<String, String> {
    let rule = |name: &str, models: &str, path: &str, key: &str, passed: &[&str]| {
        let operation = json!({"mode": "pass_headers", "keep_origin": true, "value": passed});
        json!({
            "name": name, "model_regex": [models], "path_regex": [path],
            "key_sources": [{"type": "gjson", "path": key}], "value_regex": "", "ttl_seconds": 0,
            "param_override_template": {"operations": [operation]}, "skip_retry_on_failure": true,
            "include_using_group": true, "include_model_name": false, "include_rule_name": true,
        })
    };
    let codex = ["Originator", "Session_id", "Thread_id", "Session-Id", "Thread-Id", "User-Agent"];
    let claude = ["User-Agent", "X-App", "Anthropic-Beta", "Anthropic-Version"];
    let rules = json!([
        rule("codex cli trace", "^gpt-.*$", "/v1/responses", "prompt_cache_key", &codex),
        rule("claude cli trace", "^claude-.*$", "/v1/messages", "metadata.user_id", &claude),
    ]);
    let plain = SETTINGS.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    plain.chain([("channel_affinity_setting.rules".to_owned(), rules.to_string())]).collect()
}
