//! Plans, settings and channels as tables.

use std::fmt::Write;

use reqwest::Url;
use serde_json::Value;

use super::{
    adapter::Health,
    channel::{Channel, FIELDS, Fields},
    plan::{self, Plan},
    settings::RequiredSetting,
};
use crate::output::table;

/// A plan, change by change.
pub(super) fn plan(plan: &Plan) -> String {
    let mut rows = Vec::new();
    for creation in &plan.creations {
        add(&mut rows, "make", &creation.name, &creation.fields, |_| String::new());
    }
    for change in &plan.changes {
        add(&mut rows, "change", &change.name, &change.fields, |field| text(&change.channel.meaning(field)));
    }
    let mut shown = match rows.is_empty() {
        true => "nothing to change\n".to_owned(),
        false => table(["", "CHANNEL", "FIELD", "NOW", "THEN"], &rows),
    };
    for note in &plan.notes {
        writeln!(shown, "note: {note}").expect("a String takes all");
    }
    shown
}

/// The settings that bite.
pub(super) fn settings(settings: &[RequiredSetting]) -> String {
    let row = |one: &RequiredSetting| {
        [one.verdict.as_str(), one.name, &one.value, one.advice, one.otherwise].map(str::to_owned)
    };
    let rows: Vec<[String; 5]> = settings.iter().map(row).collect();
    table(["SETTING", "", "IS", "SHOULD BE", "OTHERWISE USERS SEE"], &rows)
}

/// The channels that serve the same models, each with its share, and the health of the adapter behind it.
pub(super) fn channels(channels: &[&Channel], health: &[(&Url, Health)]) -> String {
    let row = |channel: &&Channel| {
        let behind = health.iter().find(|(adapter, _)| plan::name(adapter) == channel.name());
        let (adapter, accounts) = match behind {
            None => ("-".to_owned(), "-".to_owned()),
            Some((_, health)) if health.ready => ("ready".to_owned(), health.accounts.clone()),
            Some((_, health)) => (health.reasons.join("; "), health.accounts.clone()),
        };
        let response = match channel.response_ms() {
            0 => "-".to_owned(),
            ms => format!("{ms} ms"),
        };
        [
            channel.id().to_string(),
            channel.name().to_owned(),
            channel.standing().to_owned(),
            channel.priority().to_string(),
            channel.weight().to_string(),
            share(channel, channels),
            response,
            accounts,
            adapter,
        ]
    };
    let head = ["ID", "CHANNEL", "STATUS", "PRIORITY", "WEIGHT", "SHARE", "TEST", "ACCOUNTS", "ADAPTER"];
    table(head, &channels.iter().map(row).collect::<Vec<_>>())
}

/// What part of the requests a channel gets while nothing fails.
fn share(channel: &Channel, all: &[&Channel]) -> String {
    let serving = || all.iter().filter(|other| other.is_enabled());
    let top = serving().map(|other| other.priority()).max();
    if !channel.is_enabled() || Some(channel.priority()) != top {
        return "fallback".to_owned();
    }
    let level: Vec<u64> =
        serving().filter(|other| Some(other.priority()) == top).map(|other| other.weight()).collect();
    let sum: u64 = level.iter().sum();
    let (part, whole) = if sum == 0 { (1, level.len() as u64) } else { (channel.weight(), sum) };
    format!("{:.1} %", part as f64 / whole as f64 * 100.0)
}

fn add(
    rows: &mut Vec<[String; 5]>,
    what: &str,
    name: &str,
    fields: &Fields,
    now: impl Fn(&'static str) -> String,
) {
    let mut ordered: Vec<&(&'static str, Value)> = fields.iter().collect();
    ordered.sort_by_key(|(field, _)| FIELDS.iter().position(|known| known == field));
    let rows_before = rows.len();
    for (field, value) in ordered {
        let now = now(field);
        let then = text(value);
        if now == then {
            continue;
        }
        let (what, name) = if rows.len() == rows_before { (what, name) } else { ("", "") };
        rows.push([what.to_owned(), name.to_owned(), (*field).to_owned(), now, then]);
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) if map.is_empty() => String::new(),
        other => other.to_string(),
    }
}
