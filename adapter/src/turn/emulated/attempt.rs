//! One answer of the site within a turn: through the sieve, or kept until it can be joined to the one before.

use std::sync::Arc;

use latchkey_bridge::{
    arguments::{BlockBody, CallSource, RawCall},
    render::reask,
    sieve::{
        self, Expectation, Sieve, SieveLimits,
        event::{self, AnswerSummary, CallOrigin, InvalidCall, SieveEvent, TruncatedCall},
        join,
    },
};

use super::super::repair::RepairReason;
use crate::{
    prompt::emulation::Emulation,
    stream::delta::{Delta, ToolCall},
};

/// When the faults of an answer's calls are as long as this, no further one is told.
const TOLD_BYTES: usize = 2000;

/// One answer.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Why the site was asked, beyond the client's request.
    pub purpose: Option<RepairReason>,
    /// What is wrong with its calls.
    pub invalid: Option<InvalidCall>,
    /// Its calls of tools that are not declared, as long as nothing else is wrong with any.
    pub undeclared: Option<Vec<(String, String)>>,
    /// Its call that was cut.
    pub truncated: Option<TruncatedCall>,
    sieve: Option<Sieve>,
    /// All text of the site.
    raw: String,
    /// Text that was not asked for.
    kept: String,
    unjoined: bool,
}

impl Attempt {
    /// The first answer, or one to a question of ours.
    pub(super) fn new(emulation: &Emulation, purpose: Option<RepairReason>) -> Self {
        let sieve = Some(sieve(emulation));
        let raw = String::new();
        let kept = String::new();
        let invalid = None;
        let undeclared = Some(Vec::new());
        let truncated = None;
        Self { purpose, invalid, undeclared, truncated, sieve, raw, kept, unjoined: false }
    }

    /// Takes a delta.
    pub(super) fn push(&mut self, delta: Delta, emulation: &Emulation, out: &mut Vec<SieveEvent>) {
        let continues = self.continued().is_some();
        let Some(sieve) = &mut self.sieve else { return };
        match delta {
            Delta::Text(text) => {
                // Where the sieve gives up, nothing is kept either.
                if self.raw.len() <= limits(emulation).turn_bytes.try_into().unwrap_or(usize::MAX) {
                    self.raw.push_str(&text);
                }
                if !continues {
                    sieve.push_text(&text, out);
                }
            }
            Delta::Reasoning(text) => sieve.push_reasoning(&text, out),
            Delta::Call(call) => out.push(native(call, emulation)),
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => {}
        }
    }

    /// Ends the answer.
    pub(super) fn finish(
        &mut self,
        end: sieve::AnswerEnd,
        emulation: &Emulation,
        out: &mut Vec<SieveEvent>,
    ) -> AnswerSummary {
        let Some(sieve) = self.sieve.take() else { return AnswerSummary::default() };
        let Some(said) = self.continued().map(str::to_owned) else { return sieve.finish(end, out) };
        let whole = join::join(&said, &self.raw);
        self.unjoined = whole.is_none();
        // What cannot be joined may still be the call, sent anew.
        let text = whole.as_deref().unwrap_or(&self.raw);
        let counts = |event: &SieveEvent| whole.is_some() || matches!(event, SieveEvent::Call(_));
        let summary = read(text, end, emulation, out, counts);
        if self.unjoined && summary.calls == 0 {
            self.truncated = self.cut();
        }
        summary
    }

    /// Whether a call is on its way.
    pub(super) fn is_holding(&self) -> bool {
        self.sieve.as_ref().is_some_and(Sieve::is_holding)
    }

    /// Whether more can come that matters.
    pub(super) fn expectation(&self) -> Expectation {
        self.sieve.as_ref().map_or(Expectation::Nothing, Sieve::expectation)
    }

    /// Whether its text is the client's.
    pub(super) fn gives_text(&self) -> bool {
        self.purpose.as_ref().is_none_or(RepairReason::wants_text)
    }

