//! One message of a conversation, as the edge makes it and everything below borrows it.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use super::body::InvalidRequest;

/// A message that keeps the bytes it came with, and is parsed once at the most, when somebody looks into it. A clone
/// is the same message.
#[derive(Clone, Debug)]
pub(crate) struct Message(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    role: String,
    raw: Box<RawValue>,
    value: OnceLock<Value>,
}

#[derive(Serialize)]
struct TextMessage<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Deserialize)]
struct MessageRole {
    role: Option<Box<RawValue>>,
}

impl Message {
    /// Reads the message with this index.
    ///
    /// # Errors
    /// When it is no object, or its role no text.
    pub(crate) fn read(index: usize, raw: Box<RawValue>) -> Result<Self, InvalidRequest> {
        let expected = || InvalidRequest(format!("messages[{index}]: expected an object"));
        // An array would do as well for serde.
        if !raw.get().starts_with('{') {
            return Err(expected());
        }
        let MessageRole { role } = serde_json::from_str(raw.get()).map_err(|_| expected())?;
        match role.map(|role| serde_json::from_str::<String>(role.get())) {
            Some(Ok(role)) if !role.is_empty() => Ok(Self::with(role, raw, OnceLock::new())),
            Some(_) => Err(InvalidRequest(format!("messages[{index}].role: expected a text"))),
            None => Err(InvalidRequest(format!("messages[{index}].role: missing"))),
        }
    }

    /// A message of our own making.
    pub(crate) fn of(value: Value) -> Self {
        let raw = to_raw_value(&value).expect("JSON values always serialize");
        let role = value["role"].as_str().unwrap_or_default().to_owned();
        Self::with(role, raw, value.into())
    }

    /// A message that is a text.
    pub(crate) fn text_of(role: &str, text: &str) -> Self {
        let raw = to_raw_value(&TextMessage { role, content: text }).expect("texts always serialize");
        Self::with(role.to_owned(), raw, OnceLock::new())
    }

    fn with(role: String, raw: Box<RawValue>, value: OnceLock<Value>) -> Self {
        Self(Arc::new(Inner { role, raw, value }))
    }

    /// The same message without what was parsed of it, for as long as only its bytes are wanted.
    pub(crate) fn unparsed(self) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => Self::with(inner.role, inner.raw, OnceLock::new()),
            Err(shared) => Self(shared),
        }
    }

    /// Who says it: `user`, `assistant`, `tool`, `system`, or whatever the client wrote.
    pub(crate) fn role(&self) -> &str {
        &self.0.role
    }

    /// Its JSON, byte for byte as it came.
    pub(crate) fn json(&self) -> &str {
        self.0.raw.get()
    }

    /// What it holds; null where it is JSON beyond what we can hold.
    pub(crate) fn value(&self) -> &Value {
        self.0.value.get_or_init(|| serde_json::from_str(self.json()).unwrap_or_default())
    }

    /// Its text: its content, or the texts of its parts, a line each.
    pub(crate) fn text(&self) -> String {
        self.texts().join("\n")
    }

    /// The texts in its content.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match &self.value()["content"] {
            Value::String(text) => vec![text],
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it is the operator's or the client's word, and no person's.
    pub(crate) fn is_system(&self) -> bool {
        matches!(self.role(), "system" | "developer")
    }

    /// Whether it is what a tool gave.
    pub(crate) fn is_result(&self) -> bool {
        matches!(self.role(), "tool" | "function")
    }

    /// Whether it is of calls: one that makes them, or a result.
    pub(crate) fn tells_of_calls(&self) -> bool {
        self.is_result() || self.value()["tool_calls"].is_array()
    }

    /// The calls that it makes.
    pub(crate) fn calls(&self) -> &[Value] {
        self.value()["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.raw.serialize(serializer)
    }
}
