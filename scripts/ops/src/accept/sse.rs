//! The `data:` lines of an event stream, out of bytes as they come.

use reqwest::Response;

/// Hands over each payload of an answer, to its end.
///
/// # Errors
/// What it means that the answer breaks off, or what `take` says.
pub(super) async fn each(
    mut response: Response,
    mut take: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = EventReader::default();
    while let Some(bytes) = response.chunk().await.map_err(|error| broken(&error))? {
        for payload in reader.push(&bytes) {
            take(&payload)?;
        }
    }
    Ok(())
}

/// What it means that an answer breaks off.
pub(super) fn broken(error: &reqwest::Error) -> String {
    let why = match error {
        error if error.is_timeout() => "no end within the deadline",
        error if error.is_connect() => "no connection",
        error if error.is_decode() => "the answer cannot be read",
        _ => "the connection broke",
    };
    why.to_owned()
}

/// Reads a stream.
#[derive(Debug, Default)]
struct EventReader {
    rest: Vec<u8>,
}

impl EventReader {
    /// Takes bytes; returns the payloads of the lines that they complete.
    fn push(&mut self, bytes: &[u8]) -> Vec<String> {
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
