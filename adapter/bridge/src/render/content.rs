//! The text of a message's content, in whatever shape clients and gateways send it.

use serde_json::Value;

use super::prompt::RenderNote;

/// The text of a content: a string, parts, or nothing.
pub(super) fn text(content: Option<&Value>, notes: &mut Vec<RenderNote>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => joined(parts, notes),
        None | Some(Value::Null) => String::new(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_))) => other.to_string(),
    }
}

/// The text of a tool's result. A gateway that translates Anthropic's words may send its blocks as a JSON string.
pub(super) fn result(content: Option<&Value>, notes: &mut Vec<RenderNote>) -> String {
    if let Some(Value::String(text)) = content
        && text.trim_start().starts_with("[{")
        && let Ok(Value::Array(blocks)) = serde_json::from_str(text)
        && blocks.iter().all(is_block)
    {
        return joined(&blocks, notes);
    }
    text(content, notes)
}

/// Whether a value can only be a block of Anthropic's: a file may hold a list with types, too.
fn is_block(value: &Value) -> bool {
    match value.get("type").and_then(Value::as_str) {
        Some("text") => value.get("text").is_some_and(Value::is_string),
        Some("image" | "document") => value.get("source").is_some_and(Value::is_object),
        Some(_) | None => false,
    }
}

fn joined(parts: &[Value], notes: &mut Vec<RenderNote>) -> String {
    let texts: Vec<String> = parts.iter().map(|part| part_text(part, notes)).collect();
    texts.join("\n")
}

fn part_text(part: &Value, notes: &mut Vec<RenderNote>) -> String {
    let text = part.get("text").or_else(|| part.get("refusal")).or(Some(part)).and_then(Value::as_str);
    if let Some(text) = text {
        return text.to_owned();
    }
    notes.push(RenderNote::NoText);
    let kind = part.get("type").and_then(Value::as_str).unwrap_or("part");
    format!("[{kind} left out: this model is reached through text only]")
}
