//! Reads what stands inside one call: parameters, or JSON.

use crate::{
    arguments::BlockBody,
    dialect::{
        tag::{Lexed, Lexicon, Tag},
        words::TagWord,
    },
    text::unfence,
};

/// Opens a section.
const CDATA: &str = "<![CDATA[";

/// A fence has so many marks.
const FENCE: usize = 3;

const NO_END: BlockBody = BlockBody::Malformed("a parameter has no end");
const NO_PARAMETER: BlockBody = BlockBody::Malformed("there is text between the parameters");
const HALF: BlockBody =
    BlockBody::Malformed("a value is fenced at one end only, or holds a tag that belongs around it");

/// Reads a call's inside.
pub(crate) fn fields(body: &str, lexicon: &Lexicon) -> BlockBody {
    let trimmed = body.trim();
    if trimmed.starts_with('{') || trimmed.starts_with("```") {
        return BlockBody::Arguments(unfence(trimmed).to_owned());
    }
    let mut fields = Vec::new();
    let mut rest = body.trim_start();
    let mut own = true;
    while !rest.is_empty() {
        let tag = match lexicon.lex(rest) {
            Lexed::Tag(tag) if tag.word == TagWord::Parameter && !tag.closes => tag,
            Lexed::Tag(_) | Lexed::Partial(_) | Lexed::NotATag => return NO_PARAMETER,
        };
        let Some((value, after)) = value(&rest[tag.size..], &tag, &mut own, lexicon) else { return NO_END };
        let certain = tag.own || is_one(value, TagWord::Parameter, lexicon);
        let value = if rest.starts_with('[') { fenced(value) } else { bare(value) };
        let Some(value) = value.filter(|_| certain) else { return HALF };
        fields.push((tag.name.unwrap_or_default(), value.to_owned()));
        rest = after.trim_start();
    }
    BlockBody::Fields(fields)
}

/// Reads GLM's inside: a bare name, then keys and values.
pub(super) fn keyed(body: &str, lexicon: &Lexicon) -> (String, BlockBody) {
    let end = body.find('<').unwrap_or(body.len());
    let name = body[..end].trim().to_owned();
    let mut fields = Vec::new();
    let mut rest = body[end..].trim_start();
    while !rest.is_empty() {
        let Some((key, after)) = element(rest, TagWord::Key, lexicon) else { return (name, NO_PARAMETER) };
        let Some((value, after)) = element(after.trim_start(), TagWord::Value, lexicon) else {
            return (name, NO_END);
        };
        let one = is_one(value, TagWord::Value, lexicon) && is_one(value, TagWord::Key, lexicon);
        let Some(value) = bare(value).filter(|_| one) else { return (name, HALF) };
        fields.push((key.trim().to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    (name, BlockBody::Fields(fields))
}

/// Splits a value from what follows it. With our nonce the first closer is the closer; without, the first that
/// another parameter or the end follows. `own` turns false where no closer with our nonce is left: each is looked for
/// to the end only once.
fn value<'a>(text: &'a str, opener: &Tag, own: &mut bool, lexicon: &Lexicon) -> Option<(&'a str, &'a str)> {
    if opener.empty {
        return Some(("", text));
    }
    let closes = |tag: &Tag| tag.closes && tag.word == TagWord::Parameter;
    let owned = if opener.own && *own { split(text, lexicon, |tag, _| closes(tag) && tag.own) } else { None };
    *own &= !opener.own || owned.is_some();
    owned.or_else(|| {
        split(text, lexicon, |tag, after| closes(tag) && may_follow(after, TagWord::Parameter, lexicon))
    })
}

/// Reads one element of GLM's.
fn element<'a>(text: &'a str, word: TagWord, lexicon: &Lexicon) -> Option<(&'a str, &'a str)> {
    let Lexed::Tag(tag) = lexicon.lex(text) else { return None };
    if tag.word != word || tag.closes {
        return None;
    }
    let next = if word == TagWord::Key { TagWord::Value } else { TagWord::Key };
    split(&text[tag.size..], lexicon, |tag, after| {
        tag.closes && tag.word == word && may_follow(after, next, lexicon)
    })
}

/// Whether nothing, or an opener of this kind, follows.
fn may_follow(after: &str, word: TagWord, lexicon: &Lexicon) -> bool {
    let after = after.trim_start();
    after.is_empty() || matches!(lexicon.lex(after), Lexed::Tag(tag) if tag.word == word && !tag.closes)
}

fn split<'a>(
    text: &'a str,
    lexicon: &Lexicon,
    ends: impl Fn(&Tag, &str) -> bool,
) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'<', b'[', &text.as_bytes()[at..]) {
        at += found;
        if let Lexed::Tag(tag) = lexicon.lex(&text[at..])
            && ends(&tag, &text[at + tag.size..])
        {
            return Some((&text[..at], &text[at + tag.size..]));
        }
        at += 1;
    }
    None
}

