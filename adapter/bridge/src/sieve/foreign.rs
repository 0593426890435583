//! Reads a whole block in whatever dialect: the last thing of an answer, its end known.
//!
//! A closer counts only if markup or the end follows it, so that closers inside a value are content. Nothing here
//! is ever closed on the model's behalf.

use crate::{
    arguments::{Body, Found},
    dialect::{
        tag::{Lexed, Lexicon, Tag},
        words::{MISTRAL, Word},
    },
};

mod fields;
mod plain;
mod tokens;

pub(crate) use fields::fields;
pub(crate) use plain::unfence;

/// What a block turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Block {
    /// Calls, and where what belongs to them ends.
    Calls { found: Vec<Found>, end: usize },
    /// JSON that is a call only if a declared tool takes it.
    Weak(Vec<Found>),
    /// A closed block with text after it.
    Doubtful,
    /// A block without its end.
    Open { name: Option<String> },
    /// No block.
    Text,
}

/// Reads what begins a text that has ended.
pub(crate) fn read(text: &str, lexicon: &Lexicon) -> Block {
    match text.as_bytes().first() {
        Some(b'`' | b'~') => plain::fence(text, lexicon),
        Some(b'[') if text.starts_with(MISTRAL) => plain::mistral(text),
        Some(b'[') if lexicon.lex(text) == Lexed::No => plain::bare(text),
        Some(b'{') => plain::bare(text),
        Some(_) | None => Reader { text, at: 0, lexicon, found: Vec::new(), open: Vec::new() }.read(),
    }
}

/// Reads tags, one call after another.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    lexicon: &'a Lexicon,
    found: Vec<Found>,
    /// Wrappers that wait for their end.
    open: Vec<Word>,
}

/// Why reading stopped.
enum Stop {
    End,
    Prose,
    /// There is a closer, but text after it.
    Closed,
    Open(Option<String>),
}

/// What follows a closer.
enum Follows {
    /// Only markup, or nothing: the closer counts.
    Markup,
    /// Something else, and where it is.
    Text { at: usize },
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Block {
        let stop = loop {
            match self.step() {
                Ok(()) => {}
                Err(stop) => break stop,
            }
        };
        match stop {
            Stop::Open(name) => Block::Open { name },
            Stop::Prose if self.found.is_empty() => Block::Text,
            Stop::Prose | Stop::Closed => Block::Doubtful,
            Stop::End if !self.open.is_empty() => Block::Open { name: None },
            Stop::End if self.found.is_empty() => Block::Text,
            Stop::End => Block::Calls { found: self.found, end: self.at },
        }
    }

    /// Reads one tag and what it holds.
    fn step(&mut self) -> Result<(), Stop> {
        self.skip_blanks();
        if self.at == self.text.len() {
            return Err(Stop::End);
        }
        let tag = match self.lexicon.lex(&self.text[self.at..]) {
            Lexed::Tag(tag) => tag,
            Lexed::Partial(_) => return Err(Stop::Open(None)),
            Lexed::No => return self.stray(),
        };
        match (tag.word, tag.closes) {
            (Word::Calls, false) | (Word::Section, _) => self.enter(&tag),
            (Word::Calls | Word::SectionEnd, _) => self.leave(&tag),
            (Word::Last, _) | (Word::Think | Word::Details, true) => self.at += tag.size,
            (Word::Invoke | Word::Function, false) => self.invoke(&tag)?,
            (Word::Call, false) => self.call(&tag)?,
            (Word::Begin, _) => tokens::call(self, &tag)?,
            (Word::Python, _) => return self.rest_is_json(tag.size),
            // What a model invents after its own call.
            (Word::Result, false) if !self.found.is_empty() && self.open.is_empty() => return Err(Stop::End),
            _ => return Err(Stop::Prose),
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
    fn stray(&mut self) -> Result<(), Stop> {
        let inside = self.open.last() == Some(&Word::Calls) && self.text[self.at..].starts_with(['{', '[']);
        if !inside {
            return Err(Stop::Prose);
        }
        let body = match self.whole_json() {
            Some((body, closed)) => {
                if closed {
                    self.open.pop();
                }
                body
            }
            None => {
                let body = self.body(Word::Calls)?;
                self.open.pop();
                body
            }
        };
        self.push(None, Body::Calls(body.trim().to_owned()));
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
                (Word::Calls, true) | (Word::Last | Word::SectionEnd, _) => {
                    ends = true;
                    break;
                }
                (_, true) => {
                    after += tag.size;
                    at = after;
                    ends = true;
                }
                (Word::Call | Word::Result, false) => {
                    ends = true;
                    break;
                }
                _ => return None,
            }
        }
        if !ends || !matches!(self.follows(at), Follows::Markup) {
            return None;
        }
        self.at = at;
        Some((&self.text[from..from + size], at > from + size))
    }

