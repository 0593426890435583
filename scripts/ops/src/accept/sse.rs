//! The `data:` lines of an event stream, out of bytes as they come.

/// Reads a stream.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    rest: Vec<u8>,
}

impl EventReader {
    /// Takes bytes; returns the payloads of the lines that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut payloads = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(payload) = line.trim_end().strip_prefix("data:") {
                payloads.push(payload.trim().to_owned());
            }
        }
        payloads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_come_in_pieces() {
        let mut reader = EventReader::default();

        let payloads = ["event: a\nda", "ta: {\"b\"", ":1}\r\n\n: c\ndata: [DO", "NE]\n"]
            .map(|bytes| reader.push(bytes.as_bytes()));

        assert_eq!(payloads.concat(), ["{\"b\":1}", "[DONE]"]);
    }
}
