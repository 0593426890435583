//! Decides whether text may stop being text: looks at the beginning of a possible block, no further.
//!
//! What it says never changes when more text arrives, unless it said "wait".

use crate::{
    dialect::{
        marks::{self, Begins},
        tag::{Lexed, Lexicon, Tag},
        words::{MISTRAL, Word},
    },
    text::head,
};

/// A head is settled within so many bytes, or it is none.
const HEAD_BYTES: usize = 512;

/// Behind more blanks than this no sentence goes on.
const BLANK_BYTES: usize = 64;

/// Words that a model puts where the opener's first token belongs (claude-code#64700, #75326).
const STRAY: &[&str] = &["court", "count", "call"];

/// The first key of a call that is only JSON.
const KEYS: &[&str] =
    &["name", "tool", "tool_name", "function", "tool_calls", "arguments", "parameters", "type"];

/// What stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// A block of ours begins after so many bytes.
    Own(usize),
    /// A foreign block begins after so many bytes; what it is worth is seen at the end.
    Held(usize),
    /// Thinking begins; so many bytes of mark, and the word that ends it.
    Think(usize, Word),
    /// Thinking ends that never began; so many bytes of mark.
    Unthink(usize),
    /// More text must come before this can be said.
    Wait,
    /// Text.
    Text,
}

impl Head {
    /// The same, after so many bytes that mean nothing.
    fn behind(self, bytes: usize) -> Self {
        match self {
            Self::Own(skip) => Self::Own(skip + bytes),
            Self::Held(skip) => Self::Held(skip + bytes),
            Self::Think(size, word) => Self::Think(size + bytes, word),
            Self::Unthink(size) => Self::Unthink(size + bytes),
            Self::Wait | Self::Text => self,
        }
    }
}

/// Judges places of one answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eye<'a> {
    pub(crate) lexicon: &'a Lexicon,
    /// Whether anything but blanks was said before.
    pub(crate) said: bool,
}

impl Eye<'_> {
    /// Judges the first letter of a line.
    pub(crate) fn line(&self, text: &str) -> Head {
        let window = head(text, HEAD_BYTES);
        // A page puts a mark of order, or of no width, before what it copies.
        let visible = window.trim_start_matches(is_invisible);
        match self.begin(visible) {
            // What is not settled by then is text, however the bytes were split.
            Head::Wait if text.len() >= HEAD_BYTES => Head::Text,
            head => head.behind(window.len() - visible.len()),
        }
    }

    fn begin(&self, text: &str) -> Head {
        match text.as_bytes().first() {
            None => Head::Wait,
            Some(b'<') => self.tag(text),
            Some(b'[') if text.starts_with(MISTRAL) => Head::Held(0),
            Some(b'[') if MISTRAL.starts_with(text) => Head::Wait,
            Some(b'[') if self.bracket(text) != Head::Text => self.bracket(text),
            Some(b'{' | b'[') if !self.said => json(text),
            Some(b'`' | b'~') if !self.said => self.fence(text),
            Some(_) => self.stray(text),
        }
    }

    /// Judges a bracket within a line.
    pub(crate) fn within(&self, text: &str) -> Head {
        match self.lexicon.lex(text) {
            Lexed::Tag(tag) if tag.own && opens(&tag) => own(text, &tag),
            Lexed::Tag(tag) if tag.word == Word::Think && tag.closes => Head::Unthink(tag.size),
            Lexed::Partial(partial) if partial.own || partial.thought => Head::Wait,
            Lexed::Tag(_) | Lexed::Partial(_) | Lexed::No => Head::Text,
        }
    }

    fn bracket(&self, text: &str) -> Head {
        match self.lexicon.lex(text) {
            Lexed::Tag(tag) if tag.own && opens(&tag) => own(text, &tag),
            Lexed::Partial(_) => Head::Wait,
            Lexed::Tag(_) | Lexed::No => unread(text),
        }
    }

    fn tag(&self, text: &str) -> Head {
        match self.known(text) {
            Head::Text => unread(text),
            head => head,
        }
    }

    fn known(&self, text: &str) -> Head {
        let tag = match self.lexicon.lex(text) {
            Lexed::Tag(tag) => tag,
            Lexed::Partial(_) => return Head::Wait,
            Lexed::No => return Head::Text,
        };
        if tag.closes {
            return if tag.word == Word::Think { Head::Unthink(tag.size) } else { Head::Text };
        }
        if tag.own && opens(&tag) {
            return own(text, &tag);
        }
        let reasoning = tag.word == Word::Details && tag.name.as_deref() == Some("reasoning");
        match tag.word {
            Word::Think if !self.said => Head::Think(tag.size, Word::Think),
            Word::Details if reasoning && !self.said => Head::Think(tag.size, Word::Details),
            Word::Invoke | Word::Function if tag.name.is_some() => Head::Held(0),
            Word::Section | Word::Begin => Head::Held(0),
            Word::Calls => {
                self.inside(text, tag.size, &[Word::Invoke, Word::Call, Word::Function, Word::Begin])
            }
            Word::Call if tag.name.is_some() => self.inside(text, tag.size, &[Word::Parameter]),
            Word::Call => self.inside(text, tag.size, &[Word::Function, Word::Invoke, Word::Key]),
            Word::Python => self.inside(text, tag.size, &[]),
            _ => Head::Text,
        }
    }

    /// Judges what stands inside a foreign wrapper.
    fn inside(&self, text: &str, from: usize, words: &[Word]) -> Head {
        let inner = text[from..].trim_start();
        match inner.chars().next() {
            None => Head::Wait,
            Some('{' | '[') => Head::Held(0),
            Some('<') => match self.lexicon.lex(inner) {
                Lexed::Tag(tag) if tag.own && opens(&tag) => {
                    own(inner, &tag).behind(text.len() - inner.len())
                }
                Lexed::Tag(tag) if words.contains(&tag.word) && !tag.closes => Head::Held(0),
                Lexed::Partial(_) => Head::Wait,
                Lexed::Tag(_) | Lexed::No => Head::Text,
            },
            // GLM writes the bare name first.
            Some(c) if words.contains(&Word::Key) && is_name(c) => self.bare_name(inner),
            Some(_) => Head::Text,
        }
    }

    fn bare_name(&self, inner: &str) -> Head {
        let after = inner.trim_start_matches(is_name).trim_start();
        if after.is_empty() {
            return Head::Wait;
        }
        match self.lexicon.lex(after) {
            Lexed::Tag(tag) if tag.word == Word::Key && !tag.closes => Head::Held(0),
            Lexed::Tag(tag) if tag.word == Word::Call && tag.closes => Head::Held(0),
            Lexed::Partial(_) => Head::Wait,
            Lexed::Tag(_) | Lexed::No => Head::Text,
        }
    }

    /// Judges an answer that begins with a fence: it may be nothing but a call.
    fn fence(&self, text: &str) -> Head {
        let info = text.trim_start_matches(&text[..1]);
        if info.is_empty() {
            return Head::Wait;
        }
        let inner = info.trim_start_matches(is_name);
        if text.len() - info.len() < 3 || !(inner.is_empty() || inner.starts_with(['\r', '\n'])) {
            return Head::Text;
        }
        let inner = inner.trim_start();
        match inner.as_bytes().first() {
            None => Head::Wait,
            Some(b'{') => json(inner),
            Some(b'[') if self.bracket(inner) == Head::Text => json(inner),
            Some(b'[' | b'<') => match self.tag_or_bracket(inner) {
                Head::Own(_) | Head::Held(_) => Head::Held(0),
                Head::Wait => Head::Wait,
                Head::Think(..) | Head::Unthink(_) | Head::Text => Head::Text,
            },
            Some(_) => Head::Text,
        }
    }

    fn tag_or_bracket(&self, text: &str) -> Head {
        if text.starts_with('<') { self.tag(text) } else { self.bracket(text) }
    }

    /// Judges a line that is only one stray word.
    fn stray(&self, text: &str) -> Head {
        let word = text.trim_start_matches(|c: char| c.is_ascii_lowercase());
        let size = text.len() - word.len();
        let is_stray = STRAY.contains(&&text[..size]);
        if word.is_empty() {
            return if STRAY.iter().any(|stray| stray.starts_with(text)) { Head::Wait } else { Head::Text };
        }
        let Some(next) = word.strip_prefix("\r\n").or_else(|| word.strip_prefix('\n')).filter(|_| is_stray)
        else {
            return if is_stray && word == "\r" { Head::Wait } else { Head::Text };
        };
        match next.as_bytes().first() {
            None => Head::Wait,
            Some(b'<') => match self.tag(next) {
                Head::Own(skip) => Head::Own(text.len() - next.len() + skip),
                Head::Held(skip) => Head::Held(text.len() - next.len() + skip),
                Head::Wait => Head::Wait,
                _ => Head::Text,
            },
            Some(_) => Head::Text,
        }
    }
}

