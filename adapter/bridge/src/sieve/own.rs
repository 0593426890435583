//! The sieve inside a block of ours: our nonce makes every closer certain.

use super::{
    AnswerEnd, Sieve,
    event::{CallOrigin, SieveEvent},
    foreign::{self, ForeignBlock, fields},
    state::{BlockPosition, SieveState, SieveStep},
};
use crate::{
    arguments::{BlockBody, RawCall},
    dialect::{
        tag::{Lexed, Lexicon, Tag},
        words::TagWord,
    },
    text::head,
};

/// What a call is told that has no whole opener with our nonce.
const LOST: &str = "a call is not written in the form that was asked for";

impl Sieve {
    /// Reads on in a block.
    pub(super) fn own(&mut self, out: &mut Vec<SieveEvent>) -> SieveStep {
        let SieveState::Own(place) = &mut self.state else { return SieveStep::Wait };
        match std::mem::replace(place, BlockPosition::After) {
            BlockPosition::Empty { searched } => self.empty(searched, out),
            BlockPosition::Between => self.between(out),
            BlockPosition::Call { tag, wrapped, searched } => self.inside(tag, wrapped, searched, out),
            BlockPosition::After => self.after(out),
        }
    }

    fn after(&mut self, out: &mut Vec<SieveEvent>) -> SieveStep {
        self.skip_blanks();
        let rest = &self.buffer[self.at..];
        if rest.is_empty() {
            return SieveStep::Wait;
        }
        match self.lexicon.lex(rest) {
            Lexed::Tag(tag) if tag.own && !tag.closes => self.open(tag, false),
            Lexed::Tag(tag) if is_mark(&tag) => {
                self.consume(tag.size);
                SieveStep::On
            }
            Lexed::Partial(_) => SieveStep::Wait,
            Lexed::Tag(_) | Lexed::NotATag => {
                if self.lexicon.opens_call(rest) {
                    self.malformed(LOST, String::new(), out);
                }
                self.state = SieveState::Suffix;
                SieveStep::On
            }
        }
    }

    /// Enters a wrapper or a call.
    fn open(&mut self, tag: Tag, wrapped: bool) -> SieveStep {
        self.state = match tag.word {
            TagWord::Calls => SieveState::Own(BlockPosition::Empty { searched: tag.size }),
            TagWord::Invoke | TagWord::Call => {
                let searched = tag.size;
                SieveState::Own(BlockPosition::Call { tag, wrapped, searched })
            }
            _ => SieveState::Suffix,
        };
        SieveStep::On
    }

    /// Between calls only tags matter; anything else there is noise inside our marks, unless it was to be a call.
    fn between(&mut self, out: &mut Vec<SieveEvent>) -> SieveStep {
        self.state = SieveState::Own(BlockPosition::Between);
        self.counts.work(self.buffer.len() - self.at);
        let Some(found) = memchr::memchr2(b'<', b'[', &self.buffer.as_bytes()[self.at..]) else {
            self.consume(self.buffer.len() - self.at);
            return SieveStep::Wait;
        };
        self.consume(found);
        match self.lexicon.lex(&self.buffer[self.at..]) {
            Lexed::Tag(tag) if is_call(&tag) => return self.open(tag, true),
            Lexed::Tag(tag) if tag.closes && tag.word == TagWord::Calls => {
                self.consume(tag.size);
                self.state = SieveState::Own(BlockPosition::After);
            }
            Lexed::Partial(_) => return SieveStep::Wait,
            Lexed::Tag(_) | Lexed::NotATag => {
                let lost = self.lexicon.opens_call(&self.buffer[self.at..]);
                self.consume(1);
                if lost {
                    self.malformed(LOST, String::new(), out);
                }
            }
        }
        SieveStep::On
    }

    /// Before the first call everything is kept: the block may be written in another dialect inside.
    fn empty(&mut self, mut searched: usize, out: &mut Vec<SieveEvent>) -> SieveStep {
        loop {
            let from = self.at + searched;
            self.counts.work(self.buffer.len() - from);
            let Some(found) = memchr::memchr2(b'<', b'[', &self.buffer.as_bytes()[from..]) else {
                searched = self.buffer.len() - self.at;
                break;
            };
            searched += found;
            match self.lexicon.lex(&self.buffer[from + found..]) {
                Lexed::Tag(tag) if searched + tag.size > self.limits.call_bytes && is_call(&tag) => {
                    return self.too_long(out);
                }
                Lexed::Tag(tag) if is_call(&tag) => {
                    let before = self.take(from + found);
                    self.counts.consume(before.len());
                    let opens = |at: usize| self.lexicon.opens_call(&before[at..]);
                    if memchr::memchr2_iter(b'<', b'[', before.as_bytes()).any(opens) {
                        self.malformed(LOST, before, out);
                    }
                    return self.open(tag, true);
                }
                Lexed::Tag(tag) if tag.own && tag.closes && tag.word == TagWord::Calls => {
                    if searched + tag.size > self.limits.call_bytes {
                        return self.too_long(out);
                    }
                    return self.foreign_inside(searched, tag.size, out);
                }
                Lexed::Partial(_) => break,
                Lexed::Tag(_) | Lexed::NotATag => searched += 1,
            }
        }
        self.wait(BlockPosition::Empty { searched }, out)
    }

