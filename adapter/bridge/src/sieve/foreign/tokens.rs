//! Reads calls in models' own special tokens: Kimi's and `DeepSeek`'s.

use super::{Reader, Stop, plain};
use crate::{
    arguments::Body,
    dialect::{
        tag::{Lexed, Tag},
        words::Word,
    },
};

/// Reads one call, from its first token to its last.
pub(super) fn call(reader: &mut Reader<'_>, begin: &Tag) -> Result<(), Stop> {
    reader.at += begin.size;
    let from = reader.at;
    let Some((head, body)) = separator(reader, from) else {
        let body = until_end(reader, from)?;
        reader.push(None, Body::Calls(body));
        return Ok(());
    };
    let head = reader.text[from..head].trim().to_owned();
    let body = until_end(reader, body).map_err(|stop| stop.of(&head))?;
    // DeepSeek's first form names the kind before the mark and the tool after it.
    let (name, arguments) = match body.split_once('\n') {
        Some((name, arguments)) if head == "function" => (name.trim().to_owned(), arguments.to_owned()),
        _ => (head, body),
    };
    let arguments = plain::unfence(arguments.trim()).to_owned();
    reader.push(Some(name), Body::Arguments(arguments));
    Ok(())
}

/// Where the mark between name and arguments begins and ends.
fn separator(reader: &Reader<'_>, from: usize) -> Option<(usize, usize)> {
    let at = from + memchr::memchr(b'<', &reader.text.as_bytes()[from..])?;
    match reader.lexicon.lex(&reader.text[at..]) {
        Lexed::Tag(tag) if tag.word == Word::Separator => Some((at, at + tag.size)),
        Lexed::Tag(_) | Lexed::Partial(_) | Lexed::No => None,
    }
}

fn until_end(reader: &mut Reader<'_>, from: usize) -> Result<String, Stop> {
    let mut at = from;
    let mut seen = false;
    while let Some(found) = memchr::memchr(b'<', &reader.text.as_bytes()[at..]) {
        at += found;
        if let Lexed::Tag(tag) = reader.lexicon.lex(&reader.text[at..])
            && tag.word == Word::End
        {
            seen = true;
            if counts(reader, at + tag.size) {
                reader.at = at + tag.size;
                return Ok(reader.text[from..at].to_owned());
            }
        }
        at += 1;
    }
    Err(if seen { Stop::Closed } else { Stop::Open(None) })
}

/// Whether another call, the end of all calls, or nothing follows.
fn counts(reader: &Reader<'_>, at: usize) -> bool {
    let rest = reader.text[at..].trim_start();
    match reader.lexicon.lex(rest) {
        Lexed::Tag(tag) => matches!(tag.word, Word::Begin | Word::SectionEnd | Word::Last | Word::Result),
        Lexed::Partial(_) | Lexed::No => rest.is_empty(),
    }
}
