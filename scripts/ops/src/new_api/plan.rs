//! What is to be changed: a pure function of the rollout, new-api's channels and the stage.
//!
//! Before the first stage our channels stand below those that serve now, so that they get only what those fail at.
//! In a stage the first one stands beside them, and weights share the requests. At 100 % ours stand above: the channels
//! of before become the fallback that a retry needs. Among themselves ours always fall: new-api draws among equals
//! again, and may draw the one that has just failed. No status is ever changed, and of a channel that is not ours only
//! the weight.

use reqwest::Url;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    channel::{Channel, Fields, TAG, USER_HEADER_NAME, meaning},
    rollout::{NEW_API, OPENAI, Rollout},
};

/// The sum of weights in a stage. Large, because some databases of new-api add ten to each weight.
const WHOLE: u64 = 10_000;
/// The weight of a channel of ours that stands alone on its priority.
const ALONE: u64 = 100;

/// What is to be changed, in this order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Plan {
    /// Channels to make.
    pub creations: Vec<Creation>,
    /// Channels to change: ours first, so that there is always somebody who serves.
    pub changes: Vec<Change>,
    /// What else the operator should know.
    pub notes: Vec<String>,
}

/// A channel to make.
#[derive(Debug, Serialize)]
pub(super) struct Creation {
    /// Its name.
    pub name: String,
    /// What it shall be.
    #[serde(serialize_with = "as_object")]
    pub fields: Fields,
}

/// A channel to change.
#[derive(Debug, Serialize)]
pub(super) struct Change {
    /// As it is.
    #[serde(skip)]
    pub channel: Channel,
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What changes.
    #[serde(serialize_with = "as_object")]
    pub fields: Fields,
}

impl Plan {
    /// Whether nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.creations.is_empty() && self.changes.is_empty()
    }
}

impl Change {
    fn of(channel: &Channel, fields: Fields) -> Option<Self> {
        let id = channel.id();
        let name = channel.name().to_owned();
        (!fields.is_empty()).then(|| Self { channel: channel.clone(), id, name, fields })
    }
}

/// What leads from the channels as they are to the rollout at a stage. `weight_before` knows what a channel weighed
/// before the rollout began.
pub(super) fn plan(
    rollout: &Rollout,
    channels: &[Channel],
    stage: u8,
    weight_before: impl Fn(&Channel) -> u64,
) -> anyhow::Result<Plan> {
    let others: Vec<&Channel> = channels
        .iter()
        .filter(|channel| !channel.is_ours() && channel.serves(&rollout.models, &rollout.groups))
        .collect();
    let top = others.iter().map(|channel| channel.priority()).max();
    let beside: Vec<&Channel> =
        others.into_iter().filter(|channel| Some(channel.priority()) == top).collect();
    let weights: Vec<u64> = beside.iter().map(|channel| weight_before(channel)).collect();
    let shares = Shares::of(&weights, stage);

    let mut plan = Plan { notes: notes(rollout, channels, &beside, stage), ..Plan::default() };
    // At the top even the last of ours stands above the others.
    let height = if shares.above == 1 { rollout.adapters.len() as i64 } else { shares.above };
    let first = top.unwrap_or(0) + height;
    for (priority, adapter) in (i64::MIN..=first).rev().zip(&rollout.adapters) {
        let name = name(adapter);
        let mut fields = wanted(rollout, adapter);
        let weight = if priority == first { shares.ours } else { ALONE };
        fields.push(("priority", priority.into()));
        fields.push(("weight", weight.into()));
        let mut called = channels.iter().filter(|channel| channel.name() == name);
        match (called.next(), called.next()) {
            (None, _) => plan.creations.push(Creation { name, fields }),
            (Some(channel), None) => {
                keep_user(&mut fields, channel);
                plan.changes.extend(Change::of(channel, channel.differing(&fields)));
            }
            (Some(_), Some(_)) => anyhow::bail!("two channels are called {name}: rename or delete one"),
        }
    }
    for (channel, weight) in beside.iter().zip(shares.others) {
        plan.changes.extend(Change::of(channel, channel.differing(&[("weight", weight.into())])));
    }
    Ok(plan)
}

/// The name of an adapter's channel.
pub(super) fn name(adapter: &Url) -> String {
    let port = adapter.port_or_known_default().unwrap_or(80);
    let path = adapter.path().trim_end_matches('/');
    format!("latchkey@{}:{port}{path}", adapter.host_str().unwrap_or_default())
}

/// Who stands where and weighs what.
#[derive(Debug, PartialEq, Eq)]
struct Shares {
    /// Whether we stand below them, beside or above.
    above: i64,
    /// What the first of ours weighs.
    ours: u64,
    others: Vec<u64>,
}

impl Shares {
    fn of(others: &[u64], stage: u8) -> Self {
        let stage = u64::from(stage.min(100));
        let above = match stage {
            0 => -1,
            100 => 1,
            _ => 0,
        };
        if above != 0 || others.is_empty() {
            return Self { above, ours: ALONE, others: others.to_vec() };
        }
        // Where all weigh nothing, new-api takes them for equal.
        let all: u64 = others.iter().sum();
        let weight = |one: &u64| if all == 0 { 1 } else { *one };
        let all = if all == 0 { others.len() as u64 } else { all };
        let part = |one: &u64| (weight(one) * WHOLE * (100 - stage)).div_ceil(all * 100);
        let ours = (WHOLE * stage).div_ceil(100);
        Self { above, ours, others: others.iter().map(part).collect() }
    }
}

