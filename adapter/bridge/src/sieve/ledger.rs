//! Keeps the account of an answer: where every byte went, and what was said.

use super::event::{AnswerSummary, SieveEvent};
use crate::{dialect::tag::Lexicon, text::tail};

/// How much of the text's end the judge of a turn needs.
const TAIL_BYTES: usize = 2000;

/// The account so far.
#[derive(Debug, Default)]
pub(super) struct ByteLedger {
    summary: AnswerSummary,
    /// Dropped, and not yet told.
    untold: usize,
}

impl ByteLedger {
    pub(super) fn receive(&mut self, size: usize) {
        self.summary.account.received += size as u64;
    }

    /// Books bytes that were looked at.
    pub(super) fn work(&mut self, size: usize) {
        self.summary.scanned += size as u64;
    }

    pub(super) fn received(&self) -> u64 {
        self.summary.account.received
    }

    pub(super) fn calls(&self) -> usize {
        self.summary.calls
    }

    /// Whether anything but blanks was given as text.
    pub(super) fn has_said(&self) -> bool {
        self.summary.said
    }

    /// Whether the content held neither text nor any call, good or bad.
    pub(super) fn is_silent(&self) -> bool {
        self.summary.is_empty()
    }

    /// Gives an event and books what it stands for, except markup: that is booked where it is consumed.
    pub(super) fn give(&mut self, event: SieveEvent, out: &mut Vec<SieveEvent>) {
        let summary = &mut self.summary;
        match &event {
            SieveEvent::Text(text) => {
                summary.account.text += text.len() as u64;
                summary.said |= !text.trim().is_empty();
                remember(&mut summary.tail, text);
            }
            SieveEvent::Reasoning(text) => summary.account.reasoning += text.len() as u64,
            SieveEvent::Call(_) => summary.calls += 1,
            SieveEvent::Invalid(_) => summary.invalid += 1,
            SieveEvent::Truncated(_) => summary.truncated = true,
            SieveEvent::Dropped(_) => {}
        }
        if !matches!(&event, SieveEvent::Text(text) | SieveEvent::Reasoning(text) if text.is_empty()) {
            out.push(event);
        }
    }

    pub(super) fn consume(&mut self, size: usize) {
        self.summary.account.markup += size as u64;
    }

    pub(super) fn drop_bytes(&mut self, size: usize) {
        self.summary.account.dropped += size as u64;
        self.untold += size;
    }

    pub(super) fn finish(
        mut self,
        thought: bool,
        lexicon: &Lexicon,
        out: &mut Vec<SieveEvent>,
    ) -> AnswerSummary {
        if self.untold > 0 {
            out.push(SieveEvent::Dropped(self.untold));
        }
        self.summary.thought = thought;
        self.summary.tail = tail(&self.summary.tail, TAIL_BYTES).to_owned();
        self.summary.leaked = lexicon.is_in(&self.summary.tail);
        self.summary
    }
}

/// Keeps the end of a text without copying all of it for every piece.
fn remember(said: &mut String, text: &str) {
    said.push_str(tail(text, TAIL_BYTES));
    if said.len() > 2 * TAIL_BYTES {
        *said = tail(said, TAIL_BYTES).to_owned();
    }
}