/// Judges an opener of ours. One that a sentence goes on behind is named there, and no call can come of it.
fn own(text: &str, tag: &Tag) -> Head {
    let after = &text[tag.size..];
    let rest = after.trim_start_matches([' ', '\t']);
    let blank = rest.len() < after.len();
    match rest.chars().next() {
        None if after.len() < BLANK_BYTES => Head::Wait,
        Some(c) if tag.name.is_none() && (ends_a_word(c) || (blank && c.is_alphanumeric())) => Head::Text,
        Some(_) | None => Head::Own(0),
    }
}

/// Whether a letter follows the last word of a sentence or of a quotation.
fn ends_a_word(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | '"' | '\'' | '”' | '»' | '，' | '。')
}

/// Judges a mark of a call that nobody reads: it is held, and asked for again.
fn unread(text: &str) -> Head {
    match marks::begins(text) {
        Begins::Yes => Head::Held(0),
        Begins::Perhaps => Head::Wait,
        Begins::No => Head::Text,
    }
}

/// Whether a tag begins a block of calls.
fn opens(tag: &Tag) -> bool {
    !tag.closes && matches!(tag.word, Word::Calls | Word::Invoke | Word::Call)
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}')
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Judges an answer that begins with JSON: its first key tells.
fn json(text: &str) -> Head {
    let inner = text.strip_prefix('[').unwrap_or(text).trim_start();
    let Some(inner) = inner.strip_prefix('{') else {
        return if inner.is_empty() { Head::Wait } else { Head::Text };
    };
    let inner = inner.trim_start();
    let Some(key) = inner.strip_prefix('"') else {
        return if inner.is_empty() { Head::Wait } else { Head::Text };
    };
    match key.split_once('"') {
        Some((key, _)) if KEYS.contains(&key) => Head::Held(0),
        None if KEYS.iter().any(|known| known.starts_with(key)) => Head::Wait,
        Some(_) | None => Head::Text,
    }
}
