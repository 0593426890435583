//! Reads a conversation as clients send it: calls and results found, nothing refused.

use serde_json::{Map, Value};

use super::{content, prompt::RenderNote};

/// One thing that was said.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum HistoryEntry {
    System(String),
    User(String),
    Assistant { text: String, calls: Vec<PastCall> },
    Result { id: String, text: String },
}

/// A call of an earlier turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PastCall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
}

/// Reads all messages. Empty answers, as failed attempts leave them, are left out.
pub(super) fn read(messages: &[&Value], notes: &mut Vec<RenderNote>) -> Vec<HistoryEntry> {
    let entries = messages.iter().map(|message| entry(message, notes));
    entries.filter(|entry| !is_empty(entry)).collect()
}

/// The names of the tools that were called, the latest first.
pub(super) fn called(entries: &[HistoryEntry]) -> Vec<&str> {
    let mut names = Vec::new();
    for entry in entries.iter().rev() {
        let HistoryEntry::Assistant { calls, .. } = entry else { continue };
        for call in calls {
            if !names.contains(&call.name.as_str()) {
                names.push(call.name.as_str());
            }
        }
    }
    names
}

fn is_empty(entry: &HistoryEntry) -> bool {
    match entry {
        HistoryEntry::System(text) | HistoryEntry::User(text) => text.is_empty(),
        HistoryEntry::Assistant { text, calls } => text.trim().is_empty() && calls.is_empty(),
        HistoryEntry::Result { .. } => false,
    }
}

fn entry(message: &Value, notes: &mut Vec<RenderNote>) -> HistoryEntry {
    let said = message.get("content");
    match message.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => HistoryEntry::System(content::text(said, notes)),
        Some("assistant") => {
            HistoryEntry::Assistant { text: content::text(said, notes), calls: calls(message) }
        }
        Some("tool" | "function") => {
            let id = message.get("tool_call_id").or_else(|| message.get("name"));
            let id = id.and_then(Value::as_str).unwrap_or_default().to_owned();
            HistoryEntry::Result { id, text: content::result(said, notes) }
        }
        Some(_) | None => HistoryEntry::User(content::text(said, notes)),
    }
}

fn calls(message: &Value) -> Vec<PastCall> {
    let calls = message.get("tool_calls").and_then(Value::as_array);
    calls.into_iter().flatten().filter_map(asked).collect()
}

fn asked(call: &Value) -> Option<PastCall> {
    let function = call.get("function")?;
    // It is written into tags.
    let name = function.get("name")?.as_str()?.replace(|c: char| !is_name(c), "_");
    let id = call.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(PastCall { id, name, arguments: arguments(function.get("arguments")) })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
}

/// Arguments that are no object are told as they came.
fn arguments(value: Option<&Value>) -> Map<String, Value> {
    let parsed = match value {
        Some(Value::String(text)) if text.trim().is_empty() => Value::Object(Map::new()),
        Some(Value::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))
        }
        Some(other) => other.clone(),
        None => Value::Object(Map::new()),
    };
    match parsed {
        Value::Object(fields) => fields,
        other => Map::from_iter([("arguments".to_owned(), other)]),
    }
}
