//! The answer of a turn: one answer of the site, or several put together. Here are the clock and the asking.

use std::{fmt, time::Duration};

use latchkey_bridge::sieve::{Expectation, event::SieveEvent, opening::Opening};
use latchkey_shared::{id::AccountId, store::StoredConversation};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span};

use super::{
    emulated::{AttemptEnd, EmulatedTurn, NextAction},
    limit::AnswerLimit,
    native::NativeCalls,
    outcomes::{Lesson, TurnLessons},
    repair,
};
use crate::{
    pool::{ActiveAccount, PendingAnswer, lease::Lease},
    prompt::Prompt,
    recorder,
    stream::{
        DeltaStream,
        delta::{Captures, Delta, FinishReason, Usage},
        fault::Fault,
        finish::StreamEnd,
    },
};

/// After the last call only another one would matter; a model that writes on invents the results.
const QUIET: Duration = Duration::from_millis(300);

/// The answer.
pub(super) struct TurnAnswer {
    /// Dropped first: the upstream call ends before the account is free.
    source: DeltaSource,
    /// What was asked.
    pub prompt: Prompt,
    reader: TurnReader,
    /// What the site has said and no reader has seen; what is left when nobody waited for it any more.
    said: Vec<Delta>,
    ready: Vec<Delta>,
    /// What it cost so far; none if the site did not say it each time.
    usage: Option<Usage>,
    /// What is known of the site's own conversation; none unless its last answer ended well.
    captures: Option<Captures>,
    /// Whether all is said that the client wants.
    limited: bool,
    /// A call of the site's own that nobody can make.
    broken: Option<Fault>,
    /// Until when another call may come.
    quiet: Option<Instant>,
    /// Since when the beginning of a call is held back.
    held: Option<Instant>,
    /// Until when repairs must be done.
    repairs: Option<Instant>,
    /// What the beginning is, where no calls are read out of the text.
    opening: Opening,
    /// The request's, for what is out of the ordinary: to be in it for each token would cost as much as to read it.
    span: Span,
    hold: ActiveAccount,
}

/// Where deltas come from.
enum DeltaSource {
    Site(Box<DeltaStream>),
    Asking(PendingAnswer),
    Over(Result<StreamEnd, Fault>),
}

/// How calls are read.
pub(super) enum TurnReader {
    /// As they come, and no more words than the client wants.
    Untouched(Option<AnswerLimit>),
    /// As the site makes them, towards what is declared.
    Native(NativeCalls),
    /// Out of the text.
    Bridged(Box<EmulatedTurn>),
}

impl TurnAnswer {
    /// An answer that has begun at the site.
    pub(super) fn new(deltas: DeltaStream, reader: TurnReader, hold: ActiveAccount, prompt: Prompt) -> Self {
        let source = DeltaSource::Site(Box::new(deltas));
        let usage = Some(Usage::default());
        let said = Vec::new();
        let ready = Vec::new();
        let values = None;
        let limited = false;
        let broken = None;
        let quiet = None;
        let held = None;
        let repairs = None;
        Self {
            source,
            prompt,
            reader,
            said,
            ready,
            usage,
            captures: values,
            limited,
            broken,
            quiet,
            held,
            repairs,
            opening: Opening::default(),
            span: Span::current(),
            hold,
        }
    }

    /// Whose account it is.
    pub(super) fn account(&self) -> AccountId {
        self.hold.lease.account
    }

    /// The hold on the account.
    pub(super) fn lease(&mut self) -> &mut Lease {
        &mut self.hold.lease
    }

    /// Completes when an operator switches the account off.
    pub(super) fn switched_off(&self) -> impl Future<Output = ()> + use<> {
        self.hold.lease.switched_off.clone().cancelled_owned()
    }

