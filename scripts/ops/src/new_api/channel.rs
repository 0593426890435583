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

/// The header by which a channel chooses whose accounts it uses, as it is compared.
const USER_HEADER: &str = "x-latchkey-user";
/// The same as it is written.
pub(super) const USER_HEADER_NAME: &str = "X-Latchkey-User";

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

    /// The literal by which it chooses whose accounts it uses.
    pub(super) fn user(&self) -> Option<String> {
        let overridden = self.meaning("header_override");
        let values = overridden.as_object()?.iter().filter(|(name, _)| is_user(name));
        let mut values = values.filter_map(|(_, value)| value.as_str());
        values.find(|value| !value.contains(CLIENT_HEADER)).map(str::to_owned)
    }

    /// Whether its clients may choose that: by the header's value, or by a rule that passes headers on. A literal goes
    /// before such a rule.
    pub(super) fn lets_clients_choose(&self, is_ours: bool) -> bool {
        let overridden = self.meaning("header_override");
        let mut rules = overridden.as_object().into_iter().flatten();
        self.user().is_none()
            && rules.any(|(name, value)| match is_user(name) {
                true => value.as_str().is_some_and(|value| value.contains(CLIENT_HEADER)),
                false => is_ours && passes_on(name),
            })
    }

    /// Where it leads.
    pub(super) fn base_url(&self) -> &str {
        self.text("base_url")
    }

    fn number(&self, field: &str) -> i64 {
        self.0.get(field).and_then(Value::as_i64).unwrap_or(0)
    }

    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

/// How new-api writes the header of its client.
const CLIENT_HEADER: &str = "{client_header:";

fn is_user(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case(USER_HEADER)
}

/// Whether a name is a rule of new-api's that passes clients' headers on, whatever its pattern.
fn passes_on(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    name == "*" || name.starts_with("re:") || name.starts_with("regex:")
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn channel(overridden: &Value) -> Channel {
        serde_json::from_value(json!({"header_override": overridden.to_string()})).unwrap()
    }

    #[test]
    fn a_literal_is_a_channels_own_and_all_else_is_its_clients() {
        for (overridden, user, own, others) in [
            (json!({}), None, false, false),
            (json!({"X-Latchkey-User": "pool=a"}), Some("pool=a"), false, false),
            (json!({"x-latchkey-user ": "account=b", "*": true}), Some("account=b"), false, false),
            (json!({"X-Latchkey-User": "{client_header:X-User}"}), None, true, true),
            (json!({"*": true}), None, true, false),
            (json!({"RE:^x-.*": ""}), None, true, false),
            (json!({"regex:latchkey": ""}), None, true, false),
            (json!({"X-Other": "{client_header:X-Latchkey-User}"}), None, false, false),
        ] {
            let channel = channel(&overridden);
            assert_eq!(channel.user().as_deref(), user, "{overridden}");
            let lets = [true, false].map(|is_ours| channel.lets_clients_choose(is_ours));
            assert_eq!(lets, [own, others], "{overridden}");
        }
    }
}
