//! One message of a chat: read, and written.

use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

pub(super) fn is_system(message: &Value) -> bool {
    matches!(role(message), "system" | "developer")
}

pub(super) fn tells_of_calls(message: &Value) -> bool {
    is_result(message) || message.get("tool_calls").is_some_and(Value::is_array)
}

pub(super) fn is_result(message: &Value) -> bool {
    matches!(role(message), "tool" | "function")
}

pub(super) fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// The text of a message, its parts joined.
pub(super) fn text(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Raw JSON as a value; it was parsed once already.
pub(super) fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

#[derive(Serialize)]
struct PromptMessage<'a> {
    role: &'a str,
    content: &'a str,
}

pub(super) fn message(role: &str, content: &str) -> Box<RawValue> {
    to_raw_value(&PromptMessage { role, content }).expect("texts always serialize")
}
