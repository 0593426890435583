//! Makes a prompt fit: the oldest results are cut in the middle, then the arguments of the oldest calls, and say so.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    prompt::{PromptTooLong, RenderNote},
    script::{Transcript, TranscriptPart},
};
use crate::{dialect::Dialect, text};

/// What is kept of a result at least, head and tail together.
const KEPT_BYTES: usize = 1500;

/// Room for the sentence that tells of the cut.
const TOLD_BYTES: usize = 120;

/// Cuts as much as must be and no more.
pub(super) fn fit(
    script: &mut Transcript,
    limit_bytes: usize,
    dialect: &Dialect,
    notes: &mut Vec<RenderNote>,
) -> Result<(), PromptTooLong> {
    let mut bytes = script.bytes(dialect);
    for kind in [CutKind::Results, CutKind::Arguments] {
        for part in script.messages.iter_mut().flat_map(|spoken| &mut spoken.parts) {
            let Some(excess) = bytes.checked_sub(limit_bytes).filter(|excess| *excess > 0) else {
                return Ok(());
            };
            if kind.texts(part).iter().all(|text| text.len() <= KEPT_BYTES) {
                continue;
            }
            let written = part.written(dialect).len();
            take(kind.texts(part), excess, notes);
            bytes -= written.saturating_sub(part.written(dialect).len());
        }
    }
    if bytes <= limit_bytes { Ok(()) } else { Err(PromptTooLong { bytes, limit_bytes }) }
}

/// What is cut, in this order: what the model wrote itself it imitates, so that it is cut last. Of each the oldest is
/// cut first, and what was just asked for last.
#[derive(Clone, Copy)]
enum CutKind {
    Results,
    Arguments,
}

impl CutKind {
    /// The texts of a part that may be cut.
    fn texts(self, part: &mut TranscriptPart) -> Vec<&mut String> {
        match (self, part) {
            (Self::Results, TranscriptPart::Result { text, .. }) => vec![text],
            (Self::Arguments, TranscriptPart::Calls(calls)) => {
                calls.iter_mut().flat_map(|call| call.arguments.values_mut()).flat_map(strings).collect()
            }
            (Self::Results | Self::Arguments, _) => Vec::new(),
        }
    }
}

/// The texts in a value, at any depth.
fn strings(value: &mut Value) -> Vec<&mut String> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter_mut().flat_map(strings).collect(),
        Value::Object(fields) => fields.values_mut().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Takes so many bytes out of texts, or as many as may be taken.
fn take(texts: Vec<&mut String>, mut excess: usize, notes: &mut Vec<RenderNote>) {
    for text in texts {
        let from_bytes = text.len();
        let wanted = from_bytes.saturating_sub(excess).max(KEPT_BYTES);
        if excess == 0 || from_bytes <= wanted + TOLD_BYTES {
            continue;
        }
        *text = middle(text, wanted - TOLD_BYTES);
        excess = excess.saturating_sub(from_bytes - text.len());
        notes.push(RenderNote::Cut { from_bytes, to_bytes: text.len() });
    }
}

/// A text of at most so many bytes, or of what is kept at least: without its middle where it is longer.
pub fn shorten(text: &str, limit_bytes: usize) -> Cow<'_, str> {
    let limit_bytes = limit_bytes.max(KEPT_BYTES);
    match text.len() <= limit_bytes {
        true => text.into(),
        false => middle(text, limit_bytes - TOLD_BYTES).into(),
    }
}

/// Keeps two thirds at the head and one at the tail.
fn middle(text: &str, kept: usize) -> String {
    let head = text::head(text, kept * 2 / 3);
    let tail = text::tail(text, kept / 3);
    let left = text.len() - head.len() - tail.len();
    format!("{head}\n[… {left} bytes left out here to make the conversation fit …]\n{tail}")
}
