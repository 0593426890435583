//! From the bytes of a site that speaks like OpenAI to deltas: events, or one JSON body where it does not stream.

use super::wire::Event;
use crate::stream::{
    Decode,
    delta::{Delta, Values},
    fault::Fault,
    sse::Events,
};

/// Longest JSON body that is taken.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// Reads one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    framing: Framing,
    ended: bool,
}

#[derive(Debug)]
enum Framing {
    Events(Events),
    Whole(Vec<u8>),
}

impl Decoder {
    /// For a stream of events.
    pub(super) fn events() -> Self {
        Self { framing: Framing::Events(Events::default()), ended: false }
    }

    /// For one JSON body, which some sites send although a stream was asked for.
    pub(super) fn whole() -> Self {
        Self { framing: Framing::Whole(Vec::new()), ended: false }
    }
}

impl Decode for Decoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Delta>) -> Result<(), Fault> {
        let ended = &mut self.ended;
        match &mut self.framing {
            Framing::Events(events) => events.push(bytes, &mut |read| event(read.data, ended, out)),
            Framing::Whole(body) if body.len() + bytes.len() > LIMIT_BYTES => {
                Err(Fault::Unreadable("the body is too long"))
            }
            Framing::Whole(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let ended = &mut self.ended;
        match &mut self.framing {
            Framing::Events(events) => events.finish(&mut |read| event(read.data, ended, out)),
            Framing::Whole(body) => {
                let body = std::mem::take(body);
                event(&body, ended, out)?;
                *ended = true;
                Ok(())
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.ended
    }

    fn is_queued(&self) -> bool {
        false
    }

    fn values(&self) -> Values {
        Values::new()
    }
}

/// Reads one event's data. Whatever follows the end mark is not looked at.
fn event(data: &[u8], ended: &mut bool, out: &mut Vec<Delta>) -> Result<(), Fault> {
    let data = data.trim_ascii();
    if *ended || data.is_empty() {
        return Ok(());
    }
    if data == b"[DONE]" {
        *ended = true;
        return Ok(());
    }
    match serde_json::from_slice::<Event<'_>>(data) {
        Ok(event) => event.into_deltas(out),
        Err(_) => Err(Fault::Unreadable("an event is not the JSON that it should be")),
    }
}

#[cfg(test)]
mod tests;
