//! What reached the site's model, and how it may call tools: natively, or written out.

use serde_json::{Value, json};
use support::model::Reply;

use crate::opencode::{
    ask::{Ask, RequestedStep},
    dialect::Dialect,
};

/// One request to the model.
pub(crate) struct ModelRequest {
    /// Results of calls that it shows.
    pub(crate) results: usize,
    /// Whether it corrects what the model said before.
    pub(crate) again: bool,
    dialect: Option<Dialect>,
}

impl ModelRequest {
    pub(crate) fn read(request: &Value) -> Self {
        if let Some(ask) = Ask::read(request) {
            let again =
                matches!(ask.step, RequestedStep::Correct | RequestedStep::Continue | RequestedStep::Act);
            return Self { results: ask.results, again, dialect: Some(ask.dialect) };
        }
        let messages = request["messages"].as_array().unwrap();
        let results = messages.iter().filter(|message| message["role"] == "tool").count();
        Self { results, again: false, dialect: None }
    }

    /// Whether the site takes tools.
    pub(crate) fn is_native(&self) -> bool {
        self.dialect.is_none()
    }

    /// An answer that makes calls.
    pub(crate) fn call(&self, calls: &[(&str, Value)]) -> Reply {
        match &self.dialect {
            Some(dialect) => pieces(&format!("I write.\n\n{}", dialect.calls(calls))),
            None => calls.iter().enumerate().fold(Reply::new(), |reply, (index, (name, arguments))| {
                let index = u32::try_from(index).unwrap();
                reply.tool_call(index, &format!("call_{index}"), name, &arguments.to_string())
            }),
        }
    }

    /// The text of calls, where they are written out.
    pub(crate) fn written(&self, calls: &[(&str, Value)]) -> String {
        let of_text = |dialect: &Dialect| dialect.calls(calls);
        self.dialect.as_ref().map_or_else(|| json!(calls).to_string(), of_text)
    }
}

/// A text as it streams.
pub(crate) fn pieces(text: &str) -> Reply {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(9).fold(Reply::new(), |reply, piece| reply.piece(&piece.iter().collect::<String>()))
}
