//! Makes a prompt fit: the oldest results are cut in the middle, and say so.

use std::borrow::Cow;

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
    // What was just asked for is cut last.
    let results = script.messages.iter_mut().flat_map(|spoken| &mut spoken.parts);
    for part in results {
        if bytes <= limit_bytes {
            return Ok(());
        }
        let TranscriptPart::Result { text, .. } = part else { continue };
        let from_bytes = text.len();
        let wanted = from_bytes.saturating_sub(bytes - limit_bytes).max(KEPT_BYTES);
        if wanted + TOLD_BYTES >= from_bytes {
            continue;
        }
        *text = middle(text, wanted.saturating_sub(TOLD_BYTES));
        bytes -= from_bytes - text.len();
        notes.push(RenderNote::Cut { from_bytes, to_bytes: text.len() });
    }
    if bytes <= limit_bytes { Ok(()) } else { Err(PromptTooLong { bytes, limit_bytes }) }
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
