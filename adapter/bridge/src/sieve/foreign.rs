//! Reads a whole block in whatever dialect: the last thing of an answer, its end known.
//!
//! A closer counts only if markup or the end follows it, so that closers inside a value are content. Nothing here
//! is ever closed on the model's behalf.

use crate::{
    arguments::{BlockBody, RawCall},
    dialect::{
        tag::{Lexed, Lexicon, Tag},
        words::{MISTRAL, TagWord},
    },
    text::{split_fence, unfence},
};

mod block;
mod fields;
mod plain;
mod reader;
mod tokens;

pub(crate) use block::ForeignBlock;
pub(crate) use fields::fields;
use reader::{ForeignReader, ReadEnd};

/// Reads what begins a text that has ended.
pub(crate) fn read(text: &str, lexicon: &Lexicon) -> ForeignBlock {
    match text.as_bytes().first() {
        Some(b'`' | b'~') => fence(text, lexicon),
        Some(b'[') if text.starts_with(MISTRAL) => plain::mistral(text),
        Some(b'[') if lexicon.lex(text) == Lexed::NotATag => plain::bare(text),
        Some(b'{') => plain::bare(text),
        Some(_) | None => ForeignReader { text, at: 0, lexicon, raw: Vec::new(), open: Vec::new() }.read(),
    }
}

/// What follows a closer.
enum AfterCloser {
    /// Only markup, or nothing: the closer counts.
    Markup,
    /// Something else, and where it is.
    Text { at: usize },
}

impl<'a> ForeignReader<'a> {
    fn read(mut self) -> ForeignBlock {
        let stop = loop {
            match self.step() {
                Ok(()) => {}
                Err(stop) => break stop,
            }
        };
        match stop {
            ReadEnd::Open(name) => ForeignBlock::Open { name },
            ReadEnd::Prose if self.raw.is_empty() => ForeignBlock::Text,
            ReadEnd::Prose | ReadEnd::Closed => ForeignBlock::Doubtful,
            ReadEnd::End if !self.open.is_empty() => ForeignBlock::Open { name: None },
            ReadEnd::End if self.raw.is_empty() => ForeignBlock::Text,
            ReadEnd::End => ForeignBlock::Calls { raw: self.raw, end: self.at },
        }
    }

    /// Reads one tag and what it holds.
    fn step(&mut self) -> Result<(), ReadEnd> {
        self.skip_blanks();
        if self.at == self.text.len() {
            return Err(ReadEnd::End);
        }
        let tag = match self.lexicon.lex(&self.text[self.at..]) {
            Lexed::Tag(tag) => tag,
            Lexed::Partial(_) => return Err(ReadEnd::Open(None)),
            Lexed::NotATag => return self.stray(),
        };
        match (tag.word, tag.closes) {
            (TagWord::Calls, false) | (TagWord::Section, _) => self.enter(&tag),
            (TagWord::Calls | TagWord::SectionEnd, _) => self.leave(&tag),
            (TagWord::Last, _) | (TagWord::Think | TagWord::Details, true) => self.at += tag.size,
            (TagWord::Invoke | TagWord::Function, false) => self.invoke(&tag)?,
            (TagWord::Call, false) => self.call(&tag)?,
            (TagWord::Begin, _) => tokens::call(self, &tag)?,
            (TagWord::Python, _) => return self.rest_is_json(tag.size),
            // What a model invents after its own call.
            (TagWord::Result, false) if !self.raw.is_empty() && self.open.is_empty() => {
                return Err(ReadEnd::End);
            }
            _ => return Err(ReadEnd::Prose),
        }
        Ok(())
    }

    fn enter(&mut self, tag: &Tag) {
        self.at += tag.size;
        self.open.push(tag.word);
    }

    fn leave(&mut self, tag: &Tag) {
        self.at += tag.size;
        self.open.pop();
    }

