//! A call to be written: which names can stand in tags, and what its values are as text.

use serde_json::{Map, Value};

use super::{look_alike::defuse, nonce::Nonce};

/// A longer parameter name is not written in a tag.
const NAME_BYTES: usize = 100;

/// A call to be written.
#[derive(Clone, Copy, Debug)]
pub struct WrittenCall<'a> {
    /// The tool.
    pub name: &'a str,
    /// Its arguments.
    pub arguments: &'a Map<String, Value>,
}

/// Whether parameters can be named in tags; if not, their JSON is written whole, which every reader takes too.
pub(super) fn are_plain(arguments: &Map<String, Value>) -> bool {
    arguments.keys().all(|name| is_plain(name))
}

/// Whether a name can stand in a tag.
pub(crate) fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
    !name.is_empty() && name.len() <= NAME_BYTES && name.chars().all(plain)
}

/// The text of an argument: strings as they are, all else as JSON.
pub(super) fn value_text(nonce: &Nonce, value: &Value) -> String {
    match value {
        Value::String(text) => defuse(text, nonce),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            defuse(&value.to_string(), nonce)
        }
    }
}

/// Values without look-alikes, at any depth.
pub(super) fn defused(nonce: &Nonce, arguments: &Map<String, Value>) -> Map<String, Value> {
    arguments.iter().map(|(name, value)| (name.clone(), harmless(nonce, value))).collect()
}

fn harmless(nonce: &Nonce, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(defuse(text, nonce)),
        Value::Array(values) => values.iter().map(|value| harmless(nonce, value)).collect(),
        Value::Object(fields) => Value::Object(defused(nonce, fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
