//! Fills placeholders in: with the prompt's words, the session's secrets, and values of the conversation.

use latchkey_shared::{
    session::Session,
    site::chat::{
        request::RequestTemplate,
        text::{JsonTemplate, TextTemplate, VariableName},
    },
};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::variables::PromptVariables;
use crate::stream::{delta::Captures, fault::Fault};

/// What placeholders stand for. Its texts may hold secrets of the session.
#[derive(Clone, Copy)]
pub(super) struct PlaceholderValues<'a> {
    pub(super) variables: Option<&'a PromptVariables>,
    pub(super) session: &'a Session,
    pub(super) captures: &'a Captures,
    /// Whether the instructions are told apart from the prompt.
    pub(super) tells_system: bool,
}

const UNKNOWN: Fault = Fault::Unreadable("a value that the site file names is not known");

impl<'a> PlaceholderValues<'a> {
    /// For one request.
    pub(super) fn new(
        request: &RequestTemplate,
        variables: Option<&'a PromptVariables>,
        session: &'a Session,
        captures: &'a Captures,
    ) -> Self {
        Self { variables, session, captures, tells_system: request.names(&VariableName::System) }
    }

    /// A text.
    ///
    /// # Errors
    /// When a name stands for nothing.
    pub(super) fn text(self, text: &TextTemplate) -> Result<String, Fault> {
        text.fill(&|name| self.value(name))
    }

    /// A path.
    ///
    /// # Errors
    /// When a name stands for nothing.
    pub(super) fn path(self, text: &TextTemplate) -> Result<String, Fault> {
        text.fill_path(&|name| self.value(name))
    }

    /// JSON.
    ///
    /// # Errors
    /// When a name stands for nothing.
    pub(super) fn shape(self, shape: &JsonTemplate) -> Result<Value, Fault> {
        shape.fill(&|name| self.value(name))
    }

    fn value(self, name: &VariableName) -> Result<Value, Fault> {
        let words = || self.variables.ok_or(UNKNOWN);
        Ok(match name {
            VariableName::Prompt => words()?.prompt(!self.tells_system).into(),
            VariableName::Messages => words()?.messages(!self.tells_system),
            VariableName::System => words()?.system().into(),
            VariableName::Model => words()?.model().into(),
            VariableName::Effort => words()?.effort().clone(),
            VariableName::Null => Value::Null,
            VariableName::Value(name) => self.captures.get(name).ok_or(UNKNOWN)?.clone(),
            VariableName::Bearer
            | VariableName::Cookie(_)
            | VariableName::LocalStorage(_)
            | VariableName::SessionStorage(_) => {
                let missing = Fault::Unreadable("the session lacks what the site file names");
                self.session.value_of(name).ok_or(missing)?.expose_secret().into()
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