    /// What is no tag: JSON inside a wrapper, or prose.
    fn stray(&mut self) -> Result<(), ReadEnd> {
        let inside =
            self.open.last() == Some(&TagWord::Calls) && self.text[self.at..].starts_with(['{', '[']);
        if !inside {
            return Err(ReadEnd::Prose);
        }
        let body = match self.whole_json() {
            Some((body, closed)) => {
                if closed {
                    self.open.pop();
                }
                body
            }
            None => {
                let body = self.body(TagWord::Calls)?;
                self.open.pop();
                body
            }
        };
        self.push(None, BlockBody::Calls(body.trim().to_owned()));
        Ok(())
    }

    /// Takes whole JSON behind which a closer of whatever kind stands, or another call: it tells its own end. Also
    /// says whether a closer was taken with it; the wrapper's own closer is left.
    fn whole_json(&mut self) -> Option<(&'a str, bool)> {
        let rest = self.text[self.at..].trim_start();
        let from = self.text.len() - rest.len();
        let size = plain::values_size(rest).filter(|_| rest.starts_with(['{', '[']))?;
        let mut at = from + size;
        let mut ends = false;
        let mut after = at;
        loop {
            let rest = self.text[after..].trim_start();
            after = self.text.len() - rest.len();
            if rest.is_empty() {
                break;
            }
            let Lexed::Tag(tag) = self.lexicon.lex(rest) else { return None };
            match (tag.word, tag.closes) {
                (TagWord::Calls, true) | (TagWord::Last | TagWord::SectionEnd, _) => {
                    ends = true;
                    break;
                }
                (_, true) => {
                    after += tag.size;
                    at = after;
                    ends = true;
                }
                (TagWord::Call | TagWord::Result, false) => {
                    ends = true;
                    break;
                }
                _ => return None,
            }
        }
        if !ends || !matches!(self.follows(at), AfterCloser::Markup) {
            return None;
        }
        self.at = at;
        Some((&self.text[from..from + size], at > from + size))
    }

    fn invoke(&mut self, tag: &Tag) -> Result<(), ReadEnd> {
        self.at += tag.size;
        let name = tag.name.clone().unwrap_or_default();
        let body = if tag.empty { "" } else { self.body(tag.word).map_err(|stop| stop.of(&name))? };
        let body = fields(body, self.lexicon);
        self.push(Some(name), body);
        Ok(())
    }

    /// Reads `<tool_call>`: JSON (Hermes), a bare name with keys (GLM), or a function inside (Qwen).
    fn call(&mut self, tag: &Tag) -> Result<(), ReadEnd> {
        self.at += tag.size;
        if let Some(name) = &tag.name {
            let body = self.body(TagWord::Call).map_err(|stop| stop.of(name))?;
            let body = fields(body, self.lexicon);
            self.push(Some(name.clone()), body);
            return Ok(());
        }
        let body = match self.whole_json() {
            Some((body, _)) => body,
            None => self.body(TagWord::Call)?,
        };
        let trimmed = body.trim();
        if trimmed.starts_with(['{', '[']) || trimmed.starts_with("```") {
            self.push(None, BlockBody::Calls(unfence(trimmed).to_owned()));
        } else if trimmed.starts_with('<') {
            let ForeignBlock::Calls { raw: found, .. } = read(trimmed, self.lexicon) else {
                self.push(None, BlockBody::Malformed("the block holds no call"));
                return Ok(());
            };
            self.raw.extend(found);
        } else {
            let (name, body) = fields::keyed(trimmed, self.lexicon);
            self.push(Some(name), body);
        }
        Ok(())
    }

