//! A dialect: the textual form in which a text-only model is told to write tool calls.
//!
//! Every tag of ours carries a nonce that no file the model reads can know, so that a call is told from a quotation.

use std::fmt;

use hkdf::Hkdf;
use serde_json::{Map, Value};
use sha2::Sha256;

mod fence;
mod json;
pub(crate) mod marks;
pub(crate) mod tag;
pub(crate) mod words;
mod xml;

/// Base32 without letters that models confuse.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// How many letters a nonce has.
pub(crate) const NONCE_BYTES: usize = 8;

/// A longer parameter name is not written in a tag.
const NAME_BYTES: usize = 100;

/// How calls are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFormat {
    /// Tags with raw values: the default, nothing has to be escaped.
    Xml,
    /// JSON inside a tag.
    Json,
    /// Square brackets and fenced values, for sites that rewrite `<`.
    Fence,
}

/// A form and its nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How calls are written.
    pub form: CallFormat,
    /// What tells our tags from others.
    pub nonce: Nonce,
}

/// Eight letters, 40 bits, that only this adapter and this conversation know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

/// A call to be written.
#[derive(Clone, Copy, Debug)]
pub struct WrittenCall<'a> {
    /// The tool.
    pub name: &'a str,
    /// Its arguments.
    pub arguments: &'a Map<String, Value>,
}

impl CallFormat {
    /// The word for metrics and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Fence => "fence",
        }
    }
}

impl Nonce {
    /// Derives the nonce of a conversation: the same on every replica and after a restart.
    pub fn derive(secret: &[u8], conversation: &str) -> Self {
        let mut bytes = [0; NONCE_BYTES];
        Hkdf::<Sha256>::new(Some(b"latchkey dialect nonce"), secret)
            .expand(conversation.as_bytes(), &mut bytes)
            .expect("8 bytes are within HKDF's limit");
        Self(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
    }

    /// Its letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Dialect {
    /// Writes a block of calls. Reading it gives the same calls, where the tools' schemas tell their types.
    pub fn calls(&self, calls: &[WrittenCall<'_>]) -> String {
        match self.form {
            CallFormat::Xml => xml::calls(&self.nonce, calls),
            CallFormat::Json => json::calls(&self.nonce, calls),
            CallFormat::Fence => fence::calls(&self.nonce, calls),
        }
    }

    /// Writes one tool's result, and which call of the answer before it belongs to, where the name alone does not tell;
    /// the text must be defused.
    pub fn result(&self, name: &str, call: Option<usize>, text: &str) -> String {
        let (open, close) = self.brackets();
        let nonce = &self.nonce;
        let call = call.map_or(String::new(), |call| format!(" call=\"{call}\""));
        format!("{open}result_{nonce} name=\"{name}\"{call}{close}\n{text}\n{open}/result_{nonce}{close}\n")
    }

    /// How a call is opened, for a short reminder.
    pub fn opener(&self) -> String {
        let (open, close) = self.brackets();
        let word = match self.form {
            CallFormat::Xml | CallFormat::Fence => "tool_calls",
            CallFormat::Json => "tool_call",
        };
        format!("{open}{word}_{}{close}", self.nonce)
    }

    /// The rules of writing, without examples.
    pub fn rules(&self) -> String {
        match self.form {
            CallFormat::Xml => xml::rules(&self.nonce),
            CallFormat::Json => json::rules(&self.nonce),
            CallFormat::Fence => fence::rules(&self.nonce),
        }
    }

    /// The word by which a model says that no call is needed.
    pub fn no_call(&self) -> String {
        format!("NO_TOOL_{}", self.nonce)
    }

    fn brackets(&self) -> (char, char) {
        match self.form {
            CallFormat::Xml | CallFormat::Json => ('<', '>'),
            CallFormat::Fence => ('[', ']'),
        }
    }
}

/// Whether parameters can be named in tags; if not, their JSON is written whole, which every reader takes too.
fn are_plain(arguments: &Map<String, Value>) -> bool {
    arguments.keys().all(|name| is_plain(name))
}

/// Whether a name can stand in a tag.
pub(crate) fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
    !name.is_empty() && name.len() <= NAME_BYTES && name.chars().all(plain)
}

/// The text of an argument: strings as they are, all else as JSON.
fn value_text(nonce: &Nonce, value: &Value) -> String {
    match value {
        Value::String(text) => words::defuse(text, nonce),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            words::defuse(&value.to_string(), nonce)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_the_same_everywhere_and_differs_between_conversations() {
        let nonce = Nonce::derive(b"secret", "a");

        assert_eq!(nonce, Nonce::derive(b"secret", "a"));
        assert_ne!(nonce, Nonce::derive(b"secret", "b"));
        assert_ne!(nonce, Nonce::derive(b"other", "a"));
        assert_eq!(nonce.as_str().len(), 8);
    }
}
