//! Reads calls that are only JSON: in a fence, after Mistral's mark, or bare.
//!
//! Where no closer tells the end, only strict and whole JSON is a call.

use serde::de::IgnoredAny;

use super::block::ForeignBlock;
use crate::{
    arguments::{BlockBody, RawCall},
    dialect::words::MISTRAL,
    text::head,
};

/// How far into JSON the tool's name is looked for.
const NAME_BYTES: usize = 300;

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
        ForeignBlock::Calls { raw: found, end: text.len() }
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
pub(super) fn name(json: &str) -> Option<String> {
    let json = head(json, NAME_BYTES);
    let after = ["\"name\"", "\"tool\"", "\"tool_name\""].iter().find_map(|key| json.split_once(key))?.1;
    let value = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    value.split_once('"').map(|(name, _)| name.to_owned())
}
