//! How long a prompt may be, and how its client is told that it is longer: in tokens, which is what agents read.

use std::fmt;

use latchkey_shared::site::Site;
use serde_json::{Value, value::RawValue};

use crate::{openai::message::Message, tokens};

/// So much of a conversation is counted; the rest is taken to be like it.
const SAMPLE_BYTES: usize = 64 * 1024;
/// Of a conversation without a text.
const BYTES_PER_TOKEN: f64 = 4.0;

/// The length of a prompt that is too long, and the longest that fits, in tokens of OpenAI's `o200k` encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct PromptLength {
    /// What it has.
    pub tokens: u64,
    /// What the site takes.
    pub limit: u64,
}

/// Anthropic's words, by which clients know what to do: OpenCode 1.18 and Claude Code 2.1 make the conversation
/// shorter, the latter by the two numbers (read in both, 2026-11). What follows is for those who know OpenAI's alone.
impl fmt::Display for PromptLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, limit } = self;
        write!(f, "prompt is too long: {tokens} tokens > {limit} maximum; ")?;
        write!(f, "this model's maximum context length is {limit} tokens")
    }
}

impl PromptLength {
    /// The length of a prompt of so many bytes, by how many bytes a token of its conversation has.
    pub(super) fn of_bytes(messages: &[Message], bytes: usize, limit_bytes: usize) -> Self {
        let mut sampled = String::new();
        for text in messages.iter().rev().flat_map(Message::texts) {
            let Some(room) = SAMPLE_BYTES.checked_sub(sampled.len()) else { break };
            let mut room = room.min(text.len());
            while !text.is_char_boundary(room) {
                room -= 1;
            }
            sampled.push_str(&text[..room]);
        }
        let counted = tokens::count(&sampled);
        let per_token = if counted == 0 { BYTES_PER_TOKEN } else { sampled.len() as f64 / counted as f64 };
        let tokens_of = |bytes: usize| bytes as f64 / per_token;
        Self { tokens: tokens_of(bytes).ceil() as u64, limit: tokens_of(limit_bytes).floor() as u64 }
    }
}

/// Refuses a conversation that is longer than its site file allows, where nothing of it is written anew.
///
/// # Errors
/// When it is.
pub(super) fn check(site: &Site, messages: &[Message], tools: &[Box<RawValue>]) -> Result<(), PromptLength> {
    let Some(limit_bytes) = site.chat.prompt_bytes else { return Ok(()) };
    let tools: usize = tools.iter().map(|tool| tool.get().len()).sum();
    let json: usize = messages.iter().map(|message| message.json().len()).sum();
    if tools + json <= limit_bytes {
        return Ok(());
    }
    let bytes = tools + messages.iter().map(|message| bytes_of(message.value())).sum::<usize>();
    if bytes <= limit_bytes { Ok(()) } else { Err(PromptLength::of_bytes(messages, bytes, limit_bytes)) }
}

/// The bytes of all texts in a value. Pictures and files are not text.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::String(text) if text.starts_with("data:") => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes_of).sum(),
        Value::Object(fields) => fields.values().map(bytes_of).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_of_twice_the_bytes_has_twice_the_tokens() {
        let messages = [Message::text_of("user", &"one more word, ".repeat(20_000))];

        let PromptLength { tokens, limit } = PromptLength::of_bytes(&messages, 300_000, 150_000);

        let counted = tokens::count(&"one more word, ".repeat(20_000));
        assert!(tokens.abs_diff(counted) < counted / 100, "{tokens} {counted}");
        assert!(tokens.abs_diff(2 * limit) <= 2, "{tokens} {limit}");
    }

    #[test]
    fn a_prompt_that_is_too_long_by_a_byte_is_told_as_longer() {
        let PromptLength { tokens, limit } = PromptLength::of_bytes(&[], 4_001, 4_000);

        assert_eq!((tokens, limit), (1001, 1000));
    }
}
