//! What a site that speaks like OpenAI says: texts, lists of parts, and letters that are parted over two chunks.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::stream::{delta::Delta, fault::Fault, halves::SurrogateJoiner};

/// Parts that are thinking.
const THOUGHTS: &[&str] = &["thinking", "thought", "reasoning", "reasoning_content", "reasoning_text"];
/// Parts that are text; all others, references and pictures, are left out.
const TEXTS: &[&str] = &["text", "output_text", "refusal"];
/// Parts hold parts; no deeper than this.
const DEPTH: usize = 8;

/// A text, or a list of parts.
#[derive(Debug)]
pub(super) enum MessageContent<'a> {
    Text(String),
    /// A text with half a letter in it (WTF-8).
    Broken(Vec<u8>),
    Parts(Vec<&'a RawValue>),
}

/// All that is said in one answer, and the halves of letters that wait.
#[derive(Debug, Default)]
pub(super) struct TextFields {
    text: SurrogateJoiner,
    reasoning: SurrogateJoiner,
    /// Of the arguments of calls; only those in which half a letter waits.
    calls: BTreeMap<Option<u64>, SurrogateJoiner>,
}

#[derive(Debug, Deserialize)]
struct ContentPart<'a> {
    #[serde(default, borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(default, borrow)]
    text: Option<&'a RawValue>,
    #[serde(default, borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(default, borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(default, borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(default, borrow)]
    summary: Option<&'a RawValue>,
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
}

impl MessageContent<'_> {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Broken(_) => false,
            Self::Parts(parts) => parts.is_empty(),
        }
    }
}

impl TextFields {
    /// Says what a content holds.
    pub(super) fn say(&mut self, content: MessageContent<'_>, out: &mut Vec<Delta>) {
        self.tell(content, false, DEPTH, out);
    }

    /// The same, of a content that is thinking.
    pub(super) fn think(&mut self, content: MessageContent<'_>, out: &mut Vec<Delta>) {
        self.tell(content, true, DEPTH, out);
    }

    /// The JSON text of arguments, which some sites send as the object itself.
    ///
    /// # Errors
    /// When half a letter stays alone in them.
    pub(super) fn arguments(&mut self, index: Option<u64>, raw: &RawValue) -> Result<String, Fault> {
        match raw.get().as_bytes().first() {
            Some(b'"') => {}
            Some(b'n') | None => return Ok(String::new()),
            Some(_) => return Ok(raw.get().to_owned()),
        }
        if self.calls.is_empty()
            && let Ok(text) = serde_json::from_str(raw.get())
        {
            return Ok(text);
        }
        let content =
            serde_json::from_str::<MessageContent<'_>>(raw.get()).map_err(|_| Fault::InvalidToolCall)?;
        let mut halves = self.calls.remove(&index).unwrap_or_default();
        let text = put(content, &mut halves);
        if halves.is_broken() {
            return Err(Fault::InvalidToolCall);
        }
        if halves.is_waiting() {
            self.calls.insert(index, halves);
        }
        Ok(text)
    }

    /// Ends the answer: halves that still wait stay alone.
    ///
    /// # Errors
    /// When one stands in a call: nobody can tell which letter was meant.
    pub(super) fn end(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        out.extend(self.reasoning.rest().map(|lone| Delta::Reasoning(lone.into())));
        out.extend(self.text.rest().map(|lone| Delta::Text(lone.into())));
        if self.calls.is_empty() { Ok(()) } else { Err(Fault::InvalidToolCall) }
    }

    fn tell(&mut self, content: MessageContent<'_>, is_thought: bool, depth: usize, out: &mut Vec<Delta>) {
        match content {
            MessageContent::Parts(parts) => {
                parts.into_iter().for_each(|part| self.part(part, is_thought, depth, out));
            }
            content if is_thought => {
                let text = put(content, &mut self.reasoning);
                out.extend((!text.is_empty()).then_some(Delta::Reasoning(text)));
            }
            content => {
                let text = put(content, &mut self.text);
                out.extend((!text.is_empty()).then_some(Delta::Text(text)));
            }
        }
    }

    fn part(&mut self, raw: &RawValue, is_thought: bool, depth: usize, out: &mut Vec<Delta>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        if raw.get().starts_with('"') {
            return self.inner(Some(raw), is_thought, depth, out);
        }
        let Ok(part) = serde_json::from_str::<ContentPart<'_>>(raw.get()) else { return };
        let kind = part.kind.map_or("", RawValue::get).trim_matches('"');
        if is_thought || THOUGHTS.contains(&kind) {
            let inner = part.thinking.or(part.reasoning).or(part.summary).or(part.content).or(part.text);
            self.inner(inner, true, depth, out);
        } else if kind.is_empty() || TEXTS.contains(&kind) {
            self.inner(part.text.or(part.refusal), false, depth, out);
        }
    }

    fn inner(&mut self, raw: Option<&RawValue>, is_thought: bool, depth: usize, out: &mut Vec<Delta>) {
        let content = raw.and_then(|raw| serde_json::from_str::<MessageContent<'_>>(raw.get()).ok());
        content.into_iter().for_each(|content| self.tell(content, is_thought, depth, out));
    }
}

/// The whole letters of a content that is no list.
fn put(content: MessageContent<'_>, joiner: &mut SurrogateJoiner) -> String {
    match content {
        MessageContent::Text(text) if !joiner.is_waiting() => text,
        MessageContent::Text(text) => joiner.take(text.as_bytes()),
        MessageContent::Broken(bytes) => joiner.take(&bytes),
        MessageContent::Parts(_) => String::new(),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for MessageContent<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes: a text with half a letter in it is no text for serde, but it is bytes.
        deserializer.deserialize_bytes(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = MessageContent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of parts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(MessageContent::Text(text.to_owned()))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => MessageContent::Text(text.to_owned()),
            Err(_) => MessageContent::Broken(bytes.to_vec()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(part) = parts.next_element()? {
            all.push(part);
        }
        Ok(MessageContent::Parts(all))
    }
}
