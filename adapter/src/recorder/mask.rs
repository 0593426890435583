//! Masks the contents of a recording: what was said goes, how it was said stays.
//!
//! Letters become `x`, digits `0`; what structures a stream or a call stays, so that a leaked tag, a missing finish or
//! a broken argument can still be seen.

use latchkey_shared::recording::{TurnEvent, TurnRecord};
use serde_json::Value;

/// Values that are words of a protocol; nobody's secret is one of them.
const WORDS: [&str; 24] = [
    "assistant",
    "chat.completion",
    "chat.completion.chunk",
    "content_block_delta",
    "content_block_start",
    "content_block_stop",
    "content_filter",
    "developer",
    "end_turn",
    "function",
    "input_json_delta",
    "length",
    "max_tokens",
    "message_delta",
    "message_start",
    "message_stop",
    "stop",
    "system",
    "text",
    "text_delta",
    "tool",
    "tool_calls",
    "tool_use",
    "user",
];
/// Words that make up tags and calls.
const TAGS: [&str; 12] = [
    "tool_call",
    "tool_calls",
    "function",
    "function_call",
    "invoke",
    "parameter",
    "arguments",
    "name",
    "think",
    "data",
    "event",
    "DONE",
];

/// Masks all of it.
pub(super) fn mask(record: &mut TurnRecord) {
    let mask = Mask { nonce: &record.nonce };
    for moment in &mut record.moments {
        match &mut moment.event {
            TurnEvent::Request { body } => *body = mask.json(body),
            TurnEvent::Site { text } | TurnEvent::Chunk { text } => *text = mask.events(text),
            TurnEvent::Delta { text, .. } => *text = mask.letters(text),
            TurnEvent::Again { question } => *question = mask.letters(question),
            TurnEvent::Answer | TurnEvent::Over { .. } | TurnEvent::Fault { .. } => {}
        }
    }
}

struct Mask<'a> {
    /// In the tags that are ours.
    nonce: &'a str,
}

impl Mask<'_> {
    /// A stream of events, line by line: JSON keeps its keys.
    fn events(&self, text: &str) -> String {
        let line = |line: &str| match line.strip_prefix("data:") {
            Some(data) if data.trim_start().starts_with('{') => {
                format!("data: {}", self.json(data.trim_start()))
            }
            _ => self.letters(line),
        };
        text.split('\n').map(line).collect::<Vec<_>>().join("\n")
    }

    fn json(&self, text: &str) -> String {
        match serde_json::from_str::<Value>(text) {
            Ok(mut value) => {
                self.values(&mut value);
                value.to_string()
            }
            Err(_) => self.letters(text),
        }
    }

    fn values(&self, value: &mut Value) {
        match value {
            Value::String(text) if WORDS.contains(&text.as_str()) => {}
            Value::String(text) => *text = self.letters(text),
            Value::Array(all) => all.iter_mut().for_each(|value| self.values(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.values(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A text without its words, but for those of tags.
    fn letters(&self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = rest.find(|letter| !is_of_a_word(letter)).unwrap_or(rest.len());
            if length == 0 {
                masked.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let (word, after) = rest.split_at(length);
            match self.is_tag(word) {
                true => masked.push_str(word),
                false => masked.extend(word.chars().map(masked_letter)),
            }
            rest = after;
        }
        masked
    }

    fn is_tag(&self, word: &str) -> bool {
        let of_ours = word.strip_suffix(self.nonce).and_then(|word| word.strip_suffix('_'));
        TAGS.contains(&word) || of_ours.is_some_and(|word| TAGS.contains(&word))
    }
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn masked_letter(letter: char) -> char {
    match letter {
        '_' => '_',
        digit if digit.is_ascii_digit() => '0',
        _ => 'x',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_stays_and_words_go() {
        let site = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"<tool_call>Geheimnis 42\"},\
                    \"finish_reason\":null}]}\n\ndata: [DONE]\n\n: hb\n";

        let mask = Mask { nonce: "k3v9" };

        let masked = mask.events(site);

        insta::assert_snapshot!(masked, @r#"
        data: {"choices":[{"delta":{"content":"<tool_call>xxxxxxxxx 00","role":"assistant"},"finish_reason":null}]}

        data: [DONE]

        : xx
        "#);
        assert_eq!(
            mask.json("{\"model\":\"big\",\"n\":1,\"a\":[\"b c\"]}"),
            r#"{"a":["x x"],"model":"xxx","n":1}"#
        );
        assert_eq!(
            mask.letters("<invoke_k3v9 name=\"a\"> invoke_abcd"),
            "<invoke_k3v9 name=\"x\"> xxxxxx_xxxx"
        );
        assert_eq!(mask.json("{broken, s3cret"), "{xxxxxx, x0xxxx");
    }
}
