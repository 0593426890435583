//! Standard output: the answer of a command, as text or as JSON.

use std::io::{self, Write};

use serde::Serialize;

/// Where a command's answer goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints one value for programs, or text for people.
    pub(super) fn answer(self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let answer = if self.json { serde_json::to_string_pretty(value)? } else { text() };
        self.write(&format!("{}\n", answer.trim_end()))
    }

    /// Prints a text that is for people and programs alike.
    pub(super) fn text(self, text: &str) -> anyhow::Result<()> {
        self.write(text)
    }

    /// Prints a piece of text for people as it comes; programs wait for the answer.
    pub(super) fn show(self, text: &str) -> anyhow::Result<()> {
        if self.json { Ok(()) } else { self.write(text) }
    }

    #[expect(clippy::unused_self, reason = "all output goes through an Output")]
    fn write(self, text: &str) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            // `| head` has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }
}
