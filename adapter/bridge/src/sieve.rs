//! Tells calls from text in what a site says: deltas in, events out, any split of the same bytes alike.
//!
//! A call is given only when its own closer was seen and its arguments fit. In the dialect that we asked for that
//! happens at once; a foreign dialect counts only as the last thing of an answer, so it is held until then. Only
//! what may become markup is held back. Nothing after the last call is delivered.

use std::sync::Arc;

use crate::{
    arguments::{BlockBody, CallSource, RawCall},
    catalog::Catalog,
    dialect::{Dialect, tag::Lexicon, words::TagWord},
    text::head,
};

pub mod event;
mod folded;
pub(crate) mod foreign;
mod head;
pub mod join;
mod ledger;
mod markdown;
pub mod opening;
mod own;
mod prose;
pub mod quoted;
mod state;
mod thought;

use event::{AnswerSummary, CallOrigin, InvalidCall, InvalidKind, SieveEvent, TruncatedCall};
use ledger::ByteLedger;
use markdown::MarkdownState;
use quoted::QuotedTexts;
use state::{BlockPosition, FoldedBlocks, SieveState, SieveStep};
use thought::ThinkingEnd;

/// What a turn may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SieveLimits {
    /// Of one call.
    pub call_bytes: usize,
    /// Of all that a site says in one answer.
    pub turn_bytes: u64,
    /// Of one answer; 1 where the client wants no parallel calls.
    pub calls: usize,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerEnd {
    /// The site said that it is done.
    Complete,
    /// It broke off, or a limit cut it.
    Cut,
}

/// Whether more can come that matters; the owner of the stream may cancel the site's answer on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Anything may come.
    Open,
    /// All calls are closed; only another call would matter. After a short silence the answer can be cancelled.
    OnlyCalls,
    /// Nothing that comes will be given.
    Nothing,
}

/// The stage.
#[derive(Debug)]
pub struct Sieve {
    catalog: Arc<Catalog>,
    lexicon: Lexicon,
    limits: SieveLimits,
    /// What the model was shown; none where only our own form is read.
    foreign: Option<Arc<QuotedTexts>>,
    state: SieveState,
    /// What is not yet given or consumed, from `at` on.
    buffer: String,
    at: usize,
    markdown: MarkdownState,
    thought: ThinkingEnd,
    folded: FoldedBlocks,
    counts: ByteLedger,
}

impl Default for SieveLimits {
    fn default() -> Self {
        Self { call_bytes: 8 << 20, turn_bytes: 16 << 20, calls: 128 }
    }
}

impl Sieve {
    /// A sieve for one answer to one request.
    pub fn new(catalog: Arc<Catalog>, dialect: &Dialect, limits: SieveLimits) -> Self {
        Self {
            catalog,
            lexicon: Lexicon::new(&dialect.nonce),
            limits,
            foreign: Some(Arc::default()),
            state: SieveState::Prose,
            buffer: String::new(),
            at: 0,
            markdown: MarkdownState::default(),
            thought: ThinkingEnd::default(),
            folded: FoldedBlocks::default(),
            counts: ByteLedger::default(),
        }
    }

    /// With what the model was shown: a call that stands there in another model's form is text. None: nothing is a call
    /// but what is in our own form.
    #[must_use]
    pub fn shown(mut self, foreign: Option<Arc<QuotedTexts>>) -> Self {
        self.foreign = foreign;
        self
    }

    /// Takes visible text.
    pub fn push_text(&mut self, text: &str, out: &mut Vec<SieveEvent>) {
        let room = self.limits.turn_bytes.saturating_sub(self.counts.received());
        let within = head(text, room.try_into().unwrap_or(usize::MAX));
        self.counts.receive(text.len());
        self.buffer.push_str(within);
        self.run(out);
        if within.len() < text.len() {
            if !matches!(self.state, SieveState::Suffix) {
                self.refuse(InvalidKind::TooLong, "the answer is too long", out);
            }
            self.buffer.push_str(&text[within.len()..]);
            self.run(out);
        }
    }

    /// Takes thinking from a channel of its own. It is given as it comes; only the end decides what it held.
    pub fn push_reasoning(&mut self, text: &str, out: &mut Vec<SieveEvent>) {
        self.counts.receive(text.len());
        self.think(text, out);
    }

    /// Ends the answer.
    pub fn finish(mut self, end: AnswerEnd, out: &mut Vec<SieveEvent>) -> AnswerSummary {
        match std::mem::replace(&mut self.state, SieveState::Suffix) {
            SieveState::Prose => self.finish_prose(out),
            SieveState::Think(TagWord::Details) => self.finish_folded(out),
            SieveState::Think(_) => {
                let rest = self.take(self.buffer.len());
                self.think(&rest, out);
            }
            SieveState::Own(place) => self.finish_own(&place, end, out),
            SieveState::Held => self.finish_held(end, out),
            SieveState::Suffix => self.drop_suffix(),
        }
        self.settle_folded();
        if self.counts.is_silent() && end == AnswerEnd::Complete {
            self.promote(out);
        }
        self.counts.finish(self.thought.is_some(), &self.lexicon, out)
    }