    /// Whether it should have continued a cut call, and cannot be proven to.
    pub(super) fn is_unjoined(&self) -> bool {
        self.unjoined
    }

    /// Whether it says that no call is needed.
    pub(super) fn is_refusal(&self, emulation: &Emulation) -> bool {
        self.purpose.is_some() && reask::declines(&self.raw, &emulation.dialect)
    }

    /// All text of the site.
    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    /// Keeps text that was not asked for.
    pub(super) fn keep(&mut self, text: &str) {
        self.kept.push_str(text);
    }

    /// Whether there is any.
    pub(super) fn has_kept(&self) -> bool {
        !self.kept.trim().is_empty()
    }

    /// Shows it.
    pub(super) fn peek(&self) -> &str {
        &self.kept
    }

    /// Gives it.
    pub(super) fn kept(&mut self) -> String {
        std::mem::take(&mut self.kept)
    }

    /// Notes a call that cannot be used; several are told at once.
    pub(super) fn note_invalid(&mut self, mut invalid: InvalidCall) {
        match (invalid.arguments.take(), &mut self.undeclared) {
            (Some(arguments), Some(calls)) => calls.push((invalid.name.clone(), arguments)),
            _ => self.undeclared = None,
        }
        match &mut self.invalid {
            Some(before) if before.detail.len() >= TOLD_BYTES => {}
            Some(before) => {
                before.detail.push_str("; and of another call: ");
                before.detail.push_str(&invalid.detail);
            }
            None => self.invalid = Some(invalid),
        }
    }

    /// Notes a call that was cut.
    pub(super) fn note_truncated(&mut self, truncated: TruncatedCall) {
        self.truncated = Some(truncated);
    }

    fn cut(&self) -> Option<TruncatedCall> {
        match &self.purpose {
            Some(RepairReason::Continue(truncated)) => Some(truncated.clone()),
            _ => None,
        }
    }

    /// What it should continue.
    fn continued(&self) -> Option<&str> {
        match &self.purpose {
            Some(RepairReason::Continue(truncated)) => Some(&truncated.raw),
            _ => None,
        }
    }
}

fn sieve(emulation: &Emulation) -> Sieve {
    Sieve::new(Arc::clone(&emulation.catalog), &emulation.dialect, limits(emulation))
        .shown(emulation.shown.clone())
}

fn limits(emulation: &Emulation) -> SieveLimits {
    let limits = SieveLimits::default();
    if emulation.parallel { limits } else { SieveLimits { calls: 1, ..limits } }
}

/// Reads a whole text, of which only some events count.
fn read(
    text: &str,
    end: sieve::AnswerEnd,
    emulation: &Emulation,
    out: &mut Vec<SieveEvent>,
    counts: impl Fn(&SieveEvent) -> bool,
) -> AnswerSummary {
    let mut sieve = sieve(emulation);
    let mut events = Vec::new();
    sieve.push_text(text, &mut events);
    let summary = sieve.finish(end, &mut events);
    out.extend(events.into_iter().filter(counts));
    summary
}

/// A site that was told of no tools, and makes a call of its own kind.
fn native(call: ToolCall, emulation: &Emulation) -> SieveEvent {
    let found = RawCall { name: Some(call.name), body: BlockBody::Arguments(call.arguments.clone()) };
    match found.validate(&emulation.catalog, CallSource::Written(&emulation.dialect.nonce)).pop() {
        Some(Ok(fitting)) => SieveEvent::Call(event::ParsedCall {
            name: fitting.name,
            arguments: fitting.arguments,
            reading: CallOrigin::Lenient,
            repaired: fitting.repaired,
            raw: String::new(),
        }),
        Some(Err(misfit)) => SieveEvent::Invalid(misfit.into_invalid(call.arguments)),
        None => SieveEvent::Dropped(call.arguments.len()),
    }
}
