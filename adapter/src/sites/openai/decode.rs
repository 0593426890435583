//! From the bytes of a site that speaks like OpenAI to deltas: events, or one JSON body where it does not stream.
//!
//! Which of both an answer is its first letter tells: content types lie.

use super::{voices::TextFields, wire::Event};
use crate::{
    sites::refusal,
    stream::{
        Decode,
        delta::{Captures, Delta},
        fault::Fault,
        sse::{self, SseParser},
    },
};

/// Longest JSON body that is taken.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Reads one answer.
#[derive(Debug, Default)]
pub(super) struct OpenAiDecoder {
    framing: AnswerFraming,
    answer: AnswerState,
}

#[derive(Debug)]
enum AnswerFraming {
    /// Nothing so far but blanks, and perhaps half a byte order mark.
    Blank(Vec<u8>),
    Events(SseParser),
    Whole(Vec<u8>),
}

/// What is known of the answer so far.
#[derive(Debug, Default)]
struct AnswerState {
    fields: TextFields,
    ended: bool,
    finished: bool,
    /// What an event may have meant that was no piece of an answer.
    strange: Option<Fault>,
}

impl Default for AnswerFraming {
    fn default() -> Self {
        Self::Blank(Vec::new())
    }
}

impl AnswerFraming {
    /// Decides on the first letter that is no blank, and gives what is there from then on.
    fn decide(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let Self::Blank(before) = self else { return None };
        before.extend_from_slice(bytes);
        let said = before.trim_ascii_start();
        let said = said.strip_prefix(BOM).unwrap_or(said).trim_ascii_start().to_vec();
        if BOM.starts_with(&said) {
            *before = said;
            return None;
        }
        *self = if said[0] == b'{' { Self::Whole(Vec::new()) } else { Self::Events(SseParser::default()) };
        Some(said)
    }
}

impl Decode for OpenAiDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Delta>) -> Result<(), Fault> {
        let first = self.framing.decide(bytes);
        let bytes = first.as_deref().unwrap_or(bytes);
        let answer = &mut self.answer;
        match &mut self.framing {
            AnswerFraming::Blank(_) => Ok(()),
            AnswerFraming::Events(events) => events.push(bytes, &mut |read| answer.event(&read, out)),
            AnswerFraming::Whole(body) if body.len() + bytes.len() <= LIMIT_BYTES => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            AnswerFraming::Whole(_) => Err(Fault::Unreadable("the body is too long")),
        }
    }

    fn finish(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let answer = &mut self.answer;
        match &mut self.framing {
            AnswerFraming::Blank(_) => Ok(()),
            AnswerFraming::Events(events) => {
                events.finish(&mut |read| answer.event(&read, out))?;
                answer.end(out)
            }
            AnswerFraming::Whole(body) => {
                let body = std::mem::take(body);
                answer.event(&sse::SseEvent::data(&body), out)?;
                answer.end(out)?;
                answer.ended = true;
                Ok(())
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.answer.ended
    }

    fn is_queued(&self) -> bool {
        false
    }

    fn values(&self) -> Captures {
        Captures::new()
    }
}

impl AnswerState {
    /// Reads one event. Whatever follows the end mark is not looked at.
    fn event(&mut self, read: &sse::SseEvent<'_>, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let data = read.data.trim_ascii();
        if self.ended || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.end(out)?;
            self.ended = true;
            return Ok(());
        }
        let Ok(event) = serde_json::from_slice::<Event<'_>>(data) else {
            return Err(match read.name {
                b"error" => reported(data),
                _ => Fault::Unreadable("an event is not the JSON that it should be"),
            });
        };
        if event.is_error() || read.name == b"error" {
            return Err(reported(data));
        }
        if event.is_strange() {
            self.strange.get_or_insert_with(|| reported(data));
            return Ok(());
        }
        let from = out.len();
        event.into_deltas(&mut self.fields, out)?;
        self.finished |= out[from..].iter().any(|delta| matches!(delta, Delta::Finish(_)));
        Ok(())
    }

    /// Ends the answer. One that gave no reason for its end, but an event that is no piece of an answer, has failed: the
    /// event was an error in words of the site's own.
    fn end(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        self.fields.end(out)?;
        match self.strange.take() {
            Some(fault) if !self.finished && !self.ended => Err(fault),
            _ => Ok(()),
        }
    }
}

fn reported(data: &[u8]) -> Fault {
    refusal::reported(&String::from_utf8_lossy(data).to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
