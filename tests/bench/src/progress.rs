//! Where a run is, and how long it will take yet, for a person who waits.

use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};

use tokio::time::Instant;

/// Between two lines where nothing can be written over.
const LINES: Duration = Duration::from_secs(10);

/// The progress of a run.
pub(crate) struct Progress {
    begun: Instant,
    whole: Duration,
    planned: Duration,
    said: Option<Instant>,
}

impl Progress {
    /// Of a run that should take so long.
    pub(crate) fn new(whole: Duration) -> Self {
        Self { begun: Instant::now(), whole, planned: Duration::ZERO, said: None }
    }

    /// Says what comes next, and what it should take.
    #[expect(clippy::print_stderr, reason = "progress, for a person who waits")]
    pub(crate) fn step(&mut self, part: &str, what: &str, takes: Duration) {
        let left = self.whole.saturating_sub(self.planned).as_secs();
        self.planned += takes;
        let line = format!("{:4} s, about {left} s left  {part} {what}", self.begun.elapsed().as_secs());
        if stderr().is_terminal() {
            eprint!("\r\x1b[K{line}");
        } else if self.said.is_none_or(|said| LINES < said.elapsed()) {
            self.said = Some(Instant::now());
            eprintln!("{line}");
        }
    }

    /// Leaves the line.
    #[expect(clippy::print_stderr, reason = "progress, for a person who waits")]
    pub(crate) fn end(&self) {
        if stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }
}
