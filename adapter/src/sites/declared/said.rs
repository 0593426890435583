//! What one channel of an answer has said so far, however the site tells it: pieces, all of it each time, edits.

use latchkey_shared::site::chat::http::stream::How;
use serde_json::Value;

use super::edits::{self, Edited};
use crate::stream::fault::Fault;

/// Longest answer that is taken.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// One channel: the text, or the reasoning.
#[derive(Debug, Default)]
pub(super) struct Channel {
    sent: String,
    /// What edits are applied to.
    value: Option<Value>,
}

impl Channel {
    /// Takes what an event has for the channel and returns what is new in it.
    ///
    /// # Errors
    /// When an edit is none, or the site takes back what it had said.
    pub(super) fn take(&mut self, told: &Value, how: How, cursor: Option<&str>) -> Result<String, Fault> {
        match (how, told) {
            (_, Value::Null) => Ok(String::new()),
            (How::Piece, Value::String(piece)) => self.say(piece),
            (How::SoFar, Value::String(text)) => self.so_far(text, cursor),
            (How::Edits, Value::Array(_)) if self.value.is_some() => self.edited(told, cursor),
            (How::Edits, Value::String(text)) => {
                let new = self.so_far(text, cursor)?;
                self.value = Some(told.clone());
                Ok(new)
            }
            _ => Err(Fault::Unreadable("an event has no text where the site file says")),
        }
    }

    fn edited(&mut self, edits: &Value, cursor: Option<&str>) -> Result<String, Fault> {
        let mut value = self.value.take().unwrap_or_default();
        let edited = edits::apply(&mut value, edits)?;
        let new = match (edited, &value) {
            // The usual case: nothing has to be compared.
            (Edited::Appended(more), _) if cursor.is_none() => self.say(more),
            (_, Value::String(text)) => self.so_far(text, cursor),
            _ => Err(Fault::Unreadable("an edit leaves no text")),
        };
        self.value = Some(value);
        new
    }

    fn say(&mut self, piece: &str) -> Result<String, Fault> {
        if self.sent.len() + piece.len() > LIMIT_BYTES {
            return Err(Fault::Unreadable("the answer is too long"));
        }
        self.sent.push_str(piece);
        Ok(piece.to_owned())
    }

    /// What was sent stays sent: a text that has become shorter waits until it is longer again.
    fn so_far(&mut self, text: &str, cursor: Option<&str>) -> Result<String, Fault> {
        let text = cursor.and_then(|cursor| text.strip_suffix(cursor)).unwrap_or(text);
        match text.strip_prefix(self.sent.as_str()) {
            Some(new) => {
                let new = new.to_owned();
                self.say(&new)
            }
            None if self.sent.starts_with(text) => Ok(String::new()),
            None => Err(Fault::Unreadable("the site changed what it had said")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_told_again_and_again_gives_only_what_is_new() {
        let mut channel = Channel::default();
        let mut take = |text: &str| channel.take(&json!(text), How::SoFar, Some("▌")).unwrap();

        assert_eq!([take("a▌"), take("ab▌"), take("ab"), take("a"), take("abc")], ["a", "b", "", "", "c"]);
    }

    #[test]
    fn a_text_that_is_taken_back_is_a_fault() {
        let mut channel = Channel::default();
        channel.take(&json!("abc"), How::SoFar, None).unwrap();

        assert!(channel.take(&json!("abX"), How::SoFar, None).is_err());
    }

    #[test]
    fn edits_follow_the_first_value() {
        let mut channel = Channel::default();
        let mut take = |told: Value| channel.take(&told, How::Edits, None).unwrap();

        assert_eq!(take(json!("a")), "a");
        assert_eq!(take(json!([["append", [], "b"]])), "b");
        assert_eq!(take(json!([["append", [], "c"], ["append", [], "d"]])), "cd");
        assert_eq!(take(json!([])), "");
    }
}
