//! Text with placeholders, and JSON of such texts, as drivers declare what they send.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::nearest::nearest;

/// The name of the list of uploads: `{uploads}`.
pub const UPLOADS: &str = "uploads";
/// The name of a file's content: `{file}`.
pub const FILE: &str = "file";
/// What else an upload may say of its file: `{file.name}`, `{file.type}` (its media type), `{file.size}` (in bytes).
pub const ABOUT_FILE: [&str; 3] = ["file.name", "file.type", "file.size"];

/// Text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTemplate(pub Vec<TextPiece>);

/// A piece of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPiece {
    /// As it stands.
    Plain(String),
    /// What a name stands for.
    Named(VariableName),
}

/// What a placeholder may stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableName {
    /// `{prompt}`: what is said, as one text; where the conversation is gone on with, only what is new in it.
    Prompt,
    /// `{messages}`: the same as a list of `{"role", "content"}`; only as a whole JSON value.
    Messages,
    /// `{system}`: the client's instructions. Where nothing names it, they begin the prompt.
    System,
    /// `{model}`: the model as the site knows it.
    Model,
    /// `{effort}`: how much the model is to think, or null; only as a whole JSON value.
    Effort,
    /// `{null}`: JSON's null, which TOML has not; only as a whole JSON value.
    Null,
    /// `{bearer}`: the session's bearer.
    Bearer,
    /// `{cookie.NAME}`: a cookie of the session.
    Cookie(String),
    /// `{local_storage.KEY}`: an item of the session.
    LocalStorage(String),
    /// `{session_storage.KEY}`: an item of the session.
    SessionStorage(String),
    /// `{NAME}`: minted, taken or kept.
    Value(String),
}

/// JSON whose strings are texts with placeholders. A string that is one placeholder becomes what that stands for,
/// with its type.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonTemplate {
    /// A number, true or false.
    Plain(Value),
    /// A string.
    Text(TextTemplate),
    /// An array.
    List(Vec<JsonTemplate>),
    /// An object.
    Fields(Vec<(String, JsonTemplate)>),
}

const FIXED: [(&str, VariableName); 7] = [
    ("prompt", VariableName::Prompt),
    ("messages", VariableName::Messages),
    ("system", VariableName::System),
    ("model", VariableName::Model),
    ("effort", VariableName::Effort),
    ("null", VariableName::Null),
    ("bearer", VariableName::Bearer),
];

impl TextTemplate {
    /// Finds the placeholders; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// What is wrong, with the nearest known name.
    pub fn parse(text: &str, values: &BTreeSet<String>) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let tail = &rest[at..];
            if let Some(after) = tail.strip_prefix("{{").or_else(|| tail.strip_prefix("}}")) {
                plain.push_str(&tail[..1]);
                rest = after;
                continue;
            }
            let name = tail.strip_prefix('{').and_then(|tail| tail.split_once('}'));
            let Some((name, after)) = name else {
                let brace = &tail[..1];
                return Err(format!(
                    "a lone `{brace}` in {text:?}; write `{brace}{brace}` for the character"
                ));
            };
            if !plain.is_empty() {
                pieces.push(TextPiece::Plain(std::mem::take(&mut plain)));
            }
            pieces.push(TextPiece::Named(VariableName::parse(name, values)?));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(TextPiece::Plain(plain));
        }
        Ok(Self(pieces))
    }

    /// The name that is the whole text, if it is one.
    #[must_use]
    pub fn whole_name(&self) -> Option<&VariableName> {
        match self.0.as_slice() {
            [TextPiece::Named(name)] => Some(name),
            _ => None,
        }
    }

    /// Whether a name is in it.
    #[must_use]
    pub fn names(&self, name: &VariableName) -> bool {
        self.0.iter().any(|piece| matches!(piece, TextPiece::Named(named) if named == name))
    }
}