    /// Our wrapper is closed and holds none of our calls.
    fn foreign_inside(&mut self, searched: usize, closer: usize, out: &mut Vec<SieveEvent>) -> SieveStep {
        let raw = self.take(self.at + searched + closer);
        self.counts.consume(raw.len());
        let inside = raw[..searched].split_once(['>', ']']).map_or("", |(_, inside)| inside).trim();
        let json = inside.starts_with(['{', '[']) && !inside.starts_with("[TOOL");
        let block = match json {
            true => {
                ForeignBlock::Weak(vec![RawCall { name: None, body: BlockBody::Calls(inside.to_owned()) }])
            }
            false => foreign::read(inside, &self.lexicon),
        };
        match block {
            ForeignBlock::Calls { raw: found, .. } | ForeignBlock::Weak(found) => {
                self.give_all(found, CallOrigin::Lenient, raw, out);
            }
            ForeignBlock::Doubtful | ForeignBlock::Open { .. } | ForeignBlock::Text => {
                self.malformed("the block holds no call", raw, out);
            }
        }
        if !matches!(self.state, SieveState::Suffix) {
            self.state = SieveState::Own(BlockPosition::After);
        }
        SieveStep::On
    }

    /// Searches the closer of a call in what is new.
    fn inside(&mut self, tag: Tag, wrapped: bool, searched: usize, out: &mut Vec<SieveEvent>) -> SieveStep {
        let next = if wrapped { BlockPosition::Between } else { BlockPosition::After };
        if tag.empty {
            return self.close(&tag, tag.size, tag.size, next, out);
        }
        self.counts.work(self.buffer.len() - self.at - searched);
        match closer(&self.buffer[self.at..], searched, tag.word, &self.lexicon) {
            CloserSearch::Found { at, size } if at + size > self.limits.call_bytes => self.too_long(out),
            CloserSearch::Found { at, size } => self.close(&tag, at, at + size, next, out),
            CloserSearch::Not { searched } => self.wait(BlockPosition::Call { tag, wrapped, searched }, out),
        }
    }

    /// Reads a call that is closed.
    fn close(
        &mut self,
        tag: &Tag,
        body: usize,
        end: usize,
        next: BlockPosition,
        out: &mut Vec<SieveEvent>,
    ) -> SieveStep {
        let raw = self.take(self.at + end);
        self.counts.consume(raw.len());
        self.state = SieveState::Own(next);
        let body = raw.get(tag.size..body).unwrap_or_default();
        let found = match tag.word {
            TagWord::Call if tag.name.is_none() => {
                RawCall { name: None, body: BlockBody::Calls(body.trim().to_owned()) }
            }
            _ => RawCall {
                name: Some(tag.name.clone().unwrap_or_default()),
                body: fields(body, &self.lexicon),
            },
        };
        self.give(found, CallOrigin::Own, raw, out);
        SieveStep::On
    }

    fn wait(&mut self, place: BlockPosition, out: &mut Vec<SieveEvent>) -> SieveStep {
        if self.buffer.len() - self.at > self.limits.call_bytes {
            return self.too_long(out);
        }
        self.state = SieveState::Own(place);
        SieveStep::Wait
    }

    /// A block that has not ended was cut, or its closers lack our nonce; either way it is no call.
    pub(super) fn finish_own(&mut self, place: &BlockPosition, end: AnswerEnd, out: &mut Vec<SieveEvent>) {
        let name = match place {
            BlockPosition::Call { tag, .. } => tag.name.clone(),
            BlockPosition::Empty { .. } | BlockPosition::Between | BlockPosition::After => None,
        };
        let rest = self.take(self.buffer.len());
        let open = match place {
            BlockPosition::Call { .. } | BlockPosition::Empty { .. } => true,
            // The beginning of another call.
            BlockPosition::Between | BlockPosition::After => !rest.is_empty(),
        };
        self.counts.consume(rest.len());
        if !open {
            return;
        }
        if end == AnswerEnd::Complete && ends_foreign(&rest, &self.lexicon) {
            self.malformed("the closing tags are not written as the opening ones", rest, out);
        } else {
            self.truncate(name, rest, out);
        }
    }

    fn skip_blanks(&mut self) {
        let rest = &self.buffer[self.at..];
        self.consume(rest.len() - rest.trim_start().len());
    }
}

/// Where a closer is.
enum CloserSearch {
    Found { at: usize, size: usize },
    Not { searched: usize },
}

/// Searches our closer of a word; only the part that was not searched before.
fn closer(text: &str, searched: usize, word: TagWord, lexicon: &Lexicon) -> CloserSearch {
    let needle = lexicon.closing(word);
    let mut from = searched;
    while let Some(found) = memchr::memmem::find(&text.as_bytes()[from..], needle.as_bytes()) {
        // The needle begins behind the bracket.
        let at = from + found - usize::from(from + found > 0);
        match lexicon.lex(&text[head(text, at).len()..]) {
            Lexed::Tag(tag) if tag.own && tag.closes && tag.word == word => {
                return CloserSearch::Found { at, size: tag.size };
            }
            Lexed::Partial(_) => return CloserSearch::Not { searched: from + found },
            Lexed::Tag(_) | Lexed::NotATag => from += found + 1,
        }
    }
    let kept = text.len().saturating_sub(needle.len()).max(from);
    CloserSearch::Not { searched: head(text, kept).len() }
}

fn is_call(tag: &Tag) -> bool {
    tag.own && !tag.closes && matches!(tag.word, TagWord::Invoke | TagWord::Call)
}

/// What may stand behind a block without meaning anything.
fn is_mark(tag: &Tag) -> bool {
    tag.word == TagWord::Last
        || (tag.closes && matches!(tag.word, TagWord::Calls | TagWord::Call | TagWord::Think))
}

/// Whether a text ends with a closer that is not ours.
fn ends_foreign(text: &str, lexicon: &Lexicon) -> bool {
    let text = text.trim_end();
    let Some(at) = memchr::memrchr2(b'<', b'[', text.as_bytes()) else { return false };
    matches!(lexicon.lex(&text[at..]), Lexed::Tag(tag) if tag.closes && !tag.own && tag.size == text.len() - at)
}
