//! Tools as OpenCode declares them, and ways to feed a sieve.

use std::sync::Arc;

use latchkey_bridge::{
    catalog::Catalog,
    dialect::{CallFormat, Dialect, Nonce},
    sieve::{
        AnswerEnd, Sieve, SieveLimits,
        event::{AnswerSummary, SieveEvent},
    },
};
use serde_json::{Value, json};

/// The four tools of the cases.
pub(crate) fn tools() -> Vec<Value> {
    let tool = |name: &str, properties: Value, required: &[&str]| {
        let parameters = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "properties": properties, "required": required});
        json!({"type": "function", "function": {"name": name, "description": "Does it.", "parameters": parameters}})
    };
    let text = json!({"type": "string"});
    let number = json!({"type": "integer"});
    vec![
        tool("read", json!({"filePath": text, "offset": number, "limit": number}), &["filePath"]),
        tool("write", json!({"content": text, "filePath": text}), &["content", "filePath"]),
        tool(
            "edit",
            json!({"filePath": text, "oldString": text, "newString": text, "replaceAll": {"type": "boolean"}}),
            &["filePath", "oldString", "newString"],
        ),
        tool(
            "bash",
            json!({"command": text, "timeout": {"type": "number"}, "description": text}),
            &["command"],
        ),
    ]
}

pub(crate) fn catalog() -> Arc<Catalog> {
    Arc::new(Catalog::new(&tools()))
}

pub(crate) fn dialect(form: CallFormat) -> Dialect {
    Dialect { form, nonce: Nonce::derive(b"secret of the tests", "conversation") }
}

/// One piece of what a site says.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Reasoning(String),
}

/// All events, neighbours merged, and the summary.
pub(crate) fn sift(
    form: CallFormat,
    limits: SieveLimits,
    end: AnswerEnd,
    pieces: &[Piece],
) -> (Vec<SieveEvent>, AnswerSummary) {
    let mut sieve = Sieve::new(catalog(), &dialect(form), limits);
    let mut events = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => sieve.push_text(text, &mut events),
            Piece::Reasoning(text) => sieve.push_reasoning(text, &mut events),
        }
    }
    let summary = sieve.finish(end, &mut events);
    let merged = merge(events);
    account(&merged, &summary);
    (merged, summary)
}

pub(crate) fn whole(form: CallFormat, text: &str) -> (Vec<SieveEvent>, AnswerSummary) {
    sift(form, SieveLimits::default(), AnswerEnd::Complete, &[Piece::Text(text.to_owned())])
}

/// Every byte is accounted for, and the events say the same as the account.
fn account(events: &[SieveEvent], summary: &AnswerSummary) {
    let account = summary.account;
    assert_eq!(
        account.received,
        account.text + account.reasoning + account.markup + account.dropped,
        "{account:?}"
    );
    let size = |pick: fn(&SieveEvent) -> usize| events.iter().map(pick).sum::<usize>() as u64;
    let text = size(|event| if let SieveEvent::Text(text) = event { text.len() } else { 0 });
    let reasoning = size(|event| if let SieveEvent::Reasoning(text) = event { text.len() } else { 0 });
    let dropped = size(|event| if let SieveEvent::Dropped(size) = event { *size } else { 0 });
    assert_eq!((account.text, account.reasoning, account.dropped), (text, reasoning, dropped));
}

fn merge(events: Vec<SieveEvent>) -> Vec<SieveEvent> {
    let mut merged: Vec<SieveEvent> = Vec::new();
    for event in events {
        match (merged.last_mut(), event) {
            (Some(SieveEvent::Text(before)), SieveEvent::Text(text)) => before.push_str(&text),
            (Some(SieveEvent::Reasoning(before)), SieveEvent::Reasoning(text)) => before.push_str(&text),
            (_, event) => merged.push(event),
        }
    }
    merged
}

/// Name and arguments of all calls.
pub(crate) fn calls(events: &[SieveEvent]) -> Vec<(String, Value)> {
    let call = |event: &SieveEvent| match event {
        SieveEvent::Call(call) => Some((call.name.clone(), serde_json::from_str(&call.arguments).unwrap())),
        _ => None,
    };
    events.iter().filter_map(call).collect()
}

pub(crate) fn text(events: &[SieveEvent]) -> String {
    events
        .iter()
        .filter_map(|event| if let SieveEvent::Text(text) = event { Some(text.as_str()) } else { None })
        .collect()
}

pub(crate) fn reasoning(events: &[SieveEvent]) -> String {
    let pick =
        |event: &SieveEvent| if let SieveEvent::Reasoning(text) = event { Some(text.clone()) } else { None };
    events.iter().filter_map(pick).collect()
}

/// Splits a text into pieces whose sizes come from a seed; never inside a letter.
pub(crate) fn split(text: &str, seed: u64) -> Vec<String> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut pieces = Vec::new();
    let mut from = 0;
    while from < text.len() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let size = 1 + usize::try_from(state % (1 + seed % 61)).unwrap();
        let to = (from + size..)
            .find(|&to| to >= text.len() || text.is_char_boundary(to))
            .unwrap()
            .min(text.len());
        pieces.push(text[from..to].to_owned());
        from = to;
    }
    pieces
}
