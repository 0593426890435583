//! Whether an event is one that a site file means.

use std::borrow::Cow;

use latchkey_shared::site::chat::{
    stream::event::{EventMatch, ExpectedValue},
    text::{TextPiece, TextTemplate, VariableName},
};
use serde_json::Value;

use super::fill::written;
use crate::stream::{delta::Captures, sse::SseEvent};

/// An event, and its data as JSON if it is that.
#[derive(Clone, Copy)]
pub(super) struct SiteEvent<'a> {
    pub(super) event: &'a SseEvent<'a>,
    pub(super) data: &'a str,
    pub(super) json: Option<&'a Value>,
}

/// Whether all that is given holds.
pub(super) fn fits(on: &EventMatch, seen: SiteEvent<'_>, captures: &Captures) -> bool {
    let SiteEvent { event, data, json } = seen;
    let at = |pointer: &str| json.and_then(|json| json.pointer(pointer));
    let name =
        || if event.name.is_empty() { Cow::Borrowed("message") } else { String::from_utf8_lossy(event.name) };
    on.event.as_ref().is_none_or(|expected| name() == *expected)
        && on.data.as_ref().is_none_or(|expected| data.trim() == *expected)
        && on.when.iter().all(|(pointer, expected)| is_as(expected, at(pointer), captures))
        && on.has.iter().all(|pointer| at(pointer).is_some_and(|value| !value.is_null()))
        && on.contains.as_ref().is_none_or(|part| data.to_lowercase().contains(&part.to_lowercase()))
}

fn is_as(expected: &ExpectedValue, found: Option<&Value>, captures: &Captures) -> bool {
    let Some(found) = found else { return false };
    match expected {
        ExpectedValue::Is(value) => found == value,
        // What is not known yet equals nothing.
        ExpectedValue::Text(text) => match text.whole_name() {
            Some(VariableName::Value(name)) => captures.get(name) == Some(found),
            _ => filled(text, captures).is_some_and(|text| found.as_str() == Some(&text)),
        },
    }
}

fn filled(text: &TextTemplate, captures: &Captures) -> Option<String> {
    let piece = |piece: &TextPiece| match piece {
        TextPiece::Plain(plain) => Some(plain.clone()),
        TextPiece::Named(VariableName::Value(name)) => captures.get(name).map(written),
        TextPiece::Named(_) => None,
    };
    text.0.iter().map(piece).collect()
}
