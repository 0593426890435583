//! Cuts an answer's bytes into events, as the site file says they are framed.

use latchkey_shared::site::chat::stream::{StreamFormat, StreamRules};

use super::socket::packet;
use crate::stream::{
    fault::Fault,
    sse::{EventSink, SseEvent, SseParser},
};

/// Longest event that is taken.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;
const TOO_LONG: Fault = Fault::Unreadable("an event is too long");

/// Ends each message of a socket, as Engine.IO's own payloads have it: JSON never has this byte.
pub(super) const SEPARATOR: u8 = 0x1e;

/// Makes an event of a message, if it is one.
type UnpackEvent = fn(&[u8], &mut EventSink<'_>) -> Result<(), Fault>;

/// Cuts bytes.
#[derive(Debug)]
pub(super) enum Framing {
    Sse(SseParser),
    Lines {
        line: Vec<u8>,
        prefix: String,
    },
    Json(JsonElements),
    /// Messages of a socket, each ended by [`SEPARATOR`].
    Messages(Vec<u8>, UnpackEvent),
    /// The bytes of a character that is not yet whole.
    Text(Vec<u8>),
}

/// The elements of an array, or one value alone.
#[derive(Debug, Default)]
pub(super) struct JsonElements {
    held: Vec<u8>,
    /// How many brackets are open; the array's own is one.
    depth: usize,
    in_array: bool,
    begun: bool,
    in_string: bool,
    escaped: bool,
}

impl Framing {
    pub(super) fn new(reading: &StreamRules) -> Self {
        let prefix = reading.prefix.clone().unwrap_or_default();
        match reading.format {
            StreamFormat::Sse => Self::Sse(SseParser::default()),
            StreamFormat::Ndjson => Self::Lines { line: Vec::new(), prefix },
            StreamFormat::Json if reading.poll.is_some() => Self::Lines { line: Vec::new(), prefix },
            StreamFormat::Json => Self::Json(JsonElements::default()),
            StreamFormat::Text => Self::Text(Vec::new()),
            StreamFormat::Messages => {
                Self::Messages(Vec::new(), |message, sink| sink(SseEvent::data(message)))
            }
            StreamFormat::Packets => Self::Messages(Vec::new(), packet::event),
        }
    }

    /// Takes bytes and gives each complete event.
    ///
    /// # Errors
    /// An event beyond the limit, or whatever `sink` returns.
    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut EventSink<'_>) -> Result<(), Fault> {
        match self {
            Self::Sse(events) => events.push(bytes, sink),
            Self::Lines { line, prefix } => {
                for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                    hold(line, piece)?;
                    if piece.ends_with(b"\n") {
                        let whole = std::mem::take(line);
                        self::line(&whole, prefix, sink)?;
                    }
                }
                Ok(())
            }
            Self::Json(elements) => elements.push(bytes, sink),
            Self::Messages(held, unpack) => {
                for piece in bytes.split_inclusive(|byte| *byte == SEPARATOR) {
                    hold(held, piece)?;
                    if held.last() == Some(&SEPARATOR) {
                        let whole = std::mem::take(held);
                        unpack(&whole[..whole.len() - 1], sink)?;
                    }
                }
                Ok(())
            }
            Self::Text(held) => {
                hold(held, bytes)?;
                let whole = whole_characters(held);
                if whole > 0 {
                    sink(SseEvent::data(&held[..whole]))?;
                    held.drain(..whole);
                }
                Ok(())
            }
        }
    }

    /// Ends the bytes.
    ///
    /// # Errors
    /// Whatever `sink` returns.
    pub(super) fn finish(&mut self, sink: &mut EventSink<'_>) -> Result<(), Fault> {
        match self {
            Self::Sse(events) => events.finish(sink),
            Self::Lines { line, prefix } => {
                let whole = std::mem::take(line);
                self::line(&whole, prefix, sink)
            }
            Self::Json(elements) => elements.finish(sink),
            // A message that is not whole was cut off, and so was the answer: no rule has told its end.
            Self::Messages(..) => Ok(()),
            Self::Text(held) if held.is_empty() => Ok(()),
            Self::Text(held) => sink(SseEvent::data(held)),
        }
    }
}

impl JsonElements {
    fn push(&mut self, bytes: &[u8], sink: &mut EventSink<'_>) -> Result<(), Fault> {
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_string {
                self.in_string = self.escaped || *byte != b'"';
                self.escaped = !self.escaped && *byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'[' if !self.begun => {
                    self.in_array = true;
                    from = at + 1;
                    self.depth += 1;
                }
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.begun |= !byte.is_ascii_whitespace();
            let closes = *byte == b']' && self.depth == 0;
            if self.in_array && (closes || (*byte == b',' && self.depth == 1)) {
                hold(&mut self.held, &bytes[from..at])?;
                from = at + 1;
                self.flush(sink)?;
                self.in_array = !closes;
            }
        }
        hold(&mut self.held, &bytes[from.min(bytes.len())..])
    }

    fn finish(&mut self, sink: &mut EventSink<'_>) -> Result<(), Fault> {
        // An array without its bracket was cut off.
        if self.in_array { Err(Fault::Truncated) } else { self.flush(sink) }
    }

    fn flush(&mut self, sink: &mut EventSink<'_>) -> Result<(), Fault> {
        let held = std::mem::take(&mut self.held);
        if held.trim_ascii().is_empty() { Ok(()) } else { sink(SseEvent::data(&held)) }
    }
}

fn line(line: &[u8], prefix: &str, sink: &mut EventSink<'_>) -> Result<(), Fault> {
    match line.trim_ascii().strip_prefix(prefix.as_bytes()).map(<[u8]>::trim_ascii) {
        Some(data) if !data.is_empty() => sink(SseEvent::data(data)),
        Some(_) | None => Ok(()),
    }
}

fn hold(held: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Fault> {
    if held.len() + bytes.len() > LIMIT_BYTES {
        return Err(TOO_LONG);
    }
    held.extend_from_slice(bytes);
    Ok(())
}

/// How many bytes are whole characters, or no UTF-8 at all.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => bytes.len(),
    }
}
