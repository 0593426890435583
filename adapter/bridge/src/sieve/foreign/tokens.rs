//! Reads calls in models' own special tokens: Kimi's and `DeepSeek`'s.

use super::reader::{ForeignReader, ReadEnd};
use crate::{
    arguments::BlockBody,
    dialect::{
        tag::{Lexed, Tag},
        words::TagWord,
    },
    text::unfence,
};

/// Reads one call, from its first token to its last.
pub(super) fn call(reader: &mut ForeignReader<'_>, begin: &Tag) -> Result<(), ReadEnd> {
    reader.at += begin.size;
    let from = reader.at;
    let Some((head, body)) = separator(reader, from) else {
        let body = until_end(reader, from)?;
        reader.push(None, BlockBody::Calls(body));
        return Ok(());
    };
    let head = reader.text[from..head].trim().to_owned();
    let body = until_end(reader, body).map_err(|stop| stop.of(&head))?;
    // DeepSeek's first form names the kind before the mark and the tool after it.
    let (name, arguments) = match body.split_once('\n') {
        Some((name, arguments)) if head == "function" => (name.trim().to_owned(), arguments.to_owned()),
        _ => (head, body),
    };
    let arguments = unfence(arguments.trim()).to_owned();
    reader.push(Some(name), BlockBody::Arguments(arguments));
    Ok(())
}

/// Where the mark between name and arguments begins and ends.
fn separator(reader: &ForeignReader<'_>, from: usize) -> Option<(usize, usize)> {
    let at = from + memchr::memchr(b'<', &reader.text.as_bytes()[from..])?;
    match reader.lexicon.lex(&reader.text[at..]) {
        Lexed::Tag(tag) if tag.word == TagWord::Separator => Some((at, at + tag.size)),
        Lexed::Tag(_) | Lexed::Partial(_) | Lexed::NotATag => None,
    }
}

fn until_end(reader: &mut ForeignReader<'_>, from: usize) -> Result<String, ReadEnd> {
    let mut at = from;
    let mut seen = false;
    while let Some(found) = memchr::memchr(b'<', &reader.text.as_bytes()[at..]) {
        at += found;
        if let Lexed::Tag(tag) = reader.lexicon.lex(&reader.text[at..])
            && tag.word == TagWord::End
        {
            seen = true;
            if counts(reader, at + tag.size) {
                reader.at = at + tag.size;
                return Ok(reader.text[from..at].to_owned());
            }
        }
        at += 1;
    }
    Err(if seen { ReadEnd::Closed } else { ReadEnd::Open(None) })
}

/// Whether another call, the end of all calls, or nothing follows.
fn counts(reader: &ForeignReader<'_>, at: usize) -> bool {
    let rest = reader.text[at..].trim_start();
    match reader.lexicon.lex(rest) {
        Lexed::Tag(tag) => {
            matches!(tag.word, TagWord::Begin | TagWord::SectionEnd | TagWord::Last | TagWord::Result)
        }
        Lexed::Partial(_) | Lexed::NotATag => rest.is_empty(),
    }
}
