//! Decides whether text may stop being text: looks at the beginning of a possible block, no further.
//!
//! What it says never changes when more text arrives, unless it said "wait".

use crate::{
    dialect::{
        marks::{self, MarkKind},
        tag::{Lexed, Lexicon, Tag},
        words::{MISTRAL, TagWord},
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
pub(crate) enum Lookahead {
    /// A block of ours begins after so many bytes.
    Own(usize),
    /// A foreign block begins after so many bytes; what it is worth is seen at the end.
    Held(usize),
    /// Thinking begins; so many bytes of mark, and the word that ends it.
    Think(usize, TagWord),
    /// Thinking ends that never began; so many bytes of mark.
    Unthink(usize),
    /// More text must come before this can be said.
    Wait,
    /// Text.
    Text,
}

impl Lookahead {
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
pub(crate) struct HeadScanner<'a> {
    pub(crate) lexicon: &'a Lexicon,
    /// Whether anything but blanks was said before.
    pub(crate) said: bool,
}

impl HeadScanner<'_> {
    /// Judges the first letter of a line.
    pub(crate) fn line(&self, text: &str) -> Lookahead {
        let window = head(text, HEAD_BYTES);
        // A page puts a mark of order, or of no width, before what it copies.
        let visible = window.trim_start_matches(is_invisible);
        match self.begin(visible) {
            // What is not settled by then is text, however the bytes were split.
            Lookahead::Wait if text.len() >= HEAD_BYTES => Lookahead::Text,
            head => head.behind(window.len() - visible.len()),
        }
    }

    fn begin(&self, text: &str) -> Lookahead {
        match text.as_bytes().first() {
            None => Lookahead::Wait,
            Some(b'<') => self.tag(text),
            Some(b'[') if text.starts_with(MISTRAL) => Lookahead::Held(0),
            Some(b'[') if MISTRAL.starts_with(text) => Lookahead::Wait,
            Some(b'[') if self.bracket(text) != Lookahead::Text => self.bracket(text),
            Some(b'{' | b'[') if !self.said => json(text),
            Some(b'`' | b'~') if !self.said => self.fence(text),
            Some(_) => self.stray(text),
        }
    }

    /// Judges a bracket within a line.
    pub(crate) fn within(&self, text: &str) -> Lookahead {
        match self.lexicon.lex(text) {
            Lexed::Tag(tag) if tag.own && opens(&tag) => own(text, &tag),
            Lexed::Tag(tag) if tag.word == TagWord::Think && tag.closes => Lookahead::Unthink(tag.size),
            Lexed::Partial(partial) if partial.own || partial.thought => Lookahead::Wait,
            Lexed::Tag(_) | Lexed::Partial(_) | Lexed::NotATag => Lookahead::Text,
        }
    }

    fn bracket(&self, text: &str) -> Lookahead {
        match self.lexicon.lex(text) {
            Lexed::Tag(tag) if tag.own && opens(&tag) => own(text, &tag),
            Lexed::Partial(_) => Lookahead::Wait,
            Lexed::Tag(_) | Lexed::NotATag => unread(text),
        }
    }

    fn tag(&self, text: &str) -> Lookahead {
        match self.known(text) {
            Lookahead::Text => unread(text),
            head => head,
        }
    }

    fn known(&self, text: &str) -> Lookahead {
        let tag = match self.lexicon.lex(text) {
            Lexed::Tag(tag) => tag,
            Lexed::Partial(_) => return Lookahead::Wait,
            Lexed::NotATag => return Lookahead::Text,
        };
        if tag.closes {
            return if tag.word == TagWord::Think { Lookahead::Unthink(tag.size) } else { Lookahead::Text };
        }
        if tag.own && opens(&tag) {
            return own(text, &tag);
        }
        let reasoning = tag.word == TagWord::Details && tag.name.as_deref() == Some("reasoning");
        match tag.word {
            TagWord::Think if !self.said => Lookahead::Think(tag.size, TagWord::Think),
            TagWord::Details if reasoning && !self.said => Lookahead::Think(tag.size, TagWord::Details),
            TagWord::Invoke | TagWord::Function if tag.name.is_some() => Lookahead::Held(0),
            TagWord::Section | TagWord::Begin => Lookahead::Held(0),
            TagWord::Calls => self.inside(
                text,
                tag.size,
                &[TagWord::Invoke, TagWord::Call, TagWord::Function, TagWord::Begin],
            ),
            TagWord::Call if tag.name.is_some() => self.inside(text, tag.size, &[TagWord::Parameter]),
            TagWord::Call => self.inside(text, tag.size, &[TagWord::Function, TagWord::Invoke, TagWord::Key]),
            TagWord::Python => self.inside(text, tag.size, &[]),
            _ => Lookahead::Text,
        }
    }

    /// Judges what stands inside a foreign wrapper.
    fn inside(&self, text: &str, from: usize, words: &[TagWord]) -> Lookahead {
        let inner = text[from..].trim_start();
        match inner.chars().next() {
            None => Lookahead::Wait,
            Some('{' | '[') => Lookahead::Held(0),
            Some('<') => match self.lexicon.lex(inner) {
                Lexed::Tag(tag) if tag.own && opens(&tag) => {
                    own(inner, &tag).behind(text.len() - inner.len())
                }
                Lexed::Tag(tag) if words.contains(&tag.word) && !tag.closes => Lookahead::Held(0),
                Lexed::Partial(_) => Lookahead::Wait,
                Lexed::Tag(_) | Lexed::NotATag => Lookahead::Text,
            },
            // GLM writes the bare name first.
            Some(c) if words.contains(&TagWord::Key) && is_name(c) => self.bare_name(inner),
            Some(_) => Lookahead::Text,
        }
    }

    fn bare_name(&self, inner: &str) -> Lookahead {
        let after = inner.trim_start_matches(is_name).trim_start();
        if after.is_empty() {
            return Lookahead::Wait;
        }
        match self.lexicon.lex(after) {
            Lexed::Tag(tag) if tag.word == TagWord::Key && !tag.closes => Lookahead::Held(0),
            Lexed::Tag(tag) if tag.word == TagWord::Call && tag.closes => Lookahead::Held(0),
            Lexed::Partial(_) => Lookahead::Wait,
            Lexed::Tag(_) | Lexed::NotATag => Lookahead::Text,
        }
    }

    /// Judges an answer that begins with a fence: it may be nothing but a call.
    fn fence(&self, text: &str) -> Lookahead {
        let info = text.trim_start_matches(&text[..1]);
        if info.is_empty() {
            return Lookahead::Wait;
        }
        let inner = info.trim_start_matches(is_name);
        if text.len() - info.len() < 3 || !(inner.is_empty() || inner.starts_with(['\r', '\n'])) {
            return Lookahead::Text;
        }
        let inner = inner.trim_start();
        match inner.as_bytes().first() {
            None => Lookahead::Wait,
            Some(b'{') => json(inner),
            Some(b'[') if self.bracket(inner) == Lookahead::Text => json(inner),
            Some(b'[' | b'<') => match self.tag_or_bracket(inner) {
                Lookahead::Own(_) | Lookahead::Held(_) => Lookahead::Held(0),
                Lookahead::Wait => Lookahead::Wait,
                Lookahead::Think(..) | Lookahead::Unthink(_) | Lookahead::Text => Lookahead::Text,
            },
            Some(_) => Lookahead::Text,
        }
    }

    fn tag_or_bracket(&self, text: &str) -> Lookahead {
        if text.starts_with('<') { self.tag(text) } else { self.bracket(text) }
    }

    /// Judges a line that is only one stray word.
    fn stray(&self, text: &str) -> Lookahead {
        let word = text.trim_start_matches(|c: char| c.is_ascii_lowercase());
        let size = text.len() - word.len();
        let is_stray = STRAY.contains(&&text[..size]);
        if word.is_empty() {
            return if STRAY.iter().any(|stray| stray.starts_with(text)) {
                Lookahead::Wait
            } else {
                Lookahead::Text
            };
        }
        let Some(next) = word.strip_prefix("\r\n").or_else(|| word.strip_prefix('\n')).filter(|_| is_stray)
        else {
            return if is_stray && word == "\r" { Lookahead::Wait } else { Lookahead::Text };
        };
        match next.as_bytes().first() {
            None => Lookahead::Wait,
            Some(b'<') => match self.tag(next) {
                Lookahead::Own(skip) => Lookahead::Own(text.len() - next.len() + skip),
                Lookahead::Held(skip) => Lookahead::Held(text.len() - next.len() + skip),
                Lookahead::Wait => Lookahead::Wait,
                _ => Lookahead::Text,
            },
            Some(_) => Lookahead::Text,
        }
    }
}

/// Judges an opener of ours. One that a sentence goes on behind is named there, and no call can come of it.
fn own(text: &str, tag: &Tag) -> Lookahead {
    let after = &text[tag.size..];
    let rest = after.trim_start_matches([' ', '\t']);
    let blank = rest.len() < after.len();
    match rest.chars().next() {
        None if after.len() < BLANK_BYTES => Lookahead::Wait,
        Some(c) if tag.name.is_none() && (ends_a_word(c) || (blank && c.is_alphanumeric())) => {
            Lookahead::Text
        }
        Some(_) | None => Lookahead::Own(0),
    }
}

/// Whether a letter follows the last word of a sentence or of a quotation.
fn ends_a_word(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | '"' | '\'' | '”' | '»' | '，' | '。')
}

