//! Looking on while a site is asked: which requests it answered, and which event each delta came of.
//!
//! Nobody looks on while the adapter serves; `site try` does. An answer's bytes are handed to its decoder piece by
//! piece then, which changes nothing: any split of the same bytes gives the same deltas.

use std::sync::{Arc, Mutex, PoisonError};

use latchkey_shared::trial::{TrialEvent, TrialText};
use reqwest::{StatusCode, Url};
use tokio::{sync::Notify, time::Instant};

use crate::stream::{
    Decode,
    delta::{Captures, Delta},
    fault::Fault,
};

/// Events that are kept until they are taken; whoever looks on takes them as they come.
const MOST: usize = 10_000;
/// The longest part of an event that is kept.
const LONGEST: usize = 4000;

/// Who looks on, if anybody does. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracer(Option<Arc<TraceBuffer>>);

#[derive(Debug)]
struct TraceBuffer {
    since: Instant,
    event: Mutex<Vec<TrialEvent>>,
    news: Notify,
}

/// Where the events of an answer end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventBoundary {
    /// At empty lines.
    Blocks,
    /// At line ends.
    Lines,
    /// As the bytes come.
    Nowhere,
}

impl Tracer {
    /// Nobody looks on.
    pub(crate) fn off() -> Self {
        Self::default()
    }

    /// Somebody looks on, from now.
    pub(crate) fn on() -> Self {
        let since = Instant::now();
        let told = Mutex::default();
        let news = Notify::new();
        Self(Some(Arc::new(TraceBuffer { since, event: told, news })))
    }

    /// A decoder that tells what comes of each event.
    pub(crate) fn over(&self, decoder: Box<dyn Decode>, cut: EventBoundary) -> Box<dyn Decode> {
        match &self.0 {
            None => decoder,
            Some(seen) => Box::new(TracingDecoder { seen: Arc::clone(seen), decoder, cut, held: Vec::new() }),
        }
    }

    /// Notes that a request was answered. Its query may hold a token, so it is left out.
    pub(crate) fn answered(&self, method: &str, url: &Url, status: StatusCode) {
        let Some(seen) = &self.0 else { return };
        let method = method.to_owned();
        let path = url.path().to_owned();
        let status = status.as_u16();
        seen.tell(TrialEvent::Answered { method, path, status, at_ms: seen.elapsed_ms() });
    }

    /// Waits until there is something to take.
    pub(crate) async fn news(&self) {
        match &self.0 {
            Some(seen) => seen.news.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Takes what was seen since.
    pub(crate) fn take(&self) -> Vec<TrialEvent> {
        self.0.as_ref().map(|seen| std::mem::take(&mut *seen.told())).unwrap_or_default()
    }

    /// How long somebody has looked on.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.0.as_ref().map_or(0, |seen| seen.elapsed_ms())
    }
}

impl TraceBuffer {
    fn tell(&self, event: TrialEvent) {
        let mut all = self.told();
        if all.len() < MOST {
            all.push(event);
        }
        self.news.notify_one();
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Vec<TrialEvent>> {
        self.event.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A decoder under watch.
struct TracingDecoder {
    seen: Arc<TraceBuffer>,
    decoder: Box<dyn Decode>,
    cut: EventBoundary,
    /// The event that has not ended yet; it has gone to the decoder already.
    held: Vec<u8>,
}

impl Decode for TracingDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Delta>) -> Result<(), Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, after, ends) = self.first_piece(rest);
            rest = after;
            let before = out.len();
            let pushed = self.decoder.push(piece, out);
            self.held.extend_from_slice(piece);
            let new = &out[before..];
            if ends || !new.is_empty() || pushed.is_err() {
                self.tell(new);
            }
            pushed?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let before = out.len();
        let finished = self.decoder.finish(out);
        if !self.held.is_empty() || before < out.len() {
            self.tell(&out[before..]);
        }
        finished
    }

    fn has_ended(&self) -> bool {
        self.decoder.has_ended()
    }

    fn is_queued(&self) -> bool {
        self.decoder.is_queued()
    }

    fn values(&self) -> Captures {
        self.decoder.values()
    }
}

