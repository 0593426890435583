//! What one voice of an answer has said so far, however the site tells it: pieces, all of it each time, edits.

use std::collections::BTreeMap;

use latchkey_shared::site::chat::stream::rule::TextRelation;
use serde_json::Value;

use super::edits::{self, EditOutcome};
use crate::stream::{
    fault::Fault,
    halves::{self, SurrogateJoiner},
};

/// Longest answer that is taken.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// More parts than any answer has.
const LIMIT_PARTS: usize = 1000;
/// What stands between the parts of an answer.
const BETWEEN: &str = "\n\n";

/// All that is said in one voice: the text, or the reasoning. Each part of it grows for itself.
#[derive(Debug, Default)]
pub(super) struct TextAssembler {
    parts: BTreeMap<String, TextPart>,
    /// The part that spoke last.
    speaking: Option<String>,
    length: usize,
}

impl TextAssembler {
    /// Takes what an event has for a part and returns what is new in it; `part` is empty where there is only one.
    ///
    /// # Errors
    /// When an edit is none, the site takes back what it had said, or there is too much of it.
    pub(super) fn take(
        &mut self,
        part: &str,
        told: &Value,
        how: TextRelation,
        cursor: Option<&str>,
    ) -> Result<String, Fault> {
        if self.parts.len() >= LIMIT_PARTS && !self.parts.contains_key(part) {
            return Err(Fault::Unreadable("the answer has too many parts"));
        }
        let new = self.parts.entry(part.to_owned()).or_default().take(told, how, cursor)?;
        if new.is_empty() {
            return Ok(new);
        }
        self.length += new.len();
        if self.length > LIMIT_BYTES {
            return Err(Fault::Unreadable("the answer is too long"));
        }
        match self.speaking.replace(part.to_owned()) {
            Some(before) if before != part => Ok(format!("{BETWEEN}{new}")),
            _ => Ok(new),
        }
    }
}

/// One part.
#[derive(Debug, Default)]
struct TextPart {
    sent: String,
    /// What edits are applied to.
    value: Option<Value>,
    /// Half a letter at the end of a piece waits here for its other half.
    joiner: SurrogateJoiner,
}

impl TextPart {
    fn take(&mut self, told: &Value, how: TextRelation, cursor: Option<&str>) -> Result<String, Fault> {
        match (how, told) {
            (_, Value::Null) => Ok(String::new()),
            (TextRelation::Piece, Value::String(piece)) => Ok(self.say(piece)),
            (TextRelation::SoFar, Value::String(text)) => self.so_far(text, cursor),
            (TextRelation::Edits, Value::Array(_)) if self.value.is_some() => self.edited(told, cursor),
            (TextRelation::Edits, Value::String(text)) => {
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
            (EditOutcome::Appended(more), _) if cursor.is_none() => Ok(self.say(more)),
            (_, Value::String(text)) => self.so_far(text, cursor),
            _ => Err(Fault::Unreadable("an edit leaves no text")),
        };
        self.value = Some(value);
        new
    }

    fn say(&mut self, piece: &str) -> String {
        let new = self.joiner.take(&halves::unmarked(piece));
        self.sent.push_str(&new);
        new
    }

    /// What was sent stays sent: a text that has become shorter waits until it is longer again.
    fn so_far(&mut self, text: &str, cursor: Option<&str>) -> Result<String, Fault> {
        let text = cursor.and_then(|cursor| text.strip_suffix(cursor)).unwrap_or(text);
        // Half a letter at its end comes whole the next time.
        let text = &SurrogateJoiner::default().take(&halves::unmarked(text));
        match text.strip_prefix(self.sent.as_str()) {
            Some(new) => {
                self.sent.push_str(new);
                Ok(new.to_owned())
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
        let mut speech = TextAssembler::default();
        let mut take = |text: &str| speech.take("", &json!(text), TextRelation::SoFar, Some("▌")).unwrap();

        assert_eq!([take("a▌"), take("ab▌"), take("ab"), take("a"), take("abc")], ["a", "b", "", "", "c"]);
    }

    #[test]
    fn a_text_that_is_taken_back_is_a_fault() {
        let mut speech = TextAssembler::default();
        speech.take("", &json!("abc"), TextRelation::SoFar, None).unwrap();

        assert!(speech.take("", &json!("abX"), TextRelation::SoFar, None).is_err());
    }

    #[test]
    fn edits_follow_the_first_value() {
        let mut speech = TextAssembler::default();
        let mut take = |told: Value| speech.take("", &told, TextRelation::Edits, None).unwrap();

        assert_eq!(take(json!("a")), "a");
        assert_eq!(take(json!([["append", [], "b"]])), "b");
        assert_eq!(take(json!([["append", [], "c"], ["append", [], "d"]])), "cd");
        assert_eq!(take(json!([])), "");
    }

    #[test]
    fn parts_grow_for_themselves_and_stand_apart() {
        let mut speech = TextAssembler::default();
        let mut take =
            |part: &str, text: &str| speech.take(part, &json!(text), TextRelation::SoFar, None).unwrap();

        assert_eq!([take("a", "one"), take("b", "two"), take("b", "two!")], ["one", "\n\ntwo", "!"]);
        assert_eq!([take("a", "one"), take("a", "one.")], ["", "\n\n."]);
    }
}
