//! Tells calls from text in what a site says: deltas in, events out, any split of the same bytes alike.
//!
//! A call is given only when its own closer was seen and its arguments fit. In the dialect that we asked for that
//! happens at once; a foreign dialect counts only as the last thing of an answer, so it is held until then. Only
//! what may become markup is held back. Nothing after the last call is delivered.

use std::sync::Arc;

use crate::{
    arguments::{Body, Found, Origin},
    catalog::Catalog,
    dialect::{Dialect, tag::Lexicon, words::Word},
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
mod thought;

use event::{Event, Invalid, Kind, Reading, Summary, Truncated};
use folded::Folded;
use ledger::Ledger;
use markdown::Markdown;
use own::Place;
use quoted::Quoted;
use thought::Thought;

/// What a turn may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one call.
    pub call_bytes: usize,
    /// Of all that a site says in one answer.
    pub turn_bytes: u64,
    /// Of one answer; 1 where the client wants no parallel calls.
    pub calls: usize,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
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
    limits: Limits,
    /// What the model was shown; none where only our own form is read.
    foreign: Option<Arc<Quoted>>,
    state: State,
    /// What is not yet given or consumed, from `at` on.
    buffer: String,
    at: usize,
    markdown: Markdown,
    thought: Thought,
    folded: Folded,
    ledger: Ledger,
}

/// What the next byte belongs to.
#[derive(Debug)]
enum State {
    Prose,
    /// Thinking inside the content, up to this word's closer.
    Think(Word),
    /// A block of ours.
    Own(Place),
    /// A foreign block, judged at the end.
    Held,
    /// All that follows the last call.
    Suffix,
}

/// Whether a step got anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    On,
    Wait,
}

impl Default for Limits {
    fn default() -> Self {
        Self { call_bytes: 8 << 20, turn_bytes: 16 << 20, calls: 128 }
    }
}

impl Sieve {
    /// A sieve for one answer to one request.
    pub fn new(catalog: Arc<Catalog>, dialect: &Dialect, limits: Limits) -> Self {
        Self {
            catalog,
            lexicon: Lexicon::new(&dialect.nonce),
            limits,
            foreign: Some(Arc::default()),
            state: State::Prose,
            buffer: String::new(),
            at: 0,
            markdown: Markdown::default(),
            thought: Thought::default(),
            folded: Folded::default(),
            ledger: Ledger::default(),
        }
    }

    /// With what the model was shown: a call that stands there in another model's form is text. None: nothing is a call
    /// but what is in our own form.
    #[must_use]
    pub fn shown(mut self, foreign: Option<Arc<Quoted>>) -> Self {
        self.foreign = foreign;
        self
    }

    /// Takes visible text.
    pub fn push_text(&mut self, text: &str, out: &mut Vec<Event>) {
        let room = self.limits.turn_bytes.saturating_sub(self.ledger.received());
        let within = head(text, room.try_into().unwrap_or(usize::MAX));
        self.ledger.receive(text.len());
        self.buffer.push_str(within);
        self.run(out);
        if within.len() < text.len() {
            if !matches!(self.state, State::Suffix) {
                self.refuse(Kind::TooLong, "the answer is too long", out);
            }
            self.buffer.push_str(&text[within.len()..]);
            self.run(out);
        }
    }

    /// Takes thinking from a channel of its own. It is given as it comes; only the end decides what it held.
    pub fn push_reasoning(&mut self, text: &str, out: &mut Vec<Event>) {
        self.ledger.receive(text.len());
        self.think(text, out);
    }

    /// Ends the answer.
    pub fn finish(mut self, end: End, out: &mut Vec<Event>) -> Summary {
        match std::mem::replace(&mut self.state, State::Suffix) {
            State::Prose => self.finish_prose(out),
            State::Think(Word::Details) => self.finish_folded(out),
            State::Think(_) => {
                let rest = self.take(self.buffer.len());
                self.think(&rest, out);
            }
            State::Own(place) => self.finish_own(&place, end, out),
            State::Held => self.finish_held(end, out),
            State::Suffix => self.drop_suffix(),
        }
        self.settle_folded();
        if self.ledger.is_silent() && end == End::Complete {
            self.promote(out);
        }
        self.ledger.finish(self.thought.is_some(), &self.lexicon, out)
    }