impl TracingDecoder {
    /// The bytes up to the end of the event, if it ends in them, and those after it.
    fn first_piece<'b>(&self, bytes: &'b [u8]) -> (&'b [u8], &'b [u8], bool) {
        let line_end =
            |from: usize| bytes[from..].iter().position(|byte| *byte == b'\n').map(|at| from + at + 1);
        let end = match self.cut {
            EventBoundary::Nowhere => Some(bytes.len()),
            EventBoundary::Lines => line_end(0),
            EventBoundary::Blocks => {
                let mut end = line_end(0);
                while let Some(at) = end {
                    let before: Vec<u8> = [self.held.as_slice(), &bytes[..at]].concat();
                    if before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n") {
                        break;
                    }
                    end = line_end(at);
                }
                end
            }
        };
        let (piece, after) = bytes.split_at(end.unwrap_or(bytes.len()));
        (piece, after, end.is_some())
    }

    fn tell(&mut self, deltas: &[Delta]) {
        let raw = String::from_utf8_lossy(&std::mem::take(&mut self.held)).trim().to_owned();
        if raw.is_empty() && deltas.is_empty() {
            return;
        }
        let shown = raw.char_indices().nth(LONGEST).map_or(raw.as_str(), |(at, _)| &raw[..at]);
        let raw = if shown.len() < raw.len() { format!("{shown}...") } else { raw };
        let said = deltas.iter().map(said).collect();
        let at_ms = self.seen.elapsed_ms();
        self.seen.tell(TrialEvent::Event { raw, said, at_ms });
    }
}

fn said(delta: &Delta) -> TrialText {
    let (what, piece) = match delta {
        Delta::Text(text) => ("text", text.clone()),
        Delta::Reasoning(text) => ("reasoning", text.clone()),
        Delta::Fragment(fragment) => {
            ("call", format!("{}{}", fragment.name.clone().unwrap_or_default(), fragment.arguments))
        }
        Delta::Call(call) => ("call", format!("{} {}", call.name, call.arguments)),
        Delta::Usage(usage) => ("usage", format!("{} + {} tokens", usage.prompt, usage.completion)),
        Delta::Finish(finish) => ("finish", finish.as_str().to_owned()),
    };
    TrialText { what: what.to_owned(), piece }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says each `x`.
    struct Xs;

    impl Decode for Xs {
        fn push(&mut self, bytes: &[u8], out: &mut Vec<Delta>) -> Result<(), Fault> {
            out.extend(bytes.iter().filter(|byte| **byte == b'x').map(|_| Delta::Text("x".to_owned())));
            Ok(())
        }

        fn finish(&mut self, _: &mut Vec<Delta>) -> Result<(), Fault> {
            Ok(())
        }

        fn has_ended(&self) -> bool {
            false
        }

        fn is_queued(&self) -> bool {
            true
        }

        fn values(&self) -> Captures {
            Captures::new()
        }
    }

    fn events(cut: EventBoundary, pieces: &[&str]) -> Vec<String> {
        let watch = Tracer::on();
        let mut decoder = watch.over(Box::new(Xs), cut);
        let mut out = Vec::new();
        for piece in pieces {
            decoder.push(piece.as_bytes(), &mut out).unwrap();
        }
        decoder.finish(&mut out).unwrap();
        let shown = |told| match told {
            TrialEvent::Event { raw, said, .. } => format!("{raw:?} {}", said.len()),
            other => panic!("{other:?}"),
        };
        watch.take().into_iter().map(shown).collect()
    }

    /// Its prompt waits in the site's queue: the deadline of the first word must not pass meanwhile, watched or not.
    #[test]
    fn a_queue_is_seen_through_a_watch() {
        assert!(Tracer::off().over(Box::new(Xs), EventBoundary::Nowhere).is_queued());
        assert!(Tracer::on().over(Box::new(Xs), EventBoundary::Nowhere).is_queued());
    }

    #[test]
    fn each_event_is_told_with_what_came_of_it_however_the_bytes_come() {
        assert_eq!(
            events(EventBoundary::Blocks, &["id: 1\ndata: a\n", "\ndata: b\r\n\r\nda", "ta: c\n\n"]),
            ["\"id: 1\\ndata: a\" 0", "\"data: b\" 0", "\"data: c\" 0"]
        );
        assert_eq!(
            events(EventBoundary::Lines, &["{1}\n{", "x}\n{3"]),
            ["\"{1}\" 0", "\"{x}\" 1", "\"{3\" 0"]
        );
        assert_eq!(events(EventBoundary::Nowhere, &["one x", "two"]), ["\"one x\" 1", "\"two\" 0"]);
    }
}
