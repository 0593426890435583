//! Whether an event is one that a site file means.

use std::borrow::Cow;

use latchkey_shared::site::chat::{
    stream::event::{Expected, Match},
    text::{Name, Piece, Text},
};
use serde_json::Value;

use super::fill::written;
use crate::stream::{delta::Values, sse::Event};

/// An event, and its data as JSON if it is that.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) event: &'a Event<'a>,
    pub(super) data: &'a str,
    pub(super) json: Option<&'a Value>,
}

/// Whether all that is given holds.
pub(super) fn fits(on: &Match, seen: Seen<'_>, values: &Values) -> bool {
    let Seen { event, data, json } = seen;
    let at = |pointer: &str| json.and_then(|json| json.pointer(pointer));
    let name =
        || if event.name.is_empty() { Cow::Borrowed("message") } else { String::from_utf8_lossy(event.name) };
    on.event.as_ref().is_none_or(|expected| name() == *expected)
        && on.data.as_ref().is_none_or(|expected| data.trim() == *expected)
        && on.when.iter().all(|(pointer, expected)| is_as(expected, at(pointer), values))
        && on.has.iter().all(|pointer| at(pointer).is_some_and(|value| !value.is_null()))
        && on.contains.as_ref().is_none_or(|part| data.to_lowercase().contains(&part.to_lowercase()))
}

fn is_as(expected: &Expected, found: Option<&Value>, values: &Values) -> bool {
    let Some(found) = found else { return false };
    match expected {
        Expected::Is(value) => found == value,
        // What is not known yet equals nothing.
        Expected::Text(text) => match text.whole_name() {
            Some(Name::Value(name)) => values.get(name) == Some(found),
            _ => filled(text, values).is_some_and(|text| found.as_str() == Some(&text)),
        },
    }
}

fn filled(text: &Text, values: &Values) -> Option<String> {
    let piece = |piece: &Piece| match piece {
        Piece::Plain(plain) => Some(plain.clone()),
        Piece::Named(Name::Value(name)) => values.get(name).map(written),
        Piece::Named(_) => None,
    };
    text.0.iter().map(piece).collect()
}