impl VariableName {
    fn parse(name: &str, values: &BTreeSet<String>) -> Result<Self, String> {
        if let Some((_, fixed)) = FIXED.iter().find(|(spelling, _)| *spelling == name) {
            return Ok(fixed.clone());
        }
        let of_session = name.split_once('.').filter(|(_, key)| !key.is_empty());
        match of_session {
            Some(("cookie", key)) => Ok(Self::Cookie(key.to_owned())),
            Some(("local_storage", key)) => Ok(Self::LocalStorage(key.to_owned())),
            Some(("session_storage", key)) => Ok(Self::SessionStorage(key.to_owned())),
            _ if values.contains(name) => Ok(Self::Value(name.to_owned())),
            _ => Err(unknown_placeholder(name, values)),
        }
    }
}

impl JsonTemplate {
    /// Reads a JSON value whose strings are texts.
    ///
    /// # Errors
    /// The faulty string and what is wrong with it.
    pub fn parse(value: Value, values: &BTreeSet<String>) -> Result<Self, (String, String)> {
        Ok(match value {
            Value::String(text) => Self::Text(TextTemplate::parse(&text, values).map_err(|why| (text, why))?),
            Value::Array(items) => {
                Self::List(items.into_iter().map(|item| Self::parse(item, values)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let field = |(key, value)| Self::parse(value, values).map(|shape| (key, shape));
                Self::Fields(fields.into_iter().map(field).collect::<Result<_, _>>()?)
            }
            plain => Self::Plain(plain),
        })
    }

    /// Whether a name is anywhere in it.
    #[must_use]
    pub fn names(&self, name: &VariableName) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Text(text) => text.names(name),
            Self::List(items) => items.iter().any(|item| item.names(name)),
            Self::Fields(fields) => fields.iter().any(|(_, value)| value.names(name)),
        }
    }
}

fn unknown_placeholder(name: &str, values: &BTreeSet<String>) -> String {
    if name == UPLOADS {
        return "{uploads} is known only to the chat's requests and steps, and where a table [chat.upload] says how \
                files are uploaded"
            .to_owned();
    }
    if name == FILE || ABOUT_FILE.contains(&name) {
        return format!(
            "{{{name}}} is known only to [[chat.upload.requests]]; the chat itself names {{uploads}}"
        );
    }
    let candidates = FIXED.iter().map(|(name, _)| *name).chain(values.iter().map(String::as_str));
    match nearest(name, candidates) {
        Some(near) => format!("unknown placeholder {{{name}}}; did you mean {{{near}}}?"),
        None => format!(
            "unknown placeholder {{{name}}}, expected {{prompt}}, {{messages}}, {{system}}, {{model}}, {{effort}}, \
             {{null}}, {{bearer}}, {{cookie.NAME}}, {{local_storage.KEY}}, {{session_storage.KEY}}, or a value that is minted \
             or taken before"
        ),
    }
}

pub(super) fn unknown_value(name: &str, values: &BTreeSet<String>) -> String {
    match nearest(name, values.iter().map(String::as_str)) {
        Some(near) => format!("nothing mints or takes `{name}`; did you mean `{near}`?"),
        None => format!("nothing mints or takes `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TextTemplate, String> {
        TextTemplate::parse(text, &BTreeSet::from(["event_id".to_owned()]))
    }

    #[test]
    fn placeholders_and_braces_are_told_apart() {
        let plain = |text: &str| TextPiece::Plain(text.to_owned());
        let value = TextPiece::Named(VariableName::Value("event_id".to_owned()));

        assert_eq!(parse("a{event_id}b{{c}}").unwrap().0, [plain("a"), value, plain("b{c}")]);
        let cookie = VariableName::Cookie("XSRF-TOKEN".to_owned());
        assert_eq!(parse("{cookie.XSRF-TOKEN}").unwrap().whole_name(), Some(&cookie));
    }

    #[test]
    fn a_mistake_is_told_with_what_was_meant() {
        assert_eq!(parse("{promt}").unwrap_err(), "unknown placeholder {promt}; did you mean {prompt}?");
        assert_eq!(parse("{event}").unwrap_err(), "unknown placeholder {event}; did you mean {event_id}?");
        assert_eq!(parse("a { b").unwrap_err(), "a lone `{` in \"a { b\"; write `{{` for the character");
        assert!(parse("{qqq}").unwrap_err().contains("expected {prompt}"));
    }
}
