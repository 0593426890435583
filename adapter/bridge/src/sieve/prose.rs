//! The sieve while it reads text: gives it, and holds back only what may become markup.

use super::{
    AnswerEnd, Sieve,
    event::{CallOrigin, InvalidCall, InvalidKind, SieveEvent},
    foreign::{self, ForeignBlock},
    head::{HeadScanner, Lookahead},
    state::{BlockPosition, SieveState, SieveStep},
};
use crate::{
    arguments::{CallSource, RawCall},
    dialect::{
        marks,
        tag::{Lexed, Lexicon},
        words::TagWord,
    },
};

/// A tag that is cut before so many bytes may as well be text.
const CUT_TAG_BYTES: usize = 6;

/// About how much of a place is looked at before it is known to be text.
const LOOKED_BYTES: usize = 16;

impl Sieve {
    /// Gives text up to the next place that may be markup.
    pub(super) fn prose(&mut self, out: &mut Vec<SieveEvent>) -> SieveStep {
        self.skip_breaks();
        let mut to = self.at;
        let mut said = self.counts.has_said();
        let head = loop {
            if to == self.buffer.len() {
                break Lookahead::Wait;
            }
            self.counts.work(LOOKED_BYTES.min(self.buffer.len() - to));
            let head = match self.look(to, said) {
                Lookahead::Held(_) if self.foreign.is_none() => Lookahead::Text,
                head => head,
            };
            if head != Lookahead::Text {
                break head;
            }
            let from = to;
            to = self.pass(from);
            self.counts.work(to - from);
            said = said || !self.buffer[from..to].trim_start().is_empty();
        };
        let text = self.take(to);
        self.counts.give(SieveEvent::Text(text), out);
        self.turn(&head)
    }

    /// Judges a place.
    fn look(&self, at: usize, said: bool) -> Lookahead {
        let eye = HeadScanner { lexicon: &self.lexicon, said };
        let rest = &self.buffer[at..];
        if self.markdown.is_line_start() {
            return if rest.starts_with([' ', '\t', '\n']) { Lookahead::Text } else { eye.line(rest) };
        }
        let bracket = rest.starts_with(['<', '[']);
        if bracket && !self.markdown.is_fenced() && !self.markdown.is_code() {
            eye.within(rest)
        } else {
            Lookahead::Text
        }
    }

    /// Goes over one letter and all that follows it and cannot be markup; gives where that ends.
    fn pass(&mut self, from: usize) -> usize {
        let rest = &self.buffer.as_bytes()[from..];
        let size = if self.markdown.is_fenced() || rest[0] == b'\n' {
            memchr::memchr(b'\n', rest).map(|line| line + 1)
        } else if self.markdown.is_line_start() && matches!(rest[0], b' ' | b'\t') {
            rest.iter().position(|byte| !matches!(byte, b' ' | b'\t'))
        } else {
            let skip = self.buffer[from..].chars().next().map_or(1, char::len_utf8);
            let stop = memchr::memchr3(b'\n', b'<', b'[', &rest[skip..]).map(|found| skip + found);
            stop.map(|stop| if rest[stop] == b'\n' { stop + 1 } else { stop })
        };
        let to = size.map_or(self.buffer.len(), |size| from + size);
        self.markdown.take(&self.buffer[from..to]);
        to
    }

    /// Changes the state as the head of what follows says.
    fn turn(&mut self, head: &Lookahead) -> SieveStep {
        match *head {
            Lookahead::Wait | Lookahead::Text => return SieveStep::Wait,
            Lookahead::Own(skip) => {
                self.skip(skip);
                self.state = SieveState::Own(BlockPosition::After);
            }
            Lookahead::Held(skip) => {
                self.skip(skip);
                self.state = SieveState::Held;
            }
            Lookahead::Think(size, word) => {
                self.consume(size);
                self.state = SieveState::Think(word);
            }
            Lookahead::Unthink(size) => {
                self.consume(size);
                self.markdown.restart();
            }
        }
        SieveStep::On
    }

    /// Stray words before an opener mean nothing.
    fn skip(&mut self, size: usize) {
        self.counts.drop_bytes(size);
        self.at += size;
    }

    pub(super) fn consume(&mut self, size: usize) {
        self.counts.consume(size);
        self.at += size;
    }

    /// Gives thinking inside the content until its closer.
    pub(super) fn thinking(&mut self, word: TagWord, out: &mut Vec<SieveEvent>) -> SieveStep {
        let mut to = self.at;
        let closer = loop {
            let Some(found) = memchr::memchr(b'<', &self.buffer.as_bytes()[to..]) else {
                to = self.buffer.len();
                break None;
            };
            to += found;
            self.counts.work(found + 1);
            match self.lexicon.lex(&self.buffer[to..]) {
                Lexed::Tag(tag) if tag.closes && tag.word == word => break Some(tag.size),
                Lexed::Partial(partial) if partial.thought => break None,
                Lexed::Tag(_) | Lexed::Partial(_) | Lexed::NotATag => to += 1,
            }
        };
        let text = self.take(to);
        self.think(&text, out);
        let Some(size) = closer else { return SieveStep::Wait };
        self.consume(size);
        self.markdown.restart();
        self.state = SieveState::Prose;
        SieveStep::On
    }

    /// What was held back at the end is text, or a tag that was cut.
    pub(super) fn finish_prose(&mut self, out: &mut Vec<SieveEvent>) {
        let rest = self.take(self.buffer.len());
        if is_cut_tag(&rest, &self.lexicon) {
            self.counts.consume(rest.len());
            self.truncate(None, rest, out);
        } else {
            self.counts.give(SieveEvent::Text(rest), out);
        }
    }

