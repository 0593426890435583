//! Reads calls that are only JSON: in a fence, after Mistral's mark, or bare.
//!
//! Where no closer tells the end, only strict and whole JSON is a call.

use serde::de::IgnoredAny;

use super::{ForeignBlock, read};
use crate::{
    arguments::{BlockBody, RawCall},
    dialect::{tag::Lexicon, words::MISTRAL},
    text::head,
};

/// How far into JSON the tool's name is looked for.
const NAME_BYTES: usize = 300;

/// Reads an answer that is one fence.
pub(super) fn fence(text: &str, lexicon: &Lexicon) -> ForeignBlock {
    let Some((inner, rest)) = split_fence(text) else {
        let inner = text.split_once('\n').map_or("", |(_, inner)| inner);
        return ForeignBlock::Open { name: name(inner) };
    };
    if !rest.trim().is_empty() {
        return ForeignBlock::Text;
    }
    let inner = inner.trim();
    if inner.starts_with('{') || (inner.starts_with('[') && is_json(inner)) {
        return ForeignBlock::Weak(vec![RawCall { name: None, body: BlockBody::Calls(inner.to_owned()) }]);
    }
    // A fence in a fence shows something; and to follow them down would take a stack as deep as they are.
    if inner.starts_with(['`', '~']) {
        return ForeignBlock::Text;
    }
    match read(inner, lexicon) {
        ForeignBlock::Calls { found, end } if inner[end..].trim().is_empty() => match lexicon.marks(inner) {
            true => ForeignBlock::Calls { found, end: text.len() },
            // One that does not fit is more likely an example.
            false => ForeignBlock::Weak(found),
        },
        ForeignBlock::Calls { .. }
        | ForeignBlock::Weak(_)
        | ForeignBlock::Doubtful
        | ForeignBlock::Open { .. }
        | ForeignBlock::Text => ForeignBlock::Text,
    }
}

/// Takes a fence away, if there is one around all of a text.
pub(crate) fn unfence(text: &str) -> &str {
    match split_fence(text) {
        Some((inner, rest))
            if (text.starts_with("```") || text.starts_with("~~~")) && rest.trim().is_empty() =>
        {
            inner.trim()
        }
        Some(_) | None => text,
    }
}

/// The inside of a fence, and what follows its last line of marks.
fn split_fence(text: &str) -> Option<(&str, &str)> {
    let mark = text.get(..1)?;
    let size = text.len() - text.trim_start_matches(mark).len();
    let from = text.find('\n')? + 1;
    let fence = &text[..size];
    let mut end = None;
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        if line.trim_start().starts_with(fence) && line.trim().trim_matches(mark.chars().next()?).is_empty() {
            end = Some((at, at + line.len()));
        }
        at += line.len();
    }
    end.map(|(at, after)| (&text[from..at], &text[after..]))
}

/// Reads Mistral's mark and what follows: a list, or names with arguments.
pub(super) fn mistral(text: &str) -> ForeignBlock {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.trim_start().strip_prefix(MISTRAL) {
        let after = after.trim_start();
        let (name, json) = if after.starts_with(['[', '{']) {
            (None, after)
        } else {
            let Some(at) = after.find('{') else { return ForeignBlock::Open { name: None } };
            let head = &after[..at];
            (Some(head.split('[').next().unwrap_or(head).trim().to_owned()), &after[at..])
        };
        let Some(size) = json_size(json) else { return ForeignBlock::Open { name } };
        let body = json[..size].to_owned();
        found.push(RawCall {
            body: if name.is_some() { BlockBody::Arguments(body) } else { BlockBody::Calls(body) },
            name,
        });
        rest = &json[size..];
    }
    let rest = rest.trim_start().trim_start_matches("</s>");
    if rest.trim().is_empty() {
        ForeignBlock::Calls { found, end: text.len() }
    } else {
        ForeignBlock::Doubtful
    }
}

/// Reads an answer that is JSON and nothing else.
pub(super) fn bare(text: &str) -> ForeignBlock {
    if is_json(text.trim()) {
        return ForeignBlock::Weak(vec![RawCall {
            name: None,
            body: BlockBody::Calls(text.trim().to_owned()),
        }]);
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) if error.is_eof() => ForeignBlock::Open { name: name(text) },
        Ok(_) | Err(_) => ForeignBlock::Text,
    }
}

/// Whether a text is one whole JSON value.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// How long the JSON value at the beginning of a text is.
fn json_size(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

/// How long the whole JSON values are with which a text begins: one after another, with commas or without.
pub(super) fn values_size(text: &str) -> Option<usize> {
    let mut size = json_size(text)?;
    loop {
        let rest = text[size..].trim_start();
        let rest = rest.strip_prefix(',').map_or(rest, str::trim_start);
        match json_size(rest).filter(|_| rest.starts_with('{')) {
            Some(more) => size = text.len() - rest.len() + more,
            None => return Some(size),
        }
    }
}

/// The tool's name in the beginning of JSON that is not whole.
fn name(json: &str) -> Option<String> {
    let json = head(json, NAME_BYTES);
    let after = ["\"name\"", "\"tool\"", "\"tool_name\""].iter().find_map(|key| json.split_once(key))?.1;
    let value = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    value.split_once('"').map(|(name, _)| name.to_owned())
}
