//! A channel as new-api shows it: its JSON, of which we touch some fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The fields that this program may set, in the order in which it shows them. The key is not among them: new-api
/// never shows it, so what was there before could not be restored.
pub(super) const FIELDS: [&str; 10] = [
    "type",
    "base_url",
    "models",
    "model_mapping",
    "group",
    "test_model",
    "tag",
    "priority",
    "weight",
    "header_override",
];

/// The mark of the channels that this program made.
pub(super) const TAG: &str = "latchkey";

/// New-api's word for a channel that serves.
const ENABLED: i64 = 1;

/// A channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Channel(Map<String, Value>);

/// Some fields and their values.
pub(super) type Fields = Vec<(&'static str, Value)>;

impl Channel {
    /// Its id.
    pub(super) fn id(&self) -> i64 {
        self.number("id")
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.text("name")
    }

    /// Its priority: the highest is asked first.
    pub(super) fn priority(&self) -> i64 {
        self.number("priority")
    }

    /// Its part of what its priority gets.
    pub(super) fn weight(&self) -> u64 {
        self.number("weight").try_into().unwrap_or(0)
    }

    /// Whether it serves.
    pub(super) fn is_enabled(&self) -> bool {
        self.number("status") == ENABLED
    }

    /// How it stands, in a word.
    pub(super) fn standing(&self) -> &'static str {
        match self.number("status") {
            ENABLED => "enabled",
            2 => "disabled by hand",
            3 => "disabled by new-api",
            _ => "unknown",
        }
    }

    /// Whether this program made it.
    pub(super) fn is_ours(&self) -> bool {
        self.text("tag") == TAG
    }

    /// Whether it serves one of these models to one of these groups.
    pub(super) fn serves(&self, models: &[String], groups: &[String]) -> bool {
        let lists = |field: &str, wanted: &[String]| {
            self.text(field).split(',').any(|listed| wanted.iter().any(|name| name == listed.trim()))
        };
        self.is_enabled() && lists("models", models) && lists("group", groups)
    }

    /// A field as it means the same: new-api writes nothing, null and zero for one thing, and JSON inside texts.
    pub(super) fn meaning(&self, field: &str) -> Value {
        meaning(field, self.0.get(field).unwrap_or(&Value::Null))
    }

    /// What of these fields differs here.
    pub(super) fn differing(&self, wanted: &[(&'static str, Value)]) -> Fields {
        let differs = |(field, value): &&(&'static str, Value)| self.meaning(field) != meaning(field, value);
        wanted.iter().filter(differs).cloned().collect()
    }

    /// All that this program may set, as it is here: what restores it.
    pub(super) fn settable(&self) -> Fields {
        let value = |field: &'static str| {
            let value = self.0.get(field).cloned().unwrap_or(Value::Null);
            // Null sets nothing in new-api: it takes a field that is null for one that is not there.
            let value = match (value, field) {
                (Value::Null, "type" | "priority" | "weight") => 0.into(),
                (Value::Null, _) => "".into(),
                (value, _) => value,
            };
            (field, value)
        };
        FIELDS.map(value).to_vec()
    }

    /// Without what is secret: new-api leaves the key out, and should it not, nobody keeps it.
    pub(super) fn without_key(mut self) -> Self {
        self.0.remove("key");
        self
    }

    /// Its slowest answer to new-api's own test, in milliseconds; 0 when there was none.
    pub(super) fn response_ms(&self) -> i64 {
        self.number("response_time")
    }

    fn number(&self, field: &str) -> i64 {
        self.0.get(field).and_then(Value::as_i64).unwrap_or(0)
    }

    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

/// A value as it means the same.
pub(super) fn meaning(field: &str, value: &Value) -> Value {
    match (field, value) {
        ("priority" | "weight" | "type", Value::Null) => 0.into(),
        ("header_override" | "model_mapping", Value::String(text)) if !text.trim().is_empty() => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        ("header_override" | "model_mapping", Value::String(_) | Value::Null) => Value::Object(Map::new()),
        (_, Value::Null) => "".into(),
        (_, value) => value.clone(),
    }
}