    fn invoke(&mut self, tag: &Tag) -> Result<(), Stop> {
        self.at += tag.size;
        let name = tag.name.clone().unwrap_or_default();
        let body = if tag.empty { "" } else { self.body(tag.word).map_err(|stop| stop.of(&name))? };
        let body = fields(body, self.lexicon);
        self.push(Some(name), body);
        Ok(())
    }

    /// Reads `<tool_call>`: JSON (Hermes), a bare name with keys (GLM), or a function inside (Qwen).
    fn call(&mut self, tag: &Tag) -> Result<(), Stop> {
        self.at += tag.size;
        if let Some(name) = &tag.name {
            let body = self.body(Word::Call).map_err(|stop| stop.of(name))?;
            let body = fields(body, self.lexicon);
            self.push(Some(name.clone()), body);
            return Ok(());
        }
        let body = match self.whole_json() {
            Some((body, _)) => body,
            None => self.body(Word::Call)?,
        };
        let trimmed = body.trim();
        if trimmed.starts_with(['{', '[']) || trimmed.starts_with("```") {
            self.push(None, Body::Calls(unfence(trimmed).to_owned()));
        } else if trimmed.starts_with('<') {
            let Block::Calls { found, .. } = read(trimmed, self.lexicon) else {
                self.push(None, Body::Malformed("the block holds no call"));
                return Ok(());
            };
            self.found.extend(found);
        } else {
            let (name, body) = fields::keyed(trimmed, self.lexicon);
            self.push(Some(name), body);
        }
        Ok(())
    }

    /// Takes all up to the closer that counts.
    fn body(&mut self, word: Word) -> Result<&'a str, Stop> {
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
                Follows::Markup => {
                    self.at = at + size;
                    return Ok(&self.text[from..at]);
                }
                // The closers up to there are followed by the same: each is looked at once.
                Follows::Text { at: text } => at = text,
            }
        }
        // With a closer somewhere it may be closed and commented; without one it was cut.
        Err(if seen { Stop::Closed } else { Stop::Open(None) })
    }

    fn closer(&self, at: usize, word: Word) -> Option<usize> {
        match self.lexicon.lex(&self.text[at..]) {
            Lexed::Tag(tag) if tag.closes && tag.word == word => Some(tag.size),
            Lexed::Tag(_) | Lexed::Partial(_) | Lexed::No => None,
        }
    }

    /// What follows a closer that counts: further closers, then an opener or the end.
    fn follows(&self, mut at: usize) -> Follows {
        loop {
            let rest = self.text[at..].trim_start();
            at = self.text.len() - rest.len();
            if rest.is_empty() {
                return Follows::Markup;
            }
            let Lexed::Tag(tag) = self.lexicon.lex(rest) else { return Follows::Text { at } };
            match (tag.word, tag.closes) {
                (Word::Calls | Word::Call | Word::Think | Word::Details, true) => at += tag.size,
                (Word::Last | Word::SectionEnd | Word::End, _) => at += tag.size,
                (Word::Calls | Word::Invoke | Word::Call | Word::Function | Word::Result, false) => {
                    return Follows::Markup;
                }
                _ => return Follows::Text { at },
            }
        }
    }

    /// Llama's mark: all that follows is strict JSON, for nothing else tells its end.
    fn rest_is_json(&mut self, from: usize) -> Result<(), Stop> {
        let body = self.text[self.at + from..].trim();
        let body = ["<|eom_id|>", "<|eot_id|>"]
            .iter()
            .fold(body, |body, last| body.trim_end_matches(last))
            .trim_end();
        if !plain::is_json(body) {
            return Err(Stop::Open(None));
        }
        let body = Body::Calls(body.to_owned());
        self.push(None, body);
        self.at = self.text.len();
        Ok(())
    }

    fn skip_blanks(&mut self) {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
    }

    fn push(&mut self, name: Option<String>, body: Body) {
        self.found.push(Found { name, body });
    }
}

impl Stop {
    /// The same, where the call's name is known.
    fn of(self, name: &str) -> Self {
        match self {
            Self::Open(_) => Self::Open(Some(name.to_owned())),
            Self::End | Self::Prose | Self::Closed => self,
        }
    }
}