    /// Takes all up to the closer that counts.
    fn body(&mut self, word: TagWord) -> Result<&'a str, ReadEnd> {
        let from = self.at;
        let mut seen = false;
        let mut at = from;
        while let Some(found) = memchr::memchr2(b'<', b'[', &self.text.as_bytes()[at..]) {
            at += found;
            let Some(size) = self.closer(at, word) else {
                at += 1;
                continue;
            };
            seen = true;
            match self.follows(at + size) {
                AfterCloser::Markup => {
                    self.at = at + size;
                    return Ok(&self.text[from..at]);
                }
                // The closers up to there are followed by the same: each is looked at once.
                AfterCloser::Text { at: text } => at = text,
            }
        }
        // With a closer somewhere it may be closed and commented; without one it was cut.
        Err(if seen { ReadEnd::Closed } else { ReadEnd::Open(None) })
    }

    fn closer(&self, at: usize, word: TagWord) -> Option<usize> {
        match self.lexicon.lex(&self.text[at..]) {
            Lexed::Tag(tag) if tag.closes && tag.word == word => Some(tag.size),
            Lexed::Tag(_) | Lexed::Partial(_) | Lexed::NotATag => None,
        }
    }

    /// What follows a closer that counts: further closers, then an opener or the end.
    fn follows(&self, mut at: usize) -> AfterCloser {
        loop {
            let rest = self.text[at..].trim_start();
            at = self.text.len() - rest.len();
            if rest.is_empty() {
                return AfterCloser::Markup;
            }
            let Lexed::Tag(tag) = self.lexicon.lex(rest) else { return AfterCloser::Text { at } };
            match (tag.word, tag.closes) {
                (TagWord::Calls | TagWord::Call | TagWord::Think | TagWord::Details, true) => at += tag.size,
                (TagWord::Last | TagWord::SectionEnd | TagWord::End, _) => at += tag.size,
                (
                    TagWord::Calls | TagWord::Invoke | TagWord::Call | TagWord::Function | TagWord::Result,
                    false,
                ) => {
                    return AfterCloser::Markup;
                }
                _ => return AfterCloser::Text { at },
            }
        }
    }

    /// Llama's mark: all that follows is strict JSON, for nothing else tells its end.
    fn rest_is_json(&mut self, from: usize) -> Result<(), ReadEnd> {
        let body = self.text[self.at + from..].trim();
        let body = ["<|eom_id|>", "<|eot_id|>"]
            .iter()
            .fold(body, |body, last| body.trim_end_matches(last))
            .trim_end();
        if !plain::is_json(body) {
            return Err(ReadEnd::Open(None));
        }
        let body = BlockBody::Calls(body.to_owned());
        self.push(None, body);
        self.at = self.text.len();
        Ok(())
    }

    fn skip_blanks(&mut self) {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
    }
}

/// Reads an answer that is one fence.
fn fence(text: &str, lexicon: &Lexicon) -> ForeignBlock {
    let Some((inner, rest)) = split_fence(text) else {
        let inner = text.split_once('\n').map_or("", |(_, inner)| inner);
        return ForeignBlock::Open { name: plain::name(inner) };
    };
    if !rest.trim().is_empty() {
        return ForeignBlock::Text;
    }
    let inner = inner.trim();
    if inner.starts_with('{') || (inner.starts_with('[') && plain::is_json(inner)) {
        return ForeignBlock::Weak(vec![RawCall { name: None, body: BlockBody::Calls(inner.to_owned()) }]);
    }
    // A fence in a fence shows something; and to follow them down would take a stack as deep as they are.
    if inner.starts_with(['`', '~']) {
        return ForeignBlock::Text;
    }
    match read(inner, lexicon) {
        ForeignBlock::Calls { raw: found, end } if inner[end..].trim().is_empty() => {
            match lexicon.marks(inner) {
                true => ForeignBlock::Calls { raw: found, end: text.len() },
                // One that does not fit is more likely an example.
                false => ForeignBlock::Weak(found),
            }
        }
        ForeignBlock::Calls { .. }
        | ForeignBlock::Weak(_)
        | ForeignBlock::Doubtful
        | ForeignBlock::Open { .. }
        | ForeignBlock::Text => ForeignBlock::Text,
    }
}