/// Judges a mark of a call that nobody reads: it is held, and asked for again.
fn unread(text: &str) -> Lookahead {
    match marks::begins(text) {
        MarkKind::Yes => Lookahead::Held(0),
        MarkKind::Perhaps => Lookahead::Wait,
        MarkKind::No => Lookahead::Text,
    }
}

/// Whether a tag begins a block of calls.
fn opens(tag: &Tag) -> bool {
    !tag.closes && matches!(tag.word, TagWord::Calls | TagWord::Invoke | TagWord::Call)
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}')
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Judges an answer that begins with JSON: its first key tells.
fn json(text: &str) -> Lookahead {
    let inner = text.strip_prefix('[').unwrap_or(text).trim_start();
    let Some(inner) = inner.strip_prefix('{') else {
        return if inner.is_empty() { Lookahead::Wait } else { Lookahead::Text };
    };
    let inner = inner.trim_start();
    let Some(key) = inner.strip_prefix('"') else {
        return if inner.is_empty() { Lookahead::Wait } else { Lookahead::Text };
    };
    match key.split_once('"') {
        Some((key, _)) if KEYS.contains(&key) => Lookahead::Held(0),
        None if KEYS.iter().any(|known| known.starts_with(key)) => Lookahead::Wait,
        Some(_) | None => Lookahead::Text,
    }
}
