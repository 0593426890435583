//! Reads what follows the word of a tag: its attributes and its closing bracket.

use crate::dialect::words::TagWord;

/// What follows the word.
pub(super) enum Rest {
    Whole { name: Option<String>, empty: bool, size: usize },
    Partial,
    No,
}

/// Reads what stands between the word and the closing bracket.
pub(super) fn rest(text: &str, close: char, word: TagWord) -> Rest {
    if let Some(value) = text.strip_prefix('=') {
        return assigned(value, close);
    }
    let wanted = if word == TagWord::Details { "type" } else { "name" };
    let mut name = None;
    let mut named = 0;
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let here = &text[at..];
        let Some(first) = here.chars().next() else { return Rest::Partial };
        if first == close {
            return Rest::Whole { name, empty: false, size: at + close.len_utf8() };
        }
        if first == '/' {
            return match here[1..].chars().next() {
                None => Rest::Partial,
                Some(next) if next == close => {
                    Rest::Whole { name, empty: true, size: at + 1 + close.len_utf8() }
                }
                Some(_) => Rest::No,
            };
        }
        match attribute(here, close) {
            Attribute::Whole { key, value, size } => {
                if key.eq_ignore_ascii_case(wanted) {
                    named += 1;
                    // Two names are none.
                    name = (named == 1).then(|| value.to_owned());
                }
                at += size;
            }
            Attribute::Partial => return Rest::Partial,
            Attribute::No => return Rest::No,
        }
    }
}

/// Reads Qwen's `=name>`.
fn assigned(text: &str, close: char) -> Rest {
    let Some(end) = text.find([close, '\n', '<']) else { return Rest::Partial };
    if !text[end..].starts_with(close) {
        return Rest::No;
    }
    let name = text[..end].trim().trim_matches(is_quote).to_owned();
    Rest::Whole { name: Some(name), empty: false, size: 1 + end + close.len_utf8() }
}

enum Attribute<'a> {
    Whole { key: &'a str, value: &'a str, size: usize },
    Partial,
    No,
}

fn attribute(text: &str, close: char) -> Attribute<'_> {
    let Some(end) = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')) else {
        return Attribute::Partial;
    };
    let key = &text[..end];
    if key.is_empty() || !text[end..].starts_with('=') {
        return Attribute::No;
    }
    let from = end + 1;
    let Some(first) = text[from..].chars().next() else { return Attribute::Partial };
    if is_quote(first) {
        let from = from + first.len_utf8();
        let end = text[from..].find(|c| is_same_quote(first, c) || matches!(c, '\n' | '<'));
        let Some(length) = end else { return Attribute::Partial };
        // No name goes on in the next tag or line: its quote was lost.
        if text[from + length..].starts_with(['\n', '<']) {
            return Attribute::No;
        }
        let quote = text[from + length..].chars().next().map_or(0, char::len_utf8);
        return Attribute::Whole { key, value: &text[from..from + length], size: from + length + quote };
    }
    match text[from..].find(|c: char| c.is_whitespace() || c == close) {
        Some(length) => Attribute::Whole { key, value: &text[from..from + length], size: from + length },
        None => Attribute::Partial,
    }
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’' | '＂')
}

fn is_same_quote(open: char, c: char) -> bool {
    match open {
        '\'' | '‘' | '’' => matches!(c, '\'' | '‘' | '’'),
        _ => matches!(c, '"' | '“' | '”' | '＂'),
    }
}
