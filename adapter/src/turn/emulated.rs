//! The answers of a site that knows no tools, read for one turn; decides whether the site must be asked again.
//!
//! Pure: who waits for the site is told what to do next. What was given stays given.

use std::{sync::Arc, time::Duration};

use latchkey_bridge::{
    render::reask,
    sieve::{
        self, Expectation,
        event::{AnswerSummary, InvalidCall, InvalidKind},
    },
};

use super::{
    end_mark::MarkOutcome,
    outcomes::{Lesson, NudgeBand, NudgeOutcome, TurnLessons},
    repair::{EXTRA_ASKS, RepairReason},
    tally::TurnMetrics,
};
use crate::{
    config::JudgeMode,
    prompt::{RepairExchange, emulation::Emulation},
    stream::{
        delta::{Delta, FinishReason},
        fault::Fault,
        finish::StreamEnd,
    },
};

mod attempt;
mod delivered;
mod ended;
mod ending;
mod giving;
mod judging;
mod mark;

use attempt::Attempt;
use delivered::Delivered;
use mark::Mark;

/// What the operator allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RepairPolicy {
    /// Whether the site may be asked again.
    pub repair: bool,
    /// Whether announcements are judged.
    pub judge: JudgeMode,
}

/// How an answer of the site ended.
#[derive(Clone, Debug)]
pub(super) enum AttemptEnd {
    /// As the site says.
    End(StreamEnd),
    /// We wanted no more.
    Cancelled,
    /// Badly.
    Fault(Fault),
}

/// What to do when an answer of the site has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextAction {
    /// The turn is over.
    Done(FinishReason),
    /// The turn failed.
    Fail(Fault),
    /// The site is to be asked what the last exchange says.
    Ask,
}

/// The reader of one turn.
#[derive(Debug)]
pub(super) struct EmulatedTurn {
    emulation: Arc<Emulation>,
    minted: String,
    policy: RepairPolicy,
    metrics: TurnMetrics,
    exchanges: Vec<RepairExchange>,
    attempt: Attempt,
    delivered: Delivered,
    mark: Mark,
    /// The same in what is thought.
    thought_mark: Mark,
    /// Turns of this conversation that were nudged lately, in vain.
    nudges: u32,
    /// What is known of nudges like one of this turn.
    lessons: TurnLessons,
    /// What the nudge of this turn is like.
    band: Option<NudgeBand>,
    /// What came of it.
    nudged: Option<NudgeOutcome>,
    /// How the model kept to the mark of the end.
    ended: Option<MarkOutcome>,
    /// Calls that were given when this answer began.
    before: usize,
    required: bool,
    /// Whether the site was told that there is no such tool.
    unknown: bool,
    /// Text that may not be the answer's last word, and is not yet given.
    withheld: String,
    late: bool,
}

impl EmulatedTurn {
    /// A reader for the first answer.
    pub(super) fn new(
        emulation: Arc<Emulation>,
        minted: String,
        policy: RepairPolicy,
        metrics: TurnMetrics,
    ) -> Self {
        let round = Attempt::new(&emulation, None);
        let exchanges = Vec::new();
        let given = Delivered::default();
        let mark = || Mark::new(&emulation.dialect, emulation.end_mark);
        let (mark, thought_mark) = (mark(), mark());
        Self {
            emulation,
            minted,
            policy,
            metrics,
            exchanges,
            attempt: round,
            delivered: given,
            mark,
            thought_mark,
            nudges: 0,
            lessons: TurnLessons::default(),
            band: None,
            nudged: None,
            ended: None,
            before: 0,
            required: false,
            unknown: false,
            withheld: String::new(),
            late: false,
        }
    }

    /// Learns how many of the conversation's last turns were nudged in vain, and what came of nudges elsewhere.
    pub(super) fn recall(&mut self, nudges: u32, lessons: TurnLessons) {
        self.nudges = nudges;
        self.lessons = lessons;
    }

    /// What is to be learned of this turn, and to what it adds.
    pub(super) fn lessons(&self) -> impl Iterator<Item = (&TurnLessons, Lesson)> {
        let nudge = self.band.zip(self.nudged).map(|(band, outcome)| Lesson::Nudge(band, outcome));
        let both = nudge.into_iter().chain(self.ended.map(Lesson::EndMark));
        both.map(|lesson| (&self.lessons, lesson))
    }

    /// Whether this turn was nudged.
    pub(super) fn was_nudged(&self) -> bool {
        let nudge = self.nudge();
        self.exchanges.iter().any(|exchange| exchange.question == nudge)
    }

    /// Whether it was, and no call came of it. A nudge that works costs nothing of what a conversation may have.
    pub(super) fn was_nudged_in_vain(&self) -> bool {
        self.was_nudged() && self.delivered.calls == 0
    }

    /// What was said and asked beyond the client's request.
    pub(super) fn exchanges(&self) -> &[RepairExchange] {
        &self.exchanges
    }

    /// Whether a call is on its way.
    pub(super) fn is_holding(&self) -> bool {
        self.attempt.is_holding()
    }

    /// Counts how long it was.
    pub(super) fn held(&self, duration: Duration) {
        self.metrics.held(duration);
    }

    /// Whether more can come that matters.
    pub(super) fn expectation(&self) -> Expectation {
        self.attempt.expectation()
    }

    /// Forbids to ask again: the time is over.
    pub(super) fn run_out(&mut self) {
        self.late = true;
    }

    /// Takes a delta.
    pub(super) fn push(&mut self, delta: Delta, out: &mut Vec<Delta>) {
        let mut events = Vec::new();
        self.attempt.push(delta, &self.emulation, &mut events);
        self.emit(events, out);
    }

