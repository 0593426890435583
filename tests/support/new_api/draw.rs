//! Which channel a request goes to.
//!
//! Measured on v1.0.0-rc.24 without memory cache: the priorities fall with each try and stay at the last one; within one
//! the weight and ten more decide by lot, and the channel that has just failed takes part. Affinity goes before both.

use std::collections::BTreeMap;

use rand::RngExt;
use serde_json::Value;

use super::{GatewayState, wire::ClientApi};

/// What is added to each weight.
const MORE: u64 = 10;

/// A channel that serves.
#[derive(Clone, Debug)]
pub(super) struct DrawnChannel {
    pub(super) id: i64,
    pub(super) key: String,
    pub(super) fields: Value,
}

/// A session's binding to a channel.
#[derive(Clone, Debug)]
pub(super) struct Bond {
    key: String,
    /// Whether a failure is final.
    pub(super) is_final: bool,
}

/// The bindings there are.
pub(super) type Bonds = BTreeMap<String, i64>;

/// What a request is drawn by.
pub(super) struct ChannelQuery<'a> {
    pub(super) wire: ClientApi,
    pub(super) model: &'a str,
    pub(super) body: &'a Value,
    pub(super) header: &'a dyn Fn(&str) -> Option<String>,
}

/// Draws a channel for one try, from 0.
pub(super) fn draw(kept: &GatewayState, asked: &ChannelQuery<'_>, retry: usize) -> Option<DrawnChannel> {
    let mut serving: Vec<&Value> =
        kept.channels.iter().filter(|channel| serves(channel, asked.model, asked.wire)).collect();
    let priority = |channel: &&Value| channel["priority"].as_i64().unwrap_or(0);
    let mut priorities: Vec<i64> = serving.iter().map(priority).collect();
    priorities.sort_unstable_by(|one, other| other.cmp(one));
    priorities.dedup();
    let wanted = *priorities.get(retry.min(priorities.len().checked_sub(1)?))?;
    serving.retain(|channel| priority(channel) == wanted);
    let weight = |channel: &Value| channel["weight"].as_u64().unwrap_or(0) + MORE;
    let mut lot = rand::rng().random_range(0..serving.iter().map(|channel| weight(channel)).sum());
    let drawn = serving.into_iter().find(|channel| {
        let hit = lot < weight(channel);
        lot = lot.saturating_sub(weight(channel));
        hit
    })?;
    Some(open(kept, drawn))
}

/// The rule of affinity that a request falls under, and the channel that it is bound to.
pub(super) fn bond(kept: &GatewayState, asked: &ChannelQuery<'_>) -> Option<(Bond, Option<DrawnChannel>)> {
    if kept.settings.get("channel_affinity_setting.enabled").is_none_or(|on| on != "true") {
        return None;
    }
    let rules: Value = serde_json::from_str(kept.settings.get("channel_affinity_setting.rules")?).ok()?;
    rules.as_array()?.iter().find_map(|rule| {
        let falls =
            matches(&rule["model_regex"], asked.model) && matches(&rule["path_regex"], asked.wire.path());
        let key = rule["key_sources"].as_array()?.iter().find_map(|source| key(source, asked))?;
        let key = falls.then(|| format!("{} {key}", rule["name"]))?;
        let bound = kept.bonds.get(&key).and_then(|id| {
            let bound = kept.channels.iter().find(|channel| channel["id"] == *id)?;
            serves(bound, asked.model, asked.wire).then(|| open(kept, bound))
        });
        Some((Bond { key, is_final: rule["skip_retry_on_failure"] == true }, bound))
    })
}

/// Binds a session to the channel that served it.
pub(super) fn bind(kept: &mut GatewayState, bond: &Bond, channel: &DrawnChannel) {
    kept.bonds.insert(bond.key.clone(), channel.id);
}

fn open(kept: &GatewayState, channel: &Value) -> DrawnChannel {
    let id = channel["id"].as_i64().unwrap_or(0);
    DrawnChannel { id, key: kept.keys.get(&id).cloned().unwrap_or_default(), fields: channel.clone() }
}

fn serves(channel: &Value, model: &str, wire: ClientApi) -> bool {
    let lists = |field: &str, wanted: &str| {
        channel[field].as_str().is_some_and(|text| text.split(',').any(|listed| listed == wanted))
    };
    let routed = channel["type"] != 58 || wire.route(channel).is_some();
    channel["status"] == 1 && lists("models", model) && lists("group", "default") && routed
}

/// Where a session's name is: in the body, or in a header.
fn key(source: &Value, asked: &ChannelQuery<'_>) -> Option<String> {
    match source["type"].as_str()? {
        "gjson" => {
            let pointer = format!("/{}", source["path"].as_str()?.replace('.', "/"));
            asked.body.pointer(&pointer).and_then(Value::as_str).map(str::to_owned)
        }
        "request_header" => (asked.header)(source["key"].as_str()?),
        _ => None,
    }
    .filter(|key| !key.is_empty())
}

/// Whether a list of patterns has one for a text: a beginning behind `^`, or a part, and anything after it.
fn matches(patterns: &Value, text: &str) -> bool {
    let Some(patterns) = patterns.as_array().filter(|patterns| !patterns.is_empty()) else { return true };
    patterns.iter().filter_map(Value::as_str).any(|pattern| {
        let plain = pattern.trim_end_matches('$').trim_end_matches(".*");
        match plain.strip_prefix('^') {
            Some(beginning) => text.starts_with(beginning),
            None => text.contains(plain),
        }
    })
}
