//! What a conversation showed the model: a call in another model's form that stands there word for word is a quotation.
//!
//! Nothing but our nonce tells a call from a text that shows one. A file, a result or a person's words may hold a call in
//! a form that is read leniently; a model that ends its answer with it has quoted it.

use serde_json::value::RawValue;

use crate::{
    dialect::{
        Nonce,
        look_alike::restore,
        tag::{Lexed, Lexicon},
        words::{MISTRAL, TagWord},
    },
    text::ENTITIES,
};

/// A shorter piece may be chance.
const PIECE_BYTES: usize = 12;

/// What every call in another model's form holds.
const SHOWS: &[&str] = &["name", "invoke", "function", "tool", "TOOL"];

/// The texts of a conversation that show what may be a call, blanks and escapes aside.
#[derive(Debug, Default)]
pub struct QuotedTexts {
    texts: Vec<String>,
}

impl QuotedTexts {
    /// Keeps what matters of the texts that the model was shown.
    pub fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let shows = |text: &&str| SHOWS.iter().any(|word| text.contains(word));
        Self { texts: texts.filter(shows).map(plain).collect() }
    }

    /// Whether a call of a block stands in one of the texts.
    pub(super) fn holds(&self, block: &str, lexicon: &Lexicon) -> bool {
        if self.texts.is_empty() {
            return false;
        }
        let shown = |piece: String| self.texts.iter().any(|text| text.contains(&piece));
        pieces(block, lexicon)
            .into_iter()
            .map(|piece| plain(&unmarked(piece, lexicon.nonce())))
            .any(|piece| piece.len() >= PIECE_BYTES && shown(piece))
    }
}

/// Shorter lines are braces and the like.
const LINE_BYTES: usize = 4;

impl QuotedTexts {
    /// Whether every line of a text stands in one of the texts; how lines were numbered or set in does not count.
    #[must_use]
    pub fn shows(&self, text: &str) -> bool {
        let lines: Vec<String> = text.lines().map(plain).filter(|line| line.len() >= LINE_BYTES).collect();
        let stands = |text: &String| lines.iter().all(|line| text.contains(line.as_str()));
        lines.iter().any(|line| line.len() >= PIECE_BYTES) && self.texts.iter().any(stands)
    }
}

fn unmarked(piece: &str, nonce: &Nonce) -> String {
    restore(piece, nonce).unwrap_or_else(|| piece.to_owned())
}

/// The calls of a block, without what stands around them.
fn pieces<'a>(block: &'a str, lexicon: &Lexicon) -> Vec<&'a str> {
    let block = unfenced(block.trim());
    let block = block.strip_prefix(MISTRAL).unwrap_or(block).trim();
    let alone = inside(block, lexicon);
    if alone.starts_with(['{', '[']) && !alone.contains("<tool_call") {
        return match serde_json::from_str::<Vec<&RawValue>>(alone) {
            Ok(list) => list.into_iter().map(RawValue::get).collect(),
            Err(_) => vec![alone],
        };
    }
    let begins = |at: &usize| {
        let calls = [TagWord::Invoke, TagWord::Call, TagWord::Function, TagWord::Begin];
        matches!(lexicon.lex(&block[*at..]), Lexed::Tag(tag) if !tag.closes && calls.contains(&tag.word))
    };
    let mut cuts: Vec<usize> = memchr::memchr_iter(b'<', block.as_bytes()).filter(begins).collect();
    if cuts.is_empty() {
        return vec![inside(block, lexicon)];
    }
    cuts.push(block.len());
    cuts.windows(2).map(|cut| inside(&block[cut[0]..cut[1]], lexicon)).collect()
}

/// A call without the tags around it that say nothing of it.
fn inside<'a>(piece: &'a str, lexicon: &Lexicon) -> &'a str {
    let mut piece = piece.trim();
    while let Lexed::Tag(tag) = lexicon.lex(piece) {
        let wraps = matches!(tag.word, TagWord::Calls | TagWord::Section)
            || (tag.word == TagWord::Call && tag.name.is_none());
        if tag.closes || !wraps {
            break;
        }
        piece = piece[tag.size..].trim_start();
    }
    while let Some(at) = memchr::memrchr(b'<', piece.as_bytes()) {
        let ends =
            [TagWord::Calls, TagWord::Call, TagWord::SectionEnd, TagWord::Last, TagWord::Think, TagWord::End];
        match lexicon.lex(&piece[at..]) {
            Lexed::Tag(tag) if at + tag.size == piece.len() && ends.contains(&tag.word) => {
                piece = piece[..at].trim_end();
            }
            _ => break,
        }
    }
    piece
}

fn unfenced(text: &str) -> &str {
    if !text.starts_with(['`', '~']) {
        return text;
    }
    let inner = text.split_once('\n').map_or("", |(_, inner)| inner);
    inner.trim_end_matches(['`', '~']).trim()
}

/// A text without blanks and escapes: of JSON, of a string in JSON, and of HTML.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escape = match c {
            '\\' => escaped(rest),
            '&' => ENTITIES
                .iter()
                .find(|(entity, _)| rest.starts_with(entity))
                .map(|(entity, c)| (entity.len(), Some(*c))),
            _ => None,
        };
        let (size, c) = escape.unwrap_or((c.len_utf8(), (c != '\\').then_some(c)));
        out.extend(c.filter(|c| !c.is_whitespace()));
        rest = &rest[size..];
    }
    out
}

/// How long an escape is and what it stands for; blanks are none.
fn escaped(rest: &str) -> Option<(usize, Option<char>)> {
    match rest.as_bytes().get(1)? {
        b'n' | b'r' | b't' => Some((2, None)),
        b'u' => {
            let letter = u32::from_str_radix(rest.get(2..6)?, 16).ok().and_then(char::from_u32)?;
            Some((6, Some(letter)))
        }
        _ => None,
    }
}
