//! Finds markup in old answers: a call that leaked as text is imitated later unless it is written anew.

use std::sync::Arc;

use serde_json::Map;

use super::{
    Note,
    history::{Asked, Entry},
};
use crate::{
    catalog::Catalog,
    dialect::{Dialect, words},
    sieve::{End, Limits, Sieve, event::Event},
};

/// What a leaked call is answered with: nobody made it.
const NOT_MADE: &str = "This call was not made: it was not in the form that was asked for.";

/// Takes calls out of old texts and makes the rest harmless.
pub(super) fn mend(
    entries: Vec<Entry>,
    catalog: &Arc<Catalog>,
    dialect: &Dialect,
    notes: &mut Vec<Note>,
) -> Vec<Entry> {
    let mut mended = Vec::new();
    for entry in entries {
        match entry {
            Entry::Assistant { text, calls } if calls.is_empty() => {
                reread(&text, catalog, dialect, notes, &mut mended);
            }
            Entry::Assistant { text, calls } => {
                mended.push(Entry::Assistant { text: harmless(&text, dialect, notes), calls });
            }
            Entry::System(_) | Entry::User(_) | Entry::Result { .. } => mended.push(entry),
        }
    }
    mended
}

/// Reads an old text as the sieve would have.
fn reread(
    text: &str,
    catalog: &Arc<Catalog>,
    dialect: &Dialect,
    notes: &mut Vec<Note>,
    mended: &mut Vec<Entry>,
) {
    let mut events = Vec::new();
    let mut sieve = Sieve::new(catalog.clone(), dialect, Limits::default());
    sieve.push_text(text, &mut events);
    sieve.finish(End::Complete, &mut events);
    if !events.iter().any(|event| matches!(event, Event::Call(_))) {
        mended.push(Entry::Assistant { text: harmless(text, dialect, notes), calls: Vec::new() });
        return;
    }
    notes.push(Note::Leak);
    let mut said = String::new();
    let mut calls = Vec::new();
    for event in events {
        match event {
            Event::Text(text) => said.push_str(&words::defuse(&text, &dialect.nonce)),
            Event::Call(call) => {
                let id = format!("leaked {} {}", mended.len(), calls.len());
                let arguments = serde_json::from_str(&call.arguments).unwrap_or_else(|_| Map::new());
                calls.push(Asked { id, name: call.name, arguments });
            }
            Event::Invalid(invalid) => said.push_str(&words::defuse(&invalid.raw, &dialect.nonce)),
            Event::Truncated(truncated) => said.push_str(&words::defuse(&truncated.raw, &dialect.nonce)),
            // Old thinking is not repeated; what followed a call was invented.
            Event::Reasoning(_) | Event::Dropped(_) => {}
        }
    }
    let results: Vec<Entry> =
        calls.iter().map(|call| Entry::Result { id: call.id.clone(), text: NOT_MADE.to_owned() }).collect();
    mended.push(Entry::Assistant { text: said, calls });
    mended.extend(results);
}

fn harmless(text: &str, dialect: &Dialect, notes: &mut Vec<Note>) -> String {
    let defused = words::defuse(text, &dialect.nonce);
    if defused.len() != text.len() {
        notes.push(Note::Leak);
    }
    defused
}