    /// Whether more can come that matters.
    pub fn expectation(&self) -> Expectation {
        match &self.state {
            State::Suffix => Expectation::Nothing,
            State::Own(Place::After) => Expectation::OnlyCalls,
            State::Prose | State::Think(_) | State::Own(_) | State::Held => Expectation::Open,
        }
    }

    /// Whether something is withheld, so that the client sees nothing meanwhile.
    pub fn is_holding(&self) -> bool {
        matches!(self.state, State::Own(_) | State::Held)
    }

    fn run(&mut self, out: &mut Vec<Event>) {
        loop {
            let step = match &self.state {
                State::Prose => self.prose(out),
                State::Think(Word::Details) => self.folded(out),
                State::Think(word) => self.thinking(*word, out),
                State::Own(_) => self.own(out),
                State::Held => self.hold(out),
                State::Suffix => {
                    self.drop_suffix();
                    Step::Wait
                }
            };
            if step == Step::Wait {
                break;
            }
        }
        self.buffer.drain(..self.at);
        self.at = 0;
    }

    fn hold(&mut self, out: &mut Vec<Event>) -> Step {
        if self.buffer.len() - self.at > self.limits.call_bytes { self.too_long(out) } else { Step::Wait }
    }

    fn too_long(&mut self, out: &mut Vec<Event>) -> Step {
        self.refuse(Kind::TooLong, "the call is too long", out);
        Step::On
    }

    /// Gives up on the rest of the answer.
    fn refuse(&mut self, kind: Kind, detail: &str, out: &mut Vec<Event>) {
        let (name, raw, arguments) = (String::new(), String::new(), None);
        let invalid = Invalid { kind, name, detail: detail.to_owned(), raw, arguments };
        self.ledger.give(Event::Invalid(invalid), out);
        self.state = State::Suffix;
    }

    fn drop_suffix(&mut self) {
        self.ledger.drop_bytes(self.buffer.len() - self.at);
        self.at = self.buffer.len();
    }

    /// Takes what is not yet taken, up to a place in the buffer.
    fn take(&mut self, to: usize) -> String {
        let taken = self.buffer[self.at..to].to_owned();
        self.at = to;
        taken
    }

    fn think(&mut self, text: &str, out: &mut Vec<Event>) {
        self.thought.push(text);
        self.ledger.give(Event::Reasoning(text.to_owned()), out);
    }

    /// Gives what one block held: calls that fit, and what is wrong with the others.
    fn give(&mut self, found: Found, reading: Reading, raw: String, out: &mut Vec<Event>) {
        let mut raw = Some(raw);
        for fitted in found.fit(&self.catalog, Origin::Written(self.lexicon.nonce())) {
            if self.ledger.calls() == self.limits.calls {
                // With one call allowed the others are no fault: the client asked for one.
                if self.limits.calls > 1 {
                    self.refuse(Kind::TooMany, "there are too many calls", out);
                }
                self.state = State::Suffix;
                return;
            }
            let raw = raw.take().unwrap_or_default();
            let event = match fitted {
                Ok(fitting) => Event::Call(event::Call {
                    name: fitting.name,
                    arguments: fitting.arguments,
                    reading,
                    repaired: fitting.repaired,
                    raw,
                }),
                Err(misfit) if reading == Reading::Own => Event::Invalid(misfit.into_invalid(raw)),
                Err(misfit) => Event::Invalid(Invalid { arguments: None, ..misfit.into_invalid(raw) }),
            };
            self.ledger.give(event, out);
        }
        if self.ledger.calls() == 1 && self.limits.calls == 1 {
            self.state = State::Suffix;
        }
    }

    fn malformed(&mut self, detail: &'static str, raw: String, out: &mut Vec<Event>) {
        let found = Found { name: None, body: Body::Malformed(detail) };
        self.give(found, Reading::Own, raw, out);
    }

    fn truncate(&mut self, name: Option<String>, raw: String, out: &mut Vec<Event>) {
        self.ledger.give(Event::Truncated(Truncated { name, raw }), out);
    }
}
