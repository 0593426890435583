//! The only place where stages become a stream: a site's bytes in, deltas out, every wait with its deadline.
//!
//! Nothing runs ahead: bytes are read when the client's side asks, and dropping the stream cancels the upstream call.

use std::{fmt, future::poll_fn, task::Poll, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use latchkey_shared::site::SiteLimits;
use tokio::time::Instant;

pub(crate) mod collect;
pub(crate) mod deferred;
pub(crate) mod delta;
pub(crate) mod fault;
pub(crate) mod finish;
pub(crate) mod halves;
pub(crate) mod sse;
pub(crate) mod tools;

use crate::{
    deadline::LazyDeadline,
    recorder::{self, TurnRecorder},
};

use deferred::DeferredFault;
use delta::{Captures, Delta};
use fault::Fault;
use finish::{FinishTracker, StreamEnd};
use tools::FragmentAssembler;

/// How long a site may take to close after its last word; then the answer is whole without that.
const CLOSING: Duration = Duration::from_secs(2);
/// Pieces that come as fast as this are sent together: each costs a write of its own otherwise, which is most of what it
/// costs. No model writes so fast; a site that caught up with itself does, and so does a machine that is too busy.
const COALESCE_WINDOW: Duration = Duration::from_millis(1);
/// How often it is looked for the next piece of a burst, a turn of the scheduler between. hyper's connection looks twice
/// in each turn (measured on 1.12: of 660,000 looks that found one, 93 % were the third).
const EXTRA_POLLS: u32 = 2;
/// No more is sent together.
const BATCH_BYTES: usize = 16 * 1024;
/// Blank deltas that are held until something is said: models begin with some, a broken site sends nothing else.
const LIMIT_BLANKS: usize = 1000;

/// One chat protocol's way from bytes to deltas: a stage without I/O. Nothing of it has a default: a decoder around
/// another one would forget to pass it on.
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
    fn is_queued(&self) -> bool;

    /// What is known of the site's own conversation.
    fn values(&self) -> Captures;
}

/// A site's bytes as they arrive; an error stands for a broken connection.
pub(crate) type ByteStream = BoxStream<'static, Result<Bytes, DeferredFault>>;

/// Told when an answer is over: whether it ended as the site wanted, and what is known of the conversation.
pub(crate) type OnClose = Box<dyn FnOnce(bool, Captures) + Send>;

/// The deltas of one answer.
pub(crate) struct DeltaStream {
    on_close: Option<OnClose>,
    /// Where the turn is recorded, if turns are.
    recorder: Option<TurnRecorder>,
    pipeline: DecodePipeline,
    upstream: ByteStream,
    ready: Vec<Delta>,
    /// What came right behind them.
    behind: Option<Fault>,
    end: Option<StreamEnd>,
    empty: bool,
    clock: StreamClock,
}

#[derive(Debug)]
struct StreamClock {
    limits: SiteLimits,
    deadline: LazyDeadline,
    /// Until when the next piece must come.
    piece: Instant,
    /// Until when the whole turn must end.
    turn: Instant,
    /// When the last piece came.
    last: Instant,
}

impl StreamClock {
    /// Notes a piece; whether it came right behind the one before.
    fn is_burst(&mut self) -> bool {
        let now = Instant::now();
        now - std::mem::replace(&mut self.last, now) < COALESCE_WINDOW
    }
}

impl DeltaStream {
    /// Assembles the stream. `started` is when the prompt was sent.
    pub(crate) fn new(
        pipeline: DecodePipeline,
        upstream: ByteStream,
        limits: SiteLimits,
        started: Instant,
    ) -> Self {
        let piece = started + limits.first_token;
        let turn = started + limits.turn;
        let clock = StreamClock { limits, deadline: LazyDeadline::default(), piece, turn, last: started };
        let tape = recorder::tape();
        if let Some(tape) = &tape {
            tape.answer();
        }
        let farewell = None;
        let behind = None;
        let end = None;
        let empty = false;
        Self {
            on_close: farewell,
            recorder: tape,
            pipeline,
            upstream,
            ready: Vec::new(),
            behind,
            end,
            empty,
            clock,
        }
    }

    /// With something to be told when the answer is over, or is let go of.
    pub(crate) fn with_farewell(mut self, on_close: OnClose) -> Self {
        self.on_close = Some(on_close);
        self
    }

    /// What is known of the site's own conversation.
    pub(crate) fn values(&self) -> Captures {
        self.pipeline.decoder.values()
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
            if self.pipeline.decoder.is_queued() {
                self.clock.piece = Instant::now() + self.clock.limits.first_token;
            }
        }
        if !self.pipeline.finish.has_finished() {
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
    pub(crate) async fn next(&mut self, out: &mut Vec<Delta>) -> Result<Option<StreamEnd>, Fault> {
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
            if !self.pipeline.finish.has_finished() {
                self.clock.piece = Instant::now() + self.clock.limits.idle;
            }
        }
    }

