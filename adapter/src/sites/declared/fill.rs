//! Fills placeholders in: with the prompt's words, the session's secrets, and values of the conversation.

use latchkey_shared::{
    session::Session,
    site::chat::{
        request::Request,
        text::{Name, Shape, Text},
    },
};
use secrecy::ExposeSecret;
use serde_json::Value;

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
        Self { words, session, values, tells_system: request.names(&Name::System) }
    }

    /// A text.
    ///
    /// # Errors
    /// When a name stands for nothing.
    pub(super) fn text(self, text: &Text) -> Result<String, Fault> {
        text.fill(&|name| self.value(name))
    }

    /// A path.
    ///
    /// # Errors
    /// When a name stands for nothing.
    pub(super) fn path(self, text: &Text) -> Result<String, Fault> {
        text.fill_path(&|name| self.value(name))
    }

    /// JSON.
    ///
    /// # Errors
    /// When a name stands for nothing.
    pub(super) fn shape(self, shape: &Shape) -> Result<Value, Fault> {
        shape.fill(&|name| self.value(name))
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
                name.of_session(self.session).ok_or(missing)?.expose_secret().into()
            }
        })
    }
}

/// A value inside a text: strings without their quotes.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
