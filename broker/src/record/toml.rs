//! JSON as TOML, with placeholders where something is filled in.

use serde_json::Value;

/// A text as it stands inside JSON's quotes.
pub(super) fn json_inside(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap_or_default();
    json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// A value on one line; TOML has no null, which `{null}` stands for.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::Null => "\"{null}\"".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// A key, quoted where it must be.
pub(super) fn key(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(plain) { name.to_owned() } else { Value::from(name).to_string() }
}

/// Every text in a value, with its JSON pointer.
pub(super) fn texts(value: &Value) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    collect(value, "", &mut found);
    found
}

fn collect<'v>(value: &'v Value, at: &str, found: &mut Vec<(String, &'v str)>) {
    match value {
        Value::String(text) => found.push((at.to_owned(), text)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                collect(field, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