    /// Judges a foreign block now that nothing follows.
    pub(super) fn finish_held(&mut self, end: AnswerEnd, out: &mut Vec<SieveEvent>) {
        let raw = self.take(self.buffer.len());
        let weak = raw.starts_with(['{', '`', '~']) || (raw.starts_with('[') && !raw.starts_with("[TOOL"));
        match foreign::read(&raw, &self.lexicon) {
            // A cut answer may end in closers that are only content.
            ForeignBlock::Calls { .. } | ForeignBlock::Weak(_) if end == AnswerEnd::Cut => {
                self.finish_cut(None, raw, out);
            }
            ForeignBlock::Calls { end, .. } if self.is_quoted(&raw[..end]) => {
                self.counts.give(SieveEvent::Text(raw), out);
            }
            ForeignBlock::Text | ForeignBlock::Open { .. }
                if end == AnswerEnd::Complete && self.is_unread(&raw) =>
            {
                self.doubt(raw, out);
            }
            ForeignBlock::Weak(_) if self.is_quoted(&raw) => self.counts.give(SieveEvent::Text(raw), out),
            ForeignBlock::Calls { raw: found, end } => {
                self.counts.consume(end);
                self.drop_rest(&raw[end..]);
                self.give_all(found, CallOrigin::Lenient, raw, out);
            }
            ForeignBlock::Weak(found) => self.finish_weak(found, raw, out),
            ForeignBlock::Open { name } if !weak => self.finish_cut(name, raw, out),
            ForeignBlock::Open { name: Some(name) } if self.catalog.resolve(&name).is_some() => {
                self.finish_cut(Some(name), raw, out);
            }
            ForeignBlock::Doubtful => self.doubt(raw, out),
            ForeignBlock::Open { .. } | ForeignBlock::Text => self.counts.give(SieveEvent::Text(raw), out),
        }
    }

    /// What may be a call, and may be an example.
    fn doubt(&mut self, raw: String, out: &mut Vec<SieveEvent>) {
        self.counts.consume(raw.len());
        let detail = "the call is not in the form that was asked for, or text follows it".to_owned();
        let kind = InvalidKind::Doubtful;
        let name = String::new();
        let arguments = None;
        self.counts.give(SieveEvent::Invalid(InvalidCall { kind, name, detail, raw, arguments }), out);
    }

    /// Whether a text is a call in a form that nobody reads, and not as the model was shown it.
    fn is_unread(&self, raw: &str) -> bool {
        let tools = self.catalog.tools().iter().map(|tool| tool.name.as_str());
        marks::calls(raw, tools) && !self.is_quoted(raw)
    }

    fn finish_cut(&mut self, name: Option<String>, raw: String, out: &mut Vec<SieveEvent>) {
        self.counts.consume(raw.len());
        self.truncate(name, raw, out);
    }

    /// JSON alone is a call only if all of it fits declared tools.
    fn finish_weak(&mut self, found: Vec<RawCall>, raw: String, out: &mut Vec<SieveEvent>) {
        let fits = self.fits(&found);
        if fits {
            self.counts.consume(raw.len());
            self.give_all(found, CallOrigin::Lenient, raw, out);
        } else {
            self.counts.give(SieveEvent::Text(raw), out);
        }
    }

    /// Whether a block shows what the model was shown.
    fn is_quoted(&self, raw: &str) -> bool {
        self.foreign.as_ref().is_some_and(|shown| shown.holds(raw, &self.lexicon))
    }

    /// Whether all of what was found are calls that fit.
    fn fits(&self, found: &[RawCall]) -> bool {
        let origin = CallSource::Written(self.lexicon.nonce());
        found.iter().all(|found| found.clone().validate(&self.catalog, origin).iter().all(Result::is_ok))
    }

    fn drop_rest(&mut self, rest: &str) {
        if rest.trim().is_empty() {
            self.counts.consume(rest.len());
        } else {
            self.counts.drop_bytes(rest.len());
        }
    }

    /// Gives the calls of a block; the first carries its markup.
    pub(super) fn give_all(
        &mut self,
        found: Vec<RawCall>,
        reading: CallOrigin,
        raw: String,
        out: &mut Vec<SieveEvent>,
    ) {
        let mut raw = raw;
        self.state = SieveState::Prose;
        for found in found {
            self.give(found, reading, std::mem::take(&mut raw), out);
            if matches!(self.state, SieveState::Suffix) {
                break;
            }
        }
    }

    /// The promotion rule: nothing was said, and the thinking ends in a whole block whose calls all fit.
    pub(super) fn promote(&mut self, out: &mut Vec<SieveEvent>) {
        let Some((found, raw)) = self.thought.call(&self.lexicon) else { return };
        if !self.lexicon.marks(&raw) && (self.foreign.is_none() || self.is_quoted(&raw)) {
            return;
        }
        if self.fits(&found) {
            self.give_all(found, CallOrigin::Reasoning, raw, out);
        }
    }
}

/// Whether a text is the beginning of a tag and long enough to be no accident.
fn is_cut_tag(text: &str, lexicon: &Lexicon) -> bool {
    let tag = text.trim_end();
    match lexicon.lex(tag) {
        Lexed::Partial(_) => tag.len() >= CUT_TAG_BYTES,
        // A whole opener with nothing in it yet.
        Lexed::Tag(tag) => !tag.closes,
        Lexed::NotATag => false,
    }
}