/// What each channel of ours shall be, but for its share.
fn wanted(rollout: &Rollout, adapter: &Url) -> Fields {
    let mapping = match rollout.mapping.is_empty() {
        true => String::new(),
        false => json!(rollout.mapping).to_string(),
    };
    let test_model = rollout.test_model.as_ref().or(rollout.models.first()).cloned().unwrap_or_default();
    vec![
        ("type", rollout.kind.unwrap_or(OPENAI).into()),
        ("base_url", base_url(adapter).into()),
        ("models", rollout.models.join(",").into()),
        ("model_mapping", mapping.into()),
        ("group", rollout.groups.join(",").into()),
        ("test_model", test_model.into()),
        ("tag", TAG.into()),
        ("header_override", header_override().into()),
    ]
}

/// A channel that was told whose accounts it uses stays that one's.
fn keep_user(fields: &mut Fields, channel: &Channel) {
    let Some(user) = channel.user() else { return };
    for (_, value) in fields.iter_mut().filter(|(name, _)| *name == "header_override") {
        let mut headers = meaning("header_override", value);
        headers[USER_HEADER_NAME] = user.as_str().into();
        *value = headers.to_string().into();
    }
}

/// Where a channel leads: below the path where each failure is told as new-api passes it on.
fn base_url(adapter: &Url) -> String {
    let url = adapter.as_str().trim_end_matches('/');
    let below = if adapter.path().trim_end_matches('/').is_empty() { NEW_API } else { "" };
    format!("{url}{below}")
}

/// New-api sends none of its client's headers on by itself. By these the balancer and the adapter know a conversation
/// again (of OpenCode, Claude Code and Codex), the operator's log its client, and the adapter a message that became a
/// chat on the way.
fn header_override() -> String {
    let passed =
        ["User-Agent", "Anthropic-Version", "X-Session-Affinity", "X-Claude-Code-Session-Id", "Session-Id"];
    let passed = passed.map(|name| (name.to_owned(), Value::from(format!("{{client_header:{name}}}"))));
    Value::Object(passed.into_iter().collect()).to_string()
}

fn notes(rollout: &Rollout, channels: &[Channel], beside: &[&Channel], stage: u8) -> Vec<String> {
    let mut notes = Vec::new();
    if beside.is_empty() {
        let models = rollout.models.join(", ");
        notes.push(format!(
            "no other enabled channel serves {models}: there is nothing to share with, nor to fall back to"
        ));
    } else if stage == 0 {
        let names: Vec<&str> = beside.iter().map(|channel| channel.name()).collect();
        notes
            .push(format!("the new channels stand below {} and get only what fails there", names.join(", ")));
    }
    if rollout.adapters.len() > 1 {
        notes.push(
            "each next adapter stands lower and gets only what fails above it: name a balancer to share"
                .to_owned(),
        );
    }
    let named: Vec<String> = rollout.adapters.iter().map(name).collect();
    for channel in channels.iter().filter(|channel| channel.is_ours()) {
        if !named.iter().any(|name| name == channel.name()) {
            notes.push(format!(
                "{} is of an adapter that the rollout file does not name; delete it in new-api",
                channel.name()
            ));
        }
    }
    notes
}

fn as_object<S: serde::Serializer>(fields: &Fields, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(field, value)| (field, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_shares_by_weight_and_the_ends_by_priority() {
        let shares = |others: &[u64], stage| {
            let Shares { above, ours, others } = Shares::of(others, stage);
            (above, ours, others)
        };

        assert_eq!(shares(&[7, 0], 0), (-1, 100, vec![7, 0]));
        assert_eq!(shares(&[10], 5), (0, 500, vec![9500]));
        assert_eq!(shares(&[30, 10], 25), (0, 2500, vec![5625, 1875]));
        assert_eq!(shares(&[0, 0], 50), (0, 5000, vec![2500, 2500]));
        assert_eq!(shares(&[7, 0], 100), (1, 100, vec![7, 0]));
        assert_eq!(shares(&[], 25), (0, 100, vec![]));
    }

    #[test]
    fn a_base_url_has_the_prefix_unless_it_has_another() {
        let base = |url: &str| base_url(&url.parse().unwrap());

        assert_eq!(base("http://10.0.0.1:7802/"), "http://10.0.0.1:7802/new-api");
        assert_eq!(base("http://10.0.0.1:7802/new-api"), "http://10.0.0.1:7802/new-api");
        assert_eq!(base("http://10.0.0.1:7802/claude/"), "http://10.0.0.1:7802/claude");
    }

    #[test]
    fn a_channel_is_called_by_where_it_leads() {
        let name = |url: &str| name(&url.parse().unwrap());

        assert_eq!(name("http://10.0.0.1:7802/"), "latchkey@10.0.0.1:7802");
        assert_eq!(name("https://adapter.example.org/claude/"), "latchkey@adapter.example.org:443/claude");
    }
}
