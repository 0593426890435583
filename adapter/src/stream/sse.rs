//! Server-sent events from bytes (WHATWG HTML, section 9.2.6), as a push stage.
//!
//! Lines end in LF, CRLF or CR; several `data:` lines are joined by LF; comments, retry times and unknown
//! fields are dropped, wherever they stand.

use super::fault::Fault;

/// Longest line and event that are taken; whole files pass through tool arguments.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// A comment, which keeps intermediaries from taking a long thought for a dead stream.
pub(crate) const HEARTBEAT: &[u8] = b": hb\n\n";
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One event. Without data it is given all the same if it has a name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SseEvent<'a> {
    /// Its name; empty where it has none.
    pub name: &'a [u8],
    /// The id that came with it; empty where none did.
    pub id: &'a [u8],
    /// Its data.
    pub data: &'a [u8],
}

impl<'a> SseEvent<'a> {
    /// One that is nothing but data.
    pub(crate) fn data(data: &'a [u8]) -> Self {
        Self { data, ..Self::default() }
    }
}

/// Cuts bytes into events.
#[derive(Debug, Default)]
pub(crate) struct SseParser {
    line: Vec<u8>,
    name: Vec<u8>,
    id: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    started: bool,
    after_cr: bool,
}

impl SseParser {
    /// Takes bytes and gives each complete event.
    ///
    /// # Errors
    /// A line or event beyond the limit, or whatever `event` returns.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        event: &mut dyn FnMut(SseEvent<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            if self.line.is_empty() {
                self.line_ends(&rest[..end], event)?;
            } else {
                self.keep(&rest[..end])?;
                let mut line = std::mem::take(&mut self.line);
                self.line_ends(&line, event)?;
                line.clear();
                self.line = line;
            }
            let was_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if was_cr {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
        }
        self.keep(rest)
    }

    /// Ends the stream. An event without its blank line still counts: sites forget it before they close.
    ///
    /// # Errors
    /// Whatever `event` returns.
    pub(crate) fn finish(
        &mut self,
        event: &mut dyn FnMut(SseEvent<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.line_ends(&line, event)?;
        }
        self.line_ends(b"", event)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.line.len() + bytes.len() > LIMIT_BYTES {
            return Err(Fault::Unreadable("a line is too long"));
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn line_ends(
        &mut self,
        line: &[u8],
        event: &mut dyn FnMut(SseEvent<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let line = if self.started { line } else { line.strip_prefix(BOM).unwrap_or(line) };
        self.started = true;
        if line.is_empty() {
            return self.event_ends(event);
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => self.keep_data(value),
            b"event" => {
                self.name = value.to_vec();
                Ok(())
            }
            b"id" => {
                self.id = value.to_vec();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn keep_data(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.data.len() + value.len() > LIMIT_BYTES {
            return Err(Fault::Unreadable("an event is too long"));
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
        Ok(())
    }

    fn event_ends(&mut self, event: &mut dyn FnMut(SseEvent<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        if !self.has_data && self.name.is_empty() {
            return Ok(());
        }
        self.has_data = false;
        let result = event(SseEvent { name: &self.name, id: &self.id, data: &self.data });
        self.name.clear();
        self.id.clear();
        self.data.clear();
        result
    }
}

/// Takes events as they come.
pub(crate) type EventSink<'a> = dyn FnMut(SseEvent<'_>) -> Result<(), Fault> + 'a;

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let mut found = Vec::new();
        let mut keep = |event: SseEvent<'_>| {
            let mut parts = vec![event.name, event.id];
            parts.retain(|part| !part.is_empty());
            parts.push(event.data);
            found.push(String::from_utf8(parts.join(&b'|')).unwrap());
            Ok(())
        };
        let mut stage = SseParser::default();
        for piece in pieces {
            stage.push(piece, &mut keep).unwrap();
        }
        stage.finish(&mut keep).unwrap();
        found
    }

    #[test]
    fn every_line_ending_and_a_byte_order_mark_are_understood() {
        assert_eq!(events(&[b"\xEF\xBB\xBFdata: a\n\ndata:b\r\n\r\ndata: c\r\rdata"]), ["a", "b", "c", ""]);
    }

    #[test]
    fn data_lines_are_joined_and_unknown_fields_are_dropped() {
        let odd = b": hi\nmessage: no\ndata: {\nid: 1\ndata: }\nretry: 3\nevent: x\ndatum: 2\n\n";
        assert_eq!(events(&[odd]), ["x|1|{\n}"]);
    }

    #[test]
    fn name_and_id_are_their_events_own() {
        assert_eq!(events(&[b"event: end\nid: 7\n\ndata: a\n\n"]), ["end|7|", "a"]);
    }

    #[test]
    fn an_event_without_its_blank_line_counts() {
        assert_eq!(events(&[b"data: a\n\ndata: [DONE]"]), ["a", "[DONE]"]);
    }

    #[test]
    fn a_split_between_cr_and_lf_makes_no_blank_line() {
        assert_eq!(events(&[b"data: a\r", b"\ndata: b\r", b"", b"\n\r\n"]), ["a\nb"]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut stage = SseParser::default();
        let piece = vec![b'x'; LIMIT_BYTES];

        assert_eq!(stage.push(&piece, &mut |_| Ok(())), Ok(()));
        assert!(stage.push(b"x", &mut |_| Ok(())).is_err());
    }
}
