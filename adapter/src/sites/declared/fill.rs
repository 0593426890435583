//! Fills placeholders in: with the prompt's words, the session's secrets, and values of the conversation.

use std::fmt::Write;

use latchkey_shared::{
    session::Session,
    site::chat::{
        request::{Body, Request},
        text::{Name, Piece, Shape, Text},
    },
};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::words::Words;
use crate::stream::{delta::Values, fault::Fault};

/// What placeholders stand for. Its texts may hold secrets of the session.
#[derive(Clone, Copy)]
pub(super) struct Fill<'a> {
    pub(super) words: Option<&'a Words>,
    pub(super) session: &'a Session,
    pub(super) values: &'a Values,
    /// Whether the instructions are told apart from the prompt.
    pub(super) tells_system: bool,
}

const UNKNOWN: Fault = Fault::Unreadable("a value that the site file names is not known");

impl<'a> Fill<'a> {
    /// For one request.
    pub(super) fn new(
        request: &Request,
        words: Option<&'a Words>,
        session: &'a Session,
        values: &'a Values,
    ) -> Self {
        let named = |text: &Text| text.names(&Name::System);
        let tells_system = match &request.body {
            Body::None => false,
            Body::Json(shape) => shape.names(&Name::System),
            Body::Form(fields) | Body::Multipart(fields) => fields.iter().any(|(_, text)| named(text)),
        };
        let tells_system = tells_system || named(&request.path) || request.headers.values().any(named);
        Self { words, session, values, tells_system }
    }

    /// A text.
    ///
    /// # Errors
    /// When a name stands for nothing.
    pub(super) fn text(self, text: &Text) -> Result<String, Fault> {
        let mut out = String::new();
        for piece in &text.0 {
            match piece {
                Piece::Plain(plain) => out.push_str(plain),
                Piece::Named(name) => out.push_str(&written(&self.value(name)?)),
            }
        }
        Ok(out)
    }

    /// A path: what is filled in is percent-encoded, and so cannot lead elsewhere.
    ///
    /// # Errors
    /// When a name stands for nothing.
    pub(super) fn path(self, text: &Text) -> Result<String, Fault> {
        let mut out = String::new();
        for piece in &text.0 {
            match piece {
                Piece::Plain(plain) => out.push_str(plain),
                Piece::Named(name) => encode(&written(&self.value(name)?), &mut out),
            }
        }
        Ok(out)
    }

    /// JSON.
    ///
    /// # Errors
    /// When a name stands for nothing.
    pub(super) fn shape(self, shape: &Shape) -> Result<Value, Fault> {
        Ok(match shape {
            Shape::Plain(value) => value.clone(),
            Shape::Text(text) => match text.whole_name() {
                Some(name) => self.value(name)?,
                None => self.text(text)?.into(),
            },
            Shape::List(items) => items.iter().map(|item| self.shape(item)).collect::<Result<_, _>>()?,
            Shape::Fields(fields) => {
                let field = |(key, shape): &(String, Shape)| Ok((key.clone(), self.shape(shape)?));
                Value::Object(fields.iter().map(field).collect::<Result<Map<_, _>, Fault>>()?)
            }
        })
    }

    fn value(self, name: &Name) -> Result<Value, Fault> {
        let words = || self.words.ok_or(UNKNOWN);
        Ok(match name {
            Name::Prompt => words()?.prompt(!self.tells_system).into(),
            Name::Messages => words()?.messages(!self.tells_system),
            Name::System => words()?.system().into(),
            Name::Model => words()?.model().into(),
            Name::Null => Value::Null,
            Name::Value(name) => self.values.get(name).ok_or(UNKNOWN)?.clone(),
            Name::Bearer | Name::Cookie(_) | Name::LocalStorage(_) | Name::SessionStorage(_) => {
                let missing = Fault::Unreadable("the session lacks what the site file names");
                self.of_session(name).ok_or(missing)?.into()
            }
        })
    }

    fn of_session(self, name: &Name) -> Option<&'a str> {
        let Session { cookies, bearer, local_storage, session_storage, .. } = self.session;
        let secret = match name {
            Name::Bearer => bearer.as_ref(),
            Name::Cookie(name) => {
                cookies.iter().find(|cookie| cookie.name == *name).map(|cookie| &cookie.value)
            }
            Name::LocalStorage(key) => local_storage.get(key),
            Name::SessionStorage(key) => session_storage.get(key),
            Name::Prompt | Name::Messages | Name::System | Name::Model | Name::Null | Name::Value(_) => None,
        };
        secret.map(|secret| secret.expose_secret())
    }
}

/// A value inside a text: strings without their quotes.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986, section 2.3).
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            other => write!(out, "%{other:02X}").expect("a string takes all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_into_a_path_cannot_lead_elsewhere() {
        let mut out = String::new();
        encode("a b/ü?#%", &mut out);

        assert_eq!(out, "a%20b%2F%C3%BC%3F%23%25");
    }
}