    /// Waits until there is something for the client, or a call is on its way.
    ///
    /// # Errors
    /// Whatever keeps the answer from beginning.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        if let (TurnReader::Untouched(_) | TurnReader::Native(_), DeltaSource::Site(deltas)) =
            (&self.reader, &self.source)
            && deltas.is_empty()
        {
            if let TurnReader::Native(native) = &self.reader {
                native.note_empty();
            }
            return Err(Fault::Empty);
        }
        while self.ready.is_empty() && !self.is_holding() && !matches!(self.source, DeltaSource::Over(_)) {
            self.step().await;
        }
        match &self.source {
            DeltaSource::Over(Err(fault)) if self.ready.is_empty() => Err(fault.clone()),
            _ => Ok(()),
        }
    }

    /// Waits for more deltas; the end comes after them. Cancel-safe.
    ///
    /// # Errors
    /// Whatever cuts the answer.
    pub(super) async fn next(&mut self, out: &mut Vec<Delta>) -> Result<Option<StreamEnd>, Fault> {
        loop {
            if !self.ready.is_empty() {
                out.append(&mut self.ready);
                return Ok(None);
            }
            if let DeltaSource::Over(over) = &self.source {
                return over.clone().map(Some);
            }
            self.step().await;
        }
    }

    /// The site's own conversation, if one can go on with it, and how long the site remembers it.
    pub(super) fn conversation(&self) -> Option<(StoredConversation, Duration)> {
        self.hold.conversation(self.captures.as_ref()?)
    }

    /// Whether the site was told that it announced a call, and sent none all the same.
    pub(super) fn was_nudged_in_vain(&self) -> bool {
        matches!(&self.reader, TurnReader::Bridged(bridged) if bridged.was_nudged_in_vain())
    }

    /// What is to be learned of it, and to what it adds.
    pub(super) fn lessons(&self) -> impl Iterator<Item = (&TurnLessons, Lesson)> {
        let bridged = match &self.reader {
            TurnReader::Bridged(bridged) => Some(bridged),
            TurnReader::Untouched(_) | TurnReader::Native(_) => None,
        };
        bridged.into_iter().flat_map(|bridged| bridged.lessons())
    }

    fn is_holding(&self) -> bool {
        matches!(&self.reader, TurnReader::Bridged(bridged) if bridged.is_holding())
    }

    /// Waits once for the site. Cancel-safe: what is awaited stays where it is.
    async fn step(&mut self) {
        match &mut self.source {
            DeltaSource::Over(_) => {}
            DeltaSource::Asking(asking) => match by(self.repairs, asking).await {
                Some(Ok(deltas)) => self.source = DeltaSource::Site(Box::new(deltas)),
                Some(Err(fault)) => self.close(AttemptEnd::Fault(fault)),
                None => self.run_out(),
            },
            DeltaSource::Site(deltas) => {
                let until = self.repairs.into_iter().chain(self.quiet).min();
                let read = by(until, deltas.next(&mut self.said)).await;
                let mut said = std::mem::take(&mut self.said);
                for delta in said.drain(..) {
                    self.take(delta);
                }
                // Its room is used again.
                self.said = said;
                self.note_hold();
                if let Some(fault) = self.broken.take() {
                    return self.close(AttemptEnd::Fault(fault));
                }
                match read {
                    // The site is stopped, and does not know where: nothing goes on with its conversation.
                    Some(Ok(end)) if self.limited => {
                        let usage = end.and_then(|end| end.usage);
                        self.source =
                            DeltaSource::Over(Ok(StreamEnd { finish: FinishReason::Length, usage }));
                    }
                    Some(Ok(None)) => self.expect(),
                    Some(Ok(Some(end))) => self.close(AttemptEnd::End(end)),
                    Some(Err(fault)) => self.close(AttemptEnd::Fault(fault)),
                    None if until < self.repairs || self.repairs.is_none() => {
                        self.close(AttemptEnd::Cancelled);
                    }
                    None => self.run_out(),
                }
            }
        }
    }

    fn take(&mut self, delta: Delta) {
        if self.opening.is_text() || matches!(self.reader, TurnReader::Bridged(_)) {
            return self.read(delta);
        }
        let mut events = Vec::new();
        match &delta {
            Delta::Text(text) => self.opening.push(text, &mut events),
            Delta::Call(_) => self.opening.finish(&mut events),
            _ => {}
        }
        self.read_all(events);
        if !matches!(delta, Delta::Text(_)) {
            self.read(delta);
        }
    }

    /// Reads what the beginning of an answer was told to be.
    fn read_all(&mut self, events: Vec<SieveEvent>) {
        for event in events {
            match event {
                SieveEvent::Text(text) => self.read(Delta::Text(text)),
                SieveEvent::Reasoning(text) => self.read(Delta::Reasoning(text)),
                SieveEvent::Call(_)
                | SieveEvent::Invalid(_)
                | SieveEvent::Truncated(_)
                | SieveEvent::Dropped(_) => {}
            }
        }
    }

    fn read(&mut self, delta: Delta) {
        match (&mut self.reader, delta) {
            _ if self.broken.is_some() => {}
            (TurnReader::Native(native), Delta::Call(call)) => match native.fit(call) {
                Ok(call) => self.ready.push(Delta::Call(call)),
                Err(fault) => self.broken = Some(fault),
            },
            (TurnReader::Bridged(bridged), delta) => bridged.push(delta, &mut self.ready),
            // What came in the same read as the last word that is wanted.
            (TurnReader::Untouched(_), _) if self.limited => {}
            (TurnReader::Untouched(limit), delta) => {
                self.limited |= limit.as_mut().is_some_and(|limit| limit.takes(&delta));
                self.ready.push(delta);
            }
            (TurnReader::Native(..), delta) => self.ready.push(delta),
        }
    }

    /// Measures from the first byte that is held back until none is.
    fn note_hold(&mut self) {
        let TurnReader::Bridged(bridged) = &self.reader else { return };
        match (bridged.is_holding(), self.held) {
            (true, None) => self.held = Some(Instant::now()),
            (false, Some(since)) => {
                bridged.held(since.elapsed());
                self.held = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Ends the site's answer early where nothing that matters can come.
    fn expect(&mut self) {
        let TurnReader::Bridged(bridged) = &self.reader else { return };
        match bridged.expectation() {
            Expectation::Open => self.quiet = None,
            Expectation::OnlyCalls => self.quiet = Some(Instant::now() + QUIET),
            Expectation::Nothing => self.close(AttemptEnd::Cancelled),
        }
    }

    /// Ends the repairs: their time is over.
    fn run_out(&mut self) {
        if let TurnReader::Bridged(bridged) = &mut self.reader {
            bridged.run_out();
        }
        self.close(AttemptEnd::Fault(Fault::ResponseTimeout));
    }

    /// Ends one answer of the site: the turn is over, or the site is asked again.
    fn close(&mut self, how: AttemptEnd) {
        let mut held = Vec::new();
        self.opening.finish(&mut held);
        self.read_all(held);
        let span = self.span.clone();
        let _within = span.enter();
        self.quiet = None;
        self.captures = match (&how, &self.source) {
            (AttemptEnd::End(_), DeltaSource::Site(deltas)) => Some(deltas.values()),
            _ => None,
        };
        let usage = match &how {
            AttemptEnd::End(end) => end.usage,
            AttemptEnd::Cancelled | AttemptEnd::Fault(_) => None,
        };
        self.usage = self.usage.zip(usage).map(|(before, more)| sum(before, more));
        let TurnReader::Bridged(bridged) = &mut self.reader else {
            self.source = DeltaSource::Over(match how {
                AttemptEnd::End(end) => Ok(end),
                AttemptEnd::Fault(fault) => Err(fault),
                AttemptEnd::Cancelled => Err(Fault::Truncated),
            });
            return;
        };
        let next = bridged.finish(&how, &mut self.ready);
        if let Some(since) = self.held.take() {
            bridged.held(since.elapsed());
        }
        self.source = match next {
            NextAction::Done(finish) => DeltaSource::Over(Ok(StreamEnd { finish, usage: self.usage })),
            NextAction::Fail(fault) => DeltaSource::Over(Err(fault)),
            NextAction::Ask => {
                if let (Some(tape), Some(last)) = (recorder::tape(), bridged.exchanges().last()) {
                    tape.again(&last.question);
                }
                self.repairs.get_or_insert_with(|| Instant::now() + repair::TIME);
                let asking = self.hold.ask(&self.prompt.after(bridged.exchanges()), self.captures.take());
                DeltaSource::Asking(Box::pin(asking.in_current_span()))
            }
        };
    }
}

impl fmt::Debug for TurnAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("hold", &self.hold).finish_non_exhaustive()
    }
}

/// Waits for a future, but not past `until`; `None` then. Where nothing limits a wait, the stream's own deadlines do.
async fn by<T>(until: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match until {
        Some(until) => timeout_at(until, future).await.ok(),
        None => Some(future.await),
    }
}

fn sum(before: Usage, more: Usage) -> Usage {
    let both = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
    };
    Usage {
        prompt: before.prompt + more.prompt,
        completion: before.completion + more.completion,
        cached: both(before.cached, more.cached),
        reasoning: both(before.reasoning, more.reasoning),
    }
}