    /// Ends one answer of the site.
    pub(super) fn finish(&mut self, how: &AttemptEnd, out: &mut Vec<Delta>) -> NextAction {
        let cut = match how {
            AttemptEnd::End(end) => end.finish == FinishReason::Length,
            AttemptEnd::Fault(Fault::Empty) | AttemptEnd::Cancelled => false,
            AttemptEnd::Fault(_) => true,
        };
        let end = if cut { sieve::AnswerEnd::Cut } else { sieve::AnswerEnd::Complete };
        let mut events = Vec::new();
        let summary = self.attempt.finish(end, &self.emulation, &mut events);
        self.emit(events, out);
        self.unmask(out);
        self.note_misplaced_mark();
        self.record_outcome(&summary);
        self.pass_on(out);
        let (next, judged) = match self.need(how) {
            None => self.finalize(how, out),
            Some((need, _)) if self.may_ask(&need) => {
                self.ask(need);
                return NextAction::Ask;
            }
            Some((need, judged)) => {
                self.metrics.repaired(need.label(), "not_asked");
                match self.give_up(&need, how, out) {
                    Some(next) => (next, judged),
                    None => self.finalize(how, out),
                }
            }
        };
        self.release(&next, out);
        self.metrics.ended(word(&next), judged);
        next
    }

    /// Counts what an answer to us brought.
    fn record_outcome(&mut self, summary: &AnswerSummary) {
        if summary.leaked && self.attempt.gives_text() {
            self.metrics.leaked();
        }
        if summary.is_empty() {
            self.metrics.empty();
        }
        let Some(purpose) = &self.attempt.purpose else { return };
        let outcome = match () {
            () if self.delivered.calls > self.before => "call",
            () if self.attempt.is_refusal(&self.emulation) => "declined",
            () if self.attempt.invalid.is_some() || self.attempt.truncated.is_some() => "invalid",
            () if summary.said || self.attempt.has_kept() => "text",
            () => "nothing",
        };
        match purpose {
            RepairReason::Nudge(reason) => {
                self.metrics.nudged(reason.label(), outcome);
                self.nudged = NudgeOutcome::of(outcome);
                if let Some((band, outcome)) = self.band.zip(self.nudged) {
                    self.metrics.learned(band, outcome.as_str());
                }
            }
            need => self.metrics.repaired(need.label(), outcome),
        }
    }

    /// What is wrong with the answer, if the site can mend it; and what the judge said.
    fn need(&mut self, end: &AttemptEnd) -> Option<(RepairReason, &'static str)> {
        let mendable = matches!(
            end,
            AttemptEnd::End(_)
                | AttemptEnd::Cancelled
                | AttemptEnd::Fault(Fault::Empty | Fault::Truncated | Fault::ResponseTimeout)
        );
        if !mendable {
            return None;
        }
        if let Some(truncated) = self.attempt.truncated.take() {
            let joins = !self.attempt.is_unjoined();
            let need =
                if joins { RepairReason::Continue(truncated) } else { RepairReason::Smaller(truncated) };
            return Some((need, "-"));
        }
        match self.attempt.invalid.take() {
            None | Some(InvalidCall { kind: InvalidKind::TooMany, .. }) => {}
            Some(invalid) => return Some((RepairReason::Correct(invalid), "-")),
        }
        if self.delivered.calls > 0
            || matches!(end, AttemptEnd::Fault(Fault::Truncated | Fault::ResponseTimeout))
        {
            return None;
        }
        let withheld = matches!(end, AttemptEnd::End(StreamEnd { finish: FinishReason::ContentFilter, .. }));
        if withheld || self.attempt.is_refusal(&self.emulation) {
            return None;
        }
        if self.emulation.requires_call() && !self.required {
            return Some((RepairReason::Require, "required_missing"));
        }
        let limited = matches!(end, AttemptEnd::End(StreamEnd { finish: FinishReason::Length, .. }));
        if !self.delivered.said {
            let something = self.attempt.has_kept() || (limited && self.delivered.thought);
            return (!something).then_some((RepairReason::Resume, "empty"));
        }
        if limited {
            return None;
        }
        if let Some(Err(detail)) = self.shaped() {
            return Some((RepairReason::Reshape(detail), "-"));
        }
        if self.attempt.purpose.as_ref().is_some_and(|purpose| !purpose.wants_text()) {
            return None;
        }
        // Unasked, it says the same as when it is asked for.
        if self.mark.seen { None } else { self.judge() }
    }

    fn nudge(&self) -> String {
        reask::nudge(&self.emulation.dialect)
    }

    fn may_ask(&self, reason: &RepairReason) -> bool {
        let free = self.policy.repair && !self.late && self.exchanges.len() < EXTRA_ASKS;
        let once = matches!(
            (reason, &self.attempt.purpose),
            (RepairReason::Resume, Some(RepairReason::Resume))
                | (RepairReason::Reshape(_), Some(RepairReason::Reshape(_)))
        );
        free && !once
    }

    fn ask(&mut self, reason: RepairReason) {
        self.required |= reason == RepairReason::Require;
        self.unknown |= reason.names_unknown_tool();
        self.before = self.delivered.calls;
        let question = reason.question(&self.emulation);
        let answer = self.attempt.raw().to_owned();
        self.exchanges.push(RepairExchange { answer, question });
        self.attempt = Attempt::new(&self.emulation, Some(reason));
    }
}

fn word(next: &NextAction) -> &'static str {
    match next {
        NextAction::Done(finish) => finish.as_str(),
        NextAction::Fail(fault) => fault.label(),
        NextAction::Ask => "-",
    }
}
