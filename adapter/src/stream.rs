//! The only place where stages become a stream: a site's bytes in, deltas out, every wait with its deadline.
//!
//! Nothing runs ahead: bytes are read when the client's side asks, and dropping the stream cancels the upstream call.

use std::{fmt, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use latchkey_shared::site::Limits;
use tokio::time::{Instant, timeout_at};

pub(crate) mod chunk;
pub(crate) mod close;
pub(crate) mod collect;
pub(crate) mod delta;
pub(crate) mod fault;
pub(crate) mod message;
pub(crate) mod response;
pub(crate) mod sse;
pub(crate) mod tools;

use crate::recorder::{self, Tape};

use close::{Close, End};
use delta::{Delta, Values};
use fault::Fault;
use tools::Tools;

/// How long a site may take to close after its last word; then the answer is whole without that.
const CLOSING: Duration = Duration::from_secs(2);
/// Blank deltas that are held until something is said: models begin with some, a broken site sends nothing else.
const LIMIT_BLANKS: usize = 1000;

/// One chat protocol's way from bytes to deltas: a stage without I/O.
pub(crate) trait Decode: Send {
    /// Takes bytes.
    ///
    /// # Errors
    /// What the site reports, or what cannot be read.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Delta>) -> Result<(), Fault>;

    /// Ends the bytes.
    ///
    /// # Errors
    /// As for `push`.
    fn finish(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault>;

    /// Whether the protocol's own end mark has come.
    fn has_ended(&self) -> bool;

    /// Whether the prompt waits in the site's queue, as far as the site has said.
    fn is_queued(&self) -> bool {
        false
    }

    /// What is known of the site's own conversation.
    fn values(&self) -> Values {
        Values::new()
    }
}

/// A site's bytes as they arrive; an error stands for a broken connection.
pub(crate) type Upstream = BoxStream<'static, Result<Bytes, ()>>;

/// Told when an answer is over: whether it ended as the site wanted, and what is known of the conversation.
pub(crate) type Farewell = Box<dyn FnOnce(bool, Values) + Send>;

/// The deltas of one answer.
pub(crate) struct Deltas {
    farewell: Option<Farewell>,
    /// Where the turn is recorded, if turns are.
    tape: Option<Tape>,
    stages: Stages,
    upstream: Upstream,
    ready: Vec<Delta>,
    end: Option<End>,
    empty: bool,
    clock: Clock,
}

#[derive(Debug)]
struct Clock {
    limits: Limits,
    /// Until when the next piece must come.
    piece: Instant,
    /// Until when the whole turn must end.
    turn: Instant,
}

impl Deltas {
    /// Assembles the stream. `started` is when the prompt was sent.
    pub(crate) fn new(stages: Stages, upstream: Upstream, limits: Limits, started: Instant) -> Self {
        let clock = Clock { limits, piece: started + limits.first_token, turn: started + limits.turn };
        let tape = recorder::tape();
        if let Some(tape) = &tape {
            tape.answer();
        }
        Self { farewell: None, tape, stages, upstream, ready: Vec::new(), end: None, empty: false, clock }
    }

    /// With something to be told when the answer is over, or is let go of.
    pub(crate) fn with_farewell(mut self, farewell: Farewell) -> Self {
        self.farewell = Some(farewell);
        self
    }

    /// What is known of the site's own conversation.
    pub(crate) fn values(&self) -> Values {
        self.stages.decoder.values()
    }

    /// Waits until the answer has really begun: until then every fault can still be told as a status. An empty
    /// answer is told by `next`: whoever holds the account may ask again with it.
    ///
    /// # Errors
    /// Whatever goes wrong before the first text, thought or call.
    pub(crate) async fn begin(&mut self) -> Result<(), Fault> {
        while !self.has_begun() {
            match self.read().await {
                Err(Fault::Empty) => {
                    self.empty = true;
                    break;
                }
                read => read?,
            }
            // No other chatter moves the deadline of the first delta.
            if self.stages.decoder.is_queued() {
                self.clock.piece = Instant::now() + self.clock.limits.first_token;
            }
        }
        if !self.stages.close.has_finished() {
            self.clock.piece = Instant::now() + self.clock.limits.idle;
        }
        Ok(())
    }

    /// Whether the answer ended without saying anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }

    /// Waits for more deltas; the end comes exactly once, after them. Cancel-safe.
    ///
    /// # Errors
    /// Whatever cuts the answer.
    pub(crate) async fn next(&mut self, out: &mut Vec<Delta>) -> Result<Option<End>, Fault> {
        loop {
            if !self.ready.is_empty() || self.end.is_some() {
                out.append(&mut self.ready);
                return Ok(self.end);
            }
            if self.empty {
                return Err(Fault::Empty);
            }
            if let Err(fault) = self.read().await {
                // What came before the fault in the same read was said.
                out.append(&mut self.ready);
                return Err(fault);
            }
            if !self.stages.close.has_finished() {
                self.clock.piece = Instant::now() + self.clock.limits.idle;
            }
        }
    }

    fn has_begun(&self) -> bool {
        let said = |delta: &Delta| !delta.is_blank();
        let begun = self.ready.iter().any(said) || self.ready.len() > LIMIT_BLANKS;
        begun || self.end.is_some() || self.stages.tools.has_call()
    }

    /// Reads once from the site.
    async fn read(&mut self) -> Result<(), Fault> {
        let deadline = self.clock.piece.min(self.clock.turn);
        let closing = self.stages.close.has_finished();
        let read = timeout_at(deadline, self.upstream.next()).await;
        if let Some(tape) = &self.tape {
            match &read {
                Ok(Some(Ok(bytes))) => tape.site(bytes),
                Ok(None) => tape.over("ended"),
                Ok(Some(Err(()))) => tape.over("cut"),
                Err(_) => tape.over("silent"),
            }
        }
        match read {
            Ok(Some(Ok(bytes))) => self.stages.push(&bytes, &mut self.ready)?,
            Ok(None) => return self.finish(),
            // After the last word nothing can be lost any more.
            Ok(Some(Err(()))) | Err(_) if closing => return self.finish(),
            Ok(Some(Err(()))) => return Err(Fault::Cut),
            Err(_) => return Err(Fault::Silent),
        }
        if self.stages.close.has_finished() && !closing {
            // Set once: comments after the last word do not move it.
            self.clock.piece = Instant::now() + CLOSING;
        }
        if self.stages.decoder.has_ended() { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.end = Some(self.stages.finish(&mut self.ready)?);
        Ok(())
    }
}

impl Drop for Deltas {
    fn drop(&mut self) {
        if let Some(farewell) = self.farewell.take() {
            farewell(self.stages.decoder.has_ended(), self.stages.decoder.values());
        }
    }
}

impl fmt::Debug for Deltas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deltas").field("ended", &self.end).finish_non_exhaustive()
    }
}

/// The stages of an answer in their order: decoder, tools, close.
pub(crate) struct Stages {
    decoder: Box<dyn Decode>,
    tools: Tools,
    close: Close,
    decoded: Vec<Delta>,
    assembled: Vec<Delta>,
}

impl Stages {
    /// Puts the stages together; `minted` begins the ids of calls that the site gave none.
    pub(crate) fn new(decoder: Box<dyn Decode>, minted: String) -> Self {
        let (tools, close) = (Tools::new(minted), Close::default());
        Self { decoder, tools, close, decoded: Vec::new(), assembled: Vec::new() }
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// What the stages find wrong; a fault after the site's last word is none.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<Delta>) -> Result<(), Fault> {
        let result = self.decoder.push(bytes, &mut self.decoded);
        self.pass(out)?;
        if self.close.has_finished() { Ok(()) } else { result }
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn finish(&mut self, out: &mut Vec<Delta>) -> Result<End, Fault> {
        let result = self.decoder.finish(&mut self.decoded);
        self.pass(out)?;
        if !self.close.has_finished() {
            result?;
        }
        let end_mark = self.decoder.has_ended();
        if self.close.was_limited() {
            self.tools.drop_half();
        }
        if end_mark || self.close.has_finished() {
            self.tools.finish(&mut self.assembled);
        }
        for delta in self.assembled.drain(..) {
            self.close.push(delta, out);
        }
        self.close.finish(end_mark)
    }

    fn pass(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        for delta in self.decoded.drain(..) {
            self.tools.push(delta, &mut self.assembled)?;
        }
        for delta in self.assembled.drain(..) {
            self.close.push(delta, out);
        }
        Ok(())
    }
}