    /// Whether more can come that matters.
    pub fn expectation(&self) -> Expectation {
        match &self.state {
            SieveState::Suffix => Expectation::Nothing,
            SieveState::Own(BlockPosition::After) => Expectation::OnlyCalls,
            SieveState::Prose | SieveState::Think(_) | SieveState::Own(_) | SieveState::Held => {
                Expectation::Open
            }
        }
    }

    /// Whether something is withheld, so that the client sees nothing meanwhile.
    pub fn is_holding(&self) -> bool {
        matches!(self.state, SieveState::Own(_) | SieveState::Held)
    }

    fn run(&mut self, out: &mut Vec<SieveEvent>) {
        loop {
            let step = match &self.state {
                SieveState::Prose => self.prose(out),
                SieveState::Think(TagWord::Details) => self.folded(out),
                SieveState::Think(word) => self.thinking(*word, out),
                SieveState::Own(_) => self.own(out),
                SieveState::Held => self.hold(out),
                SieveState::Suffix => {
                    self.drop_suffix();
                    SieveStep::Wait
                }
            };
            if step == SieveStep::Wait {
                break;
            }
        }
        self.buffer.drain(..self.at);
        self.at = 0;
    }

    fn hold(&mut self, out: &mut Vec<SieveEvent>) -> SieveStep {
        if self.buffer.len() - self.at > self.limits.call_bytes {
            self.too_long(out)
        } else {
            SieveStep::Wait
        }
    }

    fn too_long(&mut self, out: &mut Vec<SieveEvent>) -> SieveStep {
        self.refuse(InvalidKind::TooLong, "the call is too long", out);
        SieveStep::On
    }

    /// Gives up on the rest of the answer.
    fn refuse(&mut self, kind: InvalidKind, detail: &str, out: &mut Vec<SieveEvent>) {
        let name = String::new();
        let raw = String::new();
        let arguments = None;
        let invalid = InvalidCall { kind, name, detail: detail.to_owned(), raw, arguments };
        self.counts.give(SieveEvent::Invalid(invalid), out);
        self.state = SieveState::Suffix;
    }

    fn drop_suffix(&mut self) {
        self.counts.drop_bytes(self.buffer.len() - self.at);
        self.at = self.buffer.len();
    }

    /// Takes what is not yet taken, up to a place in the buffer.
    fn take(&mut self, to: usize) -> String {
        let taken = self.buffer[self.at..to].to_owned();
        self.at = to;
        taken
    }

    fn think(&mut self, text: &str, out: &mut Vec<SieveEvent>) {
        self.thought.push(text);
        self.counts.give(SieveEvent::Reasoning(text.to_owned()), out);
    }

    /// Gives what one block held: calls that fit, and what is wrong with the others.
    fn give(&mut self, found: RawCall, reading: CallOrigin, raw: String, out: &mut Vec<SieveEvent>) {
        let mut raw = Some(raw);
        for fitted in found.validate(&self.catalog, CallSource::Written(self.lexicon.nonce())) {
            if self.counts.calls() == self.limits.calls {
                // With one call allowed the others are no fault: the client asked for one.
                if self.limits.calls > 1 {
                    self.refuse(InvalidKind::TooMany, "there are too many calls", out);
                }
                self.state = SieveState::Suffix;
                return;
            }
            let raw = raw.take().unwrap_or_default();
            let event = match fitted {
                Ok(fitting) => SieveEvent::Call(event::ParsedCall {
                    name: fitting.name,
                    arguments: fitting.arguments,
                    reading,
                    repaired: fitting.repaired,
                    raw,
                }),
                Err(misfit) if reading == CallOrigin::Own => SieveEvent::Invalid(misfit.into_invalid(raw)),
                Err(misfit) => {
                    SieveEvent::Invalid(InvalidCall { arguments: None, ..misfit.into_invalid(raw) })
                }
            };
            self.counts.give(event, out);
        }
        if self.counts.calls() == 1 && self.limits.calls == 1 {
            self.state = SieveState::Suffix;
        }
    }

    fn malformed(&mut self, detail: &'static str, raw: String, out: &mut Vec<SieveEvent>) {
        let found = RawCall { name: None, body: BlockBody::Malformed(detail) };
        self.give(found, CallOrigin::Own, raw, out);
    }

    fn truncate(&mut self, name: Option<String>, raw: String, out: &mut Vec<SieveEvent>) {
        self.counts.give(SieveEvent::Truncated(TruncatedCall { name, raw }), out);
    }
}
