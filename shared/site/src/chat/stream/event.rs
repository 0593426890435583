//! Which events are meant: by name, by what they hold, by values of the conversation.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    SiteFileDiagnostic,
    chat::text::{TextPiece, TextTemplate, VariableName},
    mistake::SiteFileSource,
    pointer::is_pointer,
};

/// Which events are meant; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventMatch {
    /// The event's name; in SSE `message` where it has none.
    pub event: Option<String>,
    /// Its data, as it stands.
    pub data: Option<String>,
    /// JSON pointers and what must be there.
    pub when: BTreeMap<String, ExpectedValue>,
    /// JSON pointers where something other than null must be.
    pub has: Vec<String>,
    /// What its data must contain, whatever the case.
    pub contains: Option<String>,
}

/// What must be somewhere in an event.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectedValue {
    /// This.
    Is(Value),
    /// What a text with placeholders comes to; only values of the conversation are in it.
    Text(TextTemplate),
}

/// The keys as they stand in the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::chat) struct RawMatch {
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
pub(in crate::chat) fn check(
    source: &SiteFileSource<'_>,
    list: &str,
    at: usize,
    raw: RawMatch,
    known: &BTreeSet<String>,
) -> Result<EventMatch, SiteFileDiagnostic> {
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
    Ok(EventMatch { event, data, when, has, contains })
}

fn expected(value: Value, known: &BTreeSet<String>) -> Result<ExpectedValue, (String, String)> {
    let Value::String(text) = value else { return Ok(ExpectedValue::Is(value)) };
    let parsed = match TextTemplate::parse(&text, known) {
        Ok(parsed) => parsed,
        Err(why) => return Err((text, why)),
    };
    match parsed.0.as_slice() {
        [] => Ok(ExpectedValue::Is(Value::String(text))),
        [TextPiece::Plain(plain)] => Ok(ExpectedValue::Is(plain.as_str().into())),
        pieces if pieces.iter().all(is_of_the_conversation) => Ok(ExpectedValue::Text(parsed)),
        _ => Err((text, "only values that are minted or taken may be compared".to_owned())),
    }
}

fn is_of_the_conversation(piece: &TextPiece) -> bool {
    matches!(piece, TextPiece::Plain(_) | TextPiece::Named(VariableName::Value(_)))
}
