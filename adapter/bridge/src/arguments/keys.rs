//! The keys that a schema knows: at its top, at any depth, and those that it requires.

use serde_json::Value;

/// How deep nesting is followed.
const DEPTH: usize = 32;

/// The names of a schema's properties.
pub(super) fn properties(schema: &Value) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.map(|properties| properties.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// The names of all properties, nested ones too.
pub(super) fn keys(schema: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    collect_keys(schema, &mut keys, DEPTH);
    keys
}

/// The names that a schema requires, at any depth.
pub(super) fn required(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    collect_required(schema, &mut names, DEPTH);
    names
}

fn collect_required(schema: &Value, names: &mut Vec<String>, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match schema {
        Value::Object(fields) => {
            let required = fields.get("required").and_then(Value::as_array).into_iter().flatten();
            names.extend(required.filter_map(Value::as_str).map(str::to_owned));
            fields.values().for_each(|inner| collect_required(inner, names, depth));
        }
        Value::Array(inner) => inner.iter().for_each(|inner| collect_required(inner, names, depth)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn collect_keys(schema: &Value, keys: &mut Vec<String>, depth: usize) {
    if depth == 0 {
        return;
    }
    match schema {
        Value::Object(fields) => {
            for (name, inner) in fields {
                if let ("properties", Value::Object(properties)) = (name.as_str(), inner) {
                    keys.extend(properties.keys().cloned());
                }
                collect_keys(inner, keys, depth - 1);
            }
        }
        Value::Array(inner) => inner.iter().for_each(|inner| collect_keys(inner, keys, depth - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The keys of the objects that may occur.
#[derive(Clone, Debug, Default)]
pub struct KnownKeys {
    /// All of them; none: any.
    pub known: Vec<String>,
    /// Those that an object cannot lack: where one seems to come twice, nothing is mended.
    pub required: Vec<String>,
}

impl KnownKeys {
    /// Those of a schema, nested ones too.
    pub fn of(schema: &Value) -> Self {
        Self { known: keys(schema), required: required(schema) }
    }
}
