//! Finds markup in old answers: a call that leaked as text is imitated later unless it is written anew.

use std::sync::Arc;

use serde_json::Map;

use super::{
    history::{HistoryEntry, PastCall},
    prompt::RenderNote,
};
use crate::{
    catalog::Catalog,
    dialect::{Dialect, look_alike},
    sieve::{AnswerEnd, Sieve, SieveLimits, event::SieveEvent},
};

/// What a leaked call is answered with: nobody made it.
const NOT_MADE: &str = "This call was not made: it was not in the form that was asked for.";

/// Takes calls out of old texts and makes the rest harmless.
pub(super) fn mend(
    entries: Vec<HistoryEntry>,
    catalog: &Arc<Catalog>,
    dialect: &Dialect,
    notes: &mut Vec<RenderNote>,
) -> Vec<HistoryEntry> {
    let mut mended = Vec::new();
    for entry in entries {
        match entry {
            HistoryEntry::Assistant { text, calls } if calls.is_empty() => {
                reread(&text, catalog, dialect, notes, &mut mended);
            }
            HistoryEntry::Assistant { text, calls } => {
                mended.push(HistoryEntry::Assistant { text: harmless(&text, dialect, notes), calls });
            }
            HistoryEntry::System(_) | HistoryEntry::User(_) | HistoryEntry::Result { .. } => {
                mended.push(entry);
            }
        }
    }
    mended
}

/// Reads an old text as the sieve would have.
fn reread(
    text: &str,
    catalog: &Arc<Catalog>,
    dialect: &Dialect,
    notes: &mut Vec<RenderNote>,
    mended: &mut Vec<HistoryEntry>,
) {
    let mut events = Vec::new();
    let mut sieve = Sieve::new(catalog.clone(), dialect, SieveLimits::default());
    sieve.push_text(text, &mut events);
    sieve.finish(AnswerEnd::Complete, &mut events);
    if !events.iter().any(|event| matches!(event, SieveEvent::Call(_))) {
        mended.push(HistoryEntry::Assistant { text: harmless(text, dialect, notes), calls: Vec::new() });
        return;
    }
    notes.push(RenderNote::Leak);
    let mut said = String::new();
    let mut calls = Vec::new();
    for event in events {
        match event {
            SieveEvent::Text(text) => said.push_str(&look_alike::defuse(&text, &dialect.nonce)),
            SieveEvent::Call(call) => {
                let id = format!("leaked {} {}", mended.len(), calls.len());
                let arguments = serde_json::from_str(&call.arguments).unwrap_or_else(|_| Map::new());
                calls.push(PastCall { id, name: call.name, arguments });
            }
            SieveEvent::Invalid(invalid) => said.push_str(&look_alike::defuse(&invalid.raw, &dialect.nonce)),
            SieveEvent::Truncated(truncated) => {
                said.push_str(&look_alike::defuse(&truncated.raw, &dialect.nonce));
            }
            // Old thinking is not repeated; what followed a call was invented.
            SieveEvent::Reasoning(_) | SieveEvent::Dropped(_) => {}
        }
    }
    let results: Vec<HistoryEntry> = calls
        .iter()
        .map(|call| HistoryEntry::Result { id: call.id.clone(), text: NOT_MADE.to_owned() })
        .collect();
    mended.push(HistoryEntry::Assistant { text: said, calls });
    mended.extend(results);
}

fn harmless(text: &str, dialect: &Dialect, notes: &mut Vec<RenderNote>) -> String {
    let defused = look_alike::defuse(text, &dialect.nonce);
    if defused.len() != text.len() {
        notes.push(RenderNote::Leak);
    }
    defused
}
