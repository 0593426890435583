//! What a scripted model says by itself, and how it counts.

use serde_json::Value;

/// The default answer to a request, in pieces of about one word.
pub(super) fn echo(request: &Value) -> Vec<String> {
    let question = question(request);
    let text = format!(
        "You asked: \"{question}\"\n\nI am the practice model. I run on your own machine and I know nothing, \
         but this answer reached you the way a real one would: piece by piece, through a session that a real \
         browser signed in for you."
    );
    text.split_inclusive(' ').map(str::to_owned).collect()
}

/// Tokens of a request, at one for each word.
pub(super) fn prompt_tokens(request: &Value) -> u64 {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    messages.iter().map(|message| count(&text_of(&message["content"]))).sum()
}

/// Tokens of a text, at one for each word.
pub(super) fn count(text: &str) -> u64 {
    text.split_whitespace().count().try_into().unwrap()
}

/// The text of the last user message.
fn question(request: &Value) -> String {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message["role"] == "user");
    last.map(|message| text_of(&message["content"])).unwrap_or_default()
}

/// A message's text: a string, or the text parts of a list.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}