/// Whether a value is one value. Where nothing tells our tags from a file's, an opener in it that is not closed, or a
/// closer that does not stand within a sentence, is more likely markup than content.
fn is_one(value: &str, word: TagWord, lexicon: &Lexicon) -> bool {
    let mut open = 0_usize;
    for at in memchr::memchr2_iter(b'<', b'[', value.as_bytes()) {
        let Lexed::Tag(tag) = lexicon.lex(&value[at..]) else { continue };
        if tag.word != word || tag.empty {
            continue;
        }
        match (tag.closes, open) {
            (false, _) => open += 1,
            (true, 0) if !goes_on(&value[at + tag.size..]) => return false,
            (true, _) => open = open.saturating_sub(1),
        }
    }
    open == 0
}

/// Whether a sentence goes on behind a tag.
fn goes_on(after: &str) -> bool {
    let words = after.trim_start_matches([' ', '\t']);
    words.len() < after.len() && words.starts_with(|c: char| !matches!(c, '\n' | '\r' | '<' | '['))
}

/// Takes away what models put around a value: a CDATA section, or a line break at both ends. The dialects write a
/// value that really has these inside another pair. None where a section is not closed.
fn bare(value: &str) -> Option<&str> {
    if let Some(inner) = value.trim().strip_prefix(CDATA) {
        return match inner.strip_suffix("]]>") {
            None if !inner.contains("]]>") => None,
            inner => Some(inner.unwrap_or(value)),
        };
    }
    match value.strip_prefix('\n').and_then(|inner| inner.strip_suffix('\n')) {
        Some(inner) => Some(inner),
        None => Some(value),
    }
}

/// Takes away the fence that the bracket dialect puts around a value. A value without any is taken as it stands; one
/// with half a fence has no one meaning.
fn fenced(value: &str) -> Option<&str> {
    let trimmed = value.trim();
    let mark = trimmed.chars().next().filter(|mark| matches!(mark, '`' | '~'));
    let size = mark.map_or(0, |mark| trimmed.len() - trimmed.trim_start_matches(mark).len());
    if size < FENCE {
        return bare(value).filter(|value| !value.lines().any(|line| is_fence(line, FENCE)));
    }
    let fence = &trimmed[..size];
    let inner = trimmed.split_once('\n')?.1.strip_suffix(fence)?;
    // An empty value: the closing fence follows the opening one.
    let inner = if inner.is_empty() { "" } else { inner.strip_suffix('\n')? };
    // A line that closes the fence earlier, or opens it once more.
    let again = inner.lines().any(|line| line.trim_start().starts_with(fence));
    (!again).then_some(inner)
}

fn is_fence(line: &str, size: usize) -> bool {
    let line = line.trim_start();
    let run = |mark: char| line.len() - line.trim_start_matches(mark).len();
    run('`') >= size || run('~') >= size
}
