//! Messages of a chat that are put together from those of another API.

use serde_json::Value;

/// The messages as sites take them: those of the person that follow each other are one, and content that is all text
/// is one text, because not every site reads a list of parts.
pub(crate) fn merged(messages: Vec<Value>) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::with_capacity(messages.len());
    for message in messages {
        let is_user = message["role"] == "user";
        match merged.last_mut().filter(|last| is_user && last["role"] == "user") {
            Some(last) => join(last, message),
            None => merged.push(message),
        }
    }
    merged.into_iter().map(simple).collect()
}

/// The texts of blocks, or parts.
pub(crate) fn texts(blocks: &[Value]) -> Vec<String> {
    blocks.iter().filter_map(|block| Some(block.get("text")?.as_str()?.to_owned())).collect()
}

/// A message that reminds the model of something: many chat templates allow one system message, at the top.
pub(crate) fn reminder(text: &str) -> Value {
    let text = format!("<system-reminder>\n{text}\n</system-reminder>");
    serde_json::json!({"role": "user", "content": [{"type": "text", "text": text}]})
}

fn join(last: &mut Value, mut next: Value) {
    let more = next["content"].as_array_mut().map(std::mem::take).unwrap_or_default();
    if let Some(parts) = last["content"].as_array_mut() {
        parts.extend(more);
    }
}

fn simple(mut message: Value) -> Value {
    let Some(parts) = message["content"].as_array() else { return message };
    if parts.iter().all(|part| part["type"] == "text") {
        message["content"] = texts(parts).join("\n\n").into();
    }
    message
}
