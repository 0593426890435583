//! Thinking that a page has folded: `<details>` of Open WebUI, with its summary, its quotation marks and its escapes.

use super::{
    Sieve,
    event::SieveEvent,
    state::{SieveState, SieveStep},
};
use crate::{
    dialect::{
        tag::{Lexed, Lexicon},
        words::TagWord,
    },
    text::unescaped,
};

/// What comes next in a block.
enum BlockToken {
    /// A line, with its break.
    Line(usize),
    /// The block's end: what is left of its last line, and the closer.
    End {
        line: usize,
        closer: usize,
    },
    Wait,
}

impl Sieve {
    /// Gives folded thinking line by line until its closer.
    pub(super) fn folded(&mut self, out: &mut Vec<SieveEvent>) -> SieveStep {
        let rest = &self.buffer[self.at..];
        match next(rest, &self.lexicon) {
            BlockToken::Wait => return SieveStep::Wait,
            BlockToken::Line(size) => self.line(size, out),
            BlockToken::End { line, closer } => {
                self.line(line, out);
                self.consume(closer);
                self.folded.begun = false;
                self.folded.breaks = 0;
                self.folded.ended = true;
                self.markdown.restart();
                self.state = SieveState::Prose;
            }
        }
        SieveStep::On
    }

    /// Gives what is left of a block that was cut.
    pub(super) fn finish_folded(&mut self, out: &mut Vec<SieveEvent>) {
        self.line(self.buffer.len() - self.at, out);
    }

    /// Takes the line breaks behind a block.
    pub(super) fn skip_breaks(&mut self) {
        if !self.folded.ended {
            return;
        }
        let rest = &self.buffer[self.at..];
        let size = rest.len() - rest.trim_start_matches(['\n', '\r']).len();
        self.folded.ended = size == rest.len();
        self.consume(size);
    }

    /// Books what was taken of blocks and not given.
    pub(super) fn settle_folded(&mut self) {
        self.counts.consume(std::mem::take(&mut self.folded.taken));
    }

    fn line(&mut self, size: usize, out: &mut Vec<SieveEvent>) {
        self.counts.work(size);
        let raw = self.take(self.at + size);
        let line = summary(raw.trim_end_matches(['\n', '\r']));
        let quoted = ["&gt; ", "&gt;", "> ", ">"].iter().find_map(|mark| line.strip_prefix(mark));
        let text = unescaped(quoted.unwrap_or(line));
        let folded = &mut self.folded;
        let mut given = String::new();
        if !text.trim().is_empty() {
            given = "\n".repeat(std::mem::take(&mut folded.breaks)) + &text;
            folded.begun = true;
        }
        folded.breaks += usize::from(folded.begun && raw.ends_with('\n'));
        // No line is given longer than it was taken, its breaks included.
        folded.taken = (folded.taken + raw.len()).saturating_sub(given.len());
        self.think(&given, out);
    }
}

/// A line without the summary that may stand in it.
fn summary(line: &str) -> &str {
    let rest = line.trim_start();
    match rest.strip_prefix("<summary>").and_then(|rest| rest.split_once("</summary>")) {
        Some((_, after)) => after.trim_start(),
        None => line,
    }
}

fn next(rest: &str, lexicon: &Lexicon) -> BlockToken {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'<', b'\n', &rest.as_bytes()[at..]) {
        at += found;
        if rest.as_bytes()[at] == b'\n' {
            return BlockToken::Line(at + 1);
        }
        match lexicon.lex(&rest[at..]) {
            Lexed::Tag(tag) if tag.closes && tag.word == TagWord::Details => {
                return BlockToken::End { line: at, closer: tag.size };
            }
            Lexed::Partial(partial) if partial.thought => return BlockToken::Wait,
            Lexed::Tag(_) | Lexed::Partial(_) | Lexed::NotATag => at += 1,
        }
    }
    BlockToken::Wait
}
