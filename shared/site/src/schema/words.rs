//! What a schema says, in a person's words and in TOML.

use serde_json::Value;
use toml::de::DeValue;

/// What a schema refers to, or itself.
pub(super) fn resolved<'r>(root: &'r Value, schema: &'r Value) -> &'r Value {
    let name = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
    name.map_or(schema, |name| resolved(root, &root["$defs"][name]))
}

/// The kind of value that a schema wants.
pub(super) fn wanted(root: &Value, schema: &Value) -> &'static str {
    if schema["$ref"] == "#/$defs/duration" {
        return "a duration";
    }
    let schema = resolved(root, schema);
    match schema["type"].as_str() {
        Some("object") => "a table",
        Some("array") => "a list",
        Some("integer") => "a whole number",
        Some("boolean") => "true or false, without quotes",
        Some("string") => "text between quotes",
        _ if schema["oneOf"].is_array() => "a JSON pointer, or { list, matching, value }",
        _ => "another value",
    }
}

/// What kind of value stands in the file. Texts are not quoted: one may be a secret that got to the wrong place.
pub(super) fn kind(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(_) => "a text".to_owned(),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(is) => is.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// "; write name = ...", with the example of the schema.
pub(super) fn example(root: &Value, schema: &Value, name: &str) -> String {
    let own = schema["examples"].get(0);
    let is_table = resolved(root, schema)["type"] == "object";
    match own {
        Some(example) => format!("; write {name} = {}", toml(example)),
        None if is_table => format!("; write a table [{name}]"),
        None => String::new(),
    }
}

/// A JSON value as TOML on one line.
pub(super) fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let plain = |key: &str| {
                !key.is_empty()
                    && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            };
            let quoted = |key: &String| if plain(key) { key.clone() } else { format!("{key:?}") };
            let fields = fields.iter().map(|(key, value)| format!("{} = {}", quoted(key), toml(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// "one of a, b, c", or the only one.
pub(super) fn article<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.collect();
    match words.as_slice() {
        [only] => (*only).to_owned(),
        several => format!("one of {}", several.join(", ")),
    }
}
