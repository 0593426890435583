//! Which events are meant: by name, by what they hold, by values of the conversation.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::site::{
    SiteFileError,
    chat::text::{Name, Piece, Text},
    file::is_pointer,
    mistake::Source,
};

/// Which events are meant; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Match {
    /// The event's name; in SSE `message` where it has none.
    pub event: Option<String>,
    /// Its data, as it stands.
    pub data: Option<String>,
    /// JSON pointers and what must be there.
    pub when: BTreeMap<String, Expected>,
    /// JSON pointers where something other than null must be.
    pub has: Vec<String>,
    /// What its data must contain, whatever the case.
    pub contains: Option<String>,
}

/// What must be somewhere in an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// This.
    Is(Value),
    /// What a text with placeholders comes to; only values of the conversation are in it.
    Text(Text),
}

/// The keys as they stand in the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::site::chat) struct RawMatch {
    pub(super) event: Option<String>,
    pub(super) data: Option<String>,
    #[serde(default)]
    pub(super) when: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) has: Vec<String>,
    pub(super) contains: Option<String>,
}

/// Checks what stands in `list`, in a table that begins at `at`.
///
/// # Errors
/// Its first mistake.
pub(in crate::site::chat) fn check(
    source: &Source<'_>,
    list: &str,
    at: usize,
    raw: RawMatch,
    known: &BTreeSet<String>,
) -> Result<Match, SiteFileError> {
    let RawMatch { event, data, when, has, contains } = raw;
    if let Some(bad) = when.keys().chain(&has).find(|pointer| !is_pointer(pointer)) {
        let message = format!("{list}: {bad:?} is no JSON pointer: it starts with /");
        return Err(source.mistake_near(at, bad, message));
    }
    let expected = |(pointer, value)| match expected(value, known) {
        Ok(expected) => Ok((pointer, expected)),
        Err((text, why)) => Err(source.mistake_near(at, &text, format!("{list}.when: {why}"))),
    };
    let when = when.into_iter().map(expected).collect::<Result<_, _>>()?;
    Ok(Match { event, data, when, has, contains })
}

fn expected(value: Value, known: &BTreeSet<String>) -> Result<Expected, (String, String)> {
    let Value::String(text) = value else { return Ok(Expected::Is(value)) };
    let parsed = match Text::parse(&text, known) {
        Ok(parsed) => parsed,
        Err(why) => return Err((text, why)),
    };
    match parsed.0.as_slice() {
        [] => Ok(Expected::Is(Value::String(text))),
        [Piece::Plain(plain)] => Ok(Expected::Is(plain.as_str().into())),
        pieces if pieces.iter().all(is_of_the_conversation) => Ok(Expected::Text(parsed)),
        _ => Err((text, "only values that are minted or taken may be compared".to_owned())),
    }
}

fn is_of_the_conversation(piece: &Piece) -> bool {
    matches!(piece, Piece::Plain(_) | Piece::Named(Name::Value(_)))
}
