//! The mark of the end: how the model keeps to it, and what it says where the model does.

use super::EmulatedTurn;
use crate::{config::JudgeMode, turn::end_mark::MarkOutcome};

impl EmulatedTurn {
    /// Whether the model says that its work is finished, and can be relied on to say so.
    pub(super) fn is_ended_by_mark(&self) -> bool {
        self.relies_on_mark() && self.mark.is_at_end() && self.policy.judge == JudgeMode::Enforce
    }

    /// Whether the model can be relied on to say that its work is finished, and does not.
    pub(super) fn lacks_end_mark(&self) -> bool {
        self.relies_on_mark() && self.mark.ends == 0
    }

    /// Notes a mark beside a call.
    pub(super) fn note_misplaced_mark(&mut self) {
        if self.delivered.calls > 0 && self.mark.ends > 0 {
            self.note_mark(MarkOutcome::Misplaced);
        }
    }

    /// Notes how an answer without a call kept to the mark; `announces` is what the judge says of its words.
    pub(super) fn note_end(&mut self, announces: bool) {
        match (self.mark.ends, announces) {
            (0, true) => {}
            (0, false) => self.note_mark(MarkOutcome::Missed),
            _ if !self.mark.is_at_end() => self.note_mark(MarkOutcome::Repeated),
            (_, true) => self.note_mark(MarkOutcome::Misplaced),
            (_, false) => self.note_mark(MarkOutcome::Kept),
        }
    }

    /// Of the site's first answer alone: what it says when it is asked again is another matter.
    fn note_mark(&mut self, outcome: MarkOutcome) {
        if self.emulation.end_mark && self.exchanges.is_empty() {
            self.metrics.end_mark(outcome);
            self.ended = Some(outcome);
        }
    }

    fn relies_on_mark(&self) -> bool {
        self.emulation.end_mark && self.exchanges.is_empty() && self.lessons.keeps_to_end_mark()
    }
}
