//! Counts tokens where a site does not: a gateway bills by them, and some clients wait for them.
//!
//! An estimate with OpenAI's `o200k` encoding, whatever the model; loaded when first needed.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, value::RawValue};

use crate::{
    openai::message::Message,
    stream::delta::{Delta, Usage},
};

/// Text is counted in blocks of this size, so that an answer is never kept whole for it (22 us for 1 KiB, measured
/// 2026-11).
const BLOCK_BYTES: usize = 8 * 1024;
/// Or of this size, while no answer has needed the encoding: it takes 67 MiB, and a site may count itself.
const FIRST_BLOCK_BYTES: usize = 256 * 1024;

/// Whether the encoding is in memory.
static IS_LOADED: AtomicBool = AtomicBool::new(false);
/// What a message costs beside its text, in OpenAI's own recipe.
const PER_MESSAGE: u64 = 3;

/// Counts one answer.
#[derive(Debug, Default)]
pub(crate) struct TokenCounter {
    pending: String,
    counted: u64,
}

impl TokenCounter {
    /// Takes one delta.
    pub(crate) fn push(&mut self, delta: &Delta) {
        match delta {
            Delta::Text(text) | Delta::Reasoning(text) => self.pending.push_str(text),
            Delta::Call(call) => {
                self.pending.push_str(&call.name);
                self.pending.push_str(&call.arguments);
            }
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => {}
        }
        let block = if IS_LOADED.load(Ordering::Relaxed) { BLOCK_BYTES } else { FIRST_BLOCK_BYTES };
        if self.pending.len() > block {
            self.counted += count(&self.pending);
            self.pending.clear();
        }
    }

    /// The usage of the turn. Takes time in proportion to the prompt: call it where that harms nobody.
    pub(crate) fn usage(self, messages: &[Message], tools: &[Box<RawValue>]) -> Usage {
        let completion = self.counted + count(&self.pending);
        let prompt: u64 = messages.iter().map(|message| PER_MESSAGE + of_value(message.value())).sum();
        let tools: u64 = tools.iter().map(|tool| count(tool.get())).sum();
        Usage { prompt: prompt + tools + PER_MESSAGE, completion, ..Usage::default() }
    }
}

/// The tokens of a text.
pub(crate) fn count(text: &str) -> u64 {
    if text.is_empty() {
        return 0;
    }
    let count = bpe_openai::o200k_base().count(text) as u64;
    IS_LOADED.store(true, Ordering::Relaxed);
    count
}

/// The tokens of all texts in a value.
fn of_value(value: &Value) -> u64 {
    match value {
        // Images and files in data URIs are not text.
        Value::String(text) if text.starts_with("data:") => 0,
        Value::String(text) => count(text),
        Value::Array(items) => items.iter().map(of_value).sum(),
        Value::Object(fields) => fields.values().map(of_value).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn message(json: &str) -> Message {
        Message::read(0, raw(json)).unwrap()
    }

    #[test]
    fn prompt_tools_and_answer_are_counted() {
        let mut counter = TokenCounter::default();
        counter.push(&Delta::Text("Hello".to_owned()));
        counter.push(&Delta::Text(" world".to_owned()));
        let message = message(
            r#"{"role":"user","content":[{"type":"text","text":"hi"},{"url":"data:image/png;base64,AAAA"}]}"#,
        );

        let usage = counter.usage(&[message], &[raw(r#"{"type":"function"}"#)]);

        assert_eq!(usage, Usage { prompt: 14, completion: 2, ..Usage::default() });
    }
}