    fn has_begun(&self) -> bool {
        let said = |delta: &Delta| !delta.is_blank();
        let begun = self.ready.iter().any(said) || self.ready.len() > LIMIT_BLANKS;
        begun || self.end.is_some() || self.pipeline.tools.has_call()
    }

    /// Reads from the site: what comes next, and what comes right behind it. A fault in that is told by the next read: it
    /// must not take the place of what was said before.
    async fn read(&mut self) -> Result<(), Fault> {
        if let Some(fault) = self.behind.take() {
            return Err(fault);
        }
        let deadline = self.clock.piece.min(self.clock.turn);
        let read = self.clock.deadline.timeout_at(deadline, self.upstream.next()).await;
        let mut taken = size(read.as_ref());
        self.take(read)?;
        while self.clock.is_burst() && self.end.is_none() && taken < BATCH_BYTES {
            let Some(more) = self.poll_extra().await else { break };
            taken += size(Some(&more));
            if let Err(fault) = self.take(Some(more)) {
                self.behind = Some(fault);
                break;
            }
        }
        Ok(())
    }

    /// What is there besides what was read. The connection's own task hands over one piece at a time, and needs a turn
    /// for each; nothing is waited for beyond that.
    async fn poll_extra(&mut self) -> Option<Option<Result<Bytes, DeferredFault>>> {
        let mut looks = 0;
        poll_fn(|cx| match self.upstream.poll_next_unpin(cx) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending if looks == EXTRA_POLLS => Poll::Ready(None),
            Poll::Pending => {
                looks += 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await
    }

    /// Takes what was read; none when the time was over.
    fn take(&mut self, read: Option<Option<Result<Bytes, DeferredFault>>>) -> Result<(), Fault> {
        let closing = self.pipeline.finish.has_finished();
        if let Some(tape) = &self.recorder {
            match &read {
                Some(Some(Ok(bytes))) => tape.site(bytes),
                Some(None) => tape.over("ended"),
                Some(Some(Err(_))) => tape.over("cut"),
                None => tape.over("silent"),
            }
        }
        match read {
            Some(Some(Ok(bytes))) => self.pipeline.push(&bytes, &mut self.ready)?,
            Some(None) => return self.finish(),
            // After the last word nothing can be lost any more.
            Some(Some(Err(_))) | None if closing => return self.finish(),
            Some(Some(Err(cutoff))) => {
                cutoff.tell();
                return Err(Fault::Truncated);
            }
            None => return Err(Fault::ResponseTimeout),
        }
        if self.pipeline.finish.has_finished() && !closing {
            // Set once: comments after the last word do not move it.
            self.clock.piece = Instant::now() + CLOSING;
        }
        if self.pipeline.decoder.has_ended() { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.end = Some(self.pipeline.finish(&mut self.ready)?);
        Ok(())
    }
}

impl Drop for DeltaStream {
    fn drop(&mut self) {
        if let Some(farewell) = self.on_close.take() {
            farewell(self.pipeline.decoder.has_ended(), self.pipeline.decoder.values());
        }
    }
}

impl fmt::Debug for DeltaStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deltas").field("ended", &self.end).finish_non_exhaustive()
    }
}

/// How much was read.
fn size(read: Option<&Option<Result<Bytes, DeferredFault>>>) -> usize {
    read.and_then(|read| read.as_ref()?.as_ref().ok()).map_or(0, Bytes::len)
}

/// The stages of an answer in their order: decoder, tools, close.
pub(crate) struct DecodePipeline {
    decoder: Box<dyn Decode>,
    tools: FragmentAssembler,
    finish: FinishTracker,
    decoded: Vec<Delta>,
    assembled: Vec<Delta>,
}

impl DecodePipeline {
    /// Puts the stages together; `minted` begins the ids of calls that the site gave none.
    pub(crate) fn new(decoder: Box<dyn Decode>, minted: String) -> Self {
        let tools = FragmentAssembler::new(minted);
        let close = FinishTracker::default();
        Self { decoder, tools, finish: close, decoded: Vec::new(), assembled: Vec::new() }
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// What the stages find wrong; a fault after the site's last word is none.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<Delta>) -> Result<(), Fault> {
        let result = self.decoder.push(bytes, &mut self.decoded);
        self.pass(out)?;
        if self.finish.has_finished() { Ok(()) } else { result }
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn finish(&mut self, out: &mut Vec<Delta>) -> Result<StreamEnd, Fault> {
        let result = self.decoder.finish(&mut self.decoded);
        self.pass(out)?;
        if !self.finish.has_finished() {
            result?;
        }
        let end_mark = self.decoder.has_ended();
        if self.finish.was_limited() {
            self.tools.drop_half();
        }
        if end_mark || self.finish.has_finished() {
            self.tools.finish(&mut self.assembled);
        }
        for delta in self.assembled.drain(..) {
            self.finish.push(delta, out);
        }
        self.finish.finish(end_mark)
    }

    fn pass(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        for delta in self.decoded.drain(..) {
            self.tools.push(delta, &mut self.assembled)?;
        }
        for delta in self.assembled.drain(..) {
            self.finish.push(delta, out);
        }
        Ok(())
    }
}
