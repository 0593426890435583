//! Two calls as our forms write them, and one mutation of their tags: what is read is what was written, or nothing.

use std::collections::BTreeSet;

use latchkey_bridge::{
    dialect::{CallFormat, WrittenCall},
    sieve::{AnswerEnd, Sieve, SieveLimits, event::SieveEvent},
};
use serde_json::{Map, Value};

use crate::{sieve::dialect, tools::catalog};

/// How many kinds of mutations there are.
const KINDS: u8 = 5;

/// Checks one text in both calls; three bytes decide what is done to which tag.
pub(crate) fn check(form: CallFormat, said: &[u8], [kind, which, place]: [u8; 3]) {
    let text = String::from_utf8_lossy(said).into_owned();
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    let (one, two) = text.split_at(middle);
    let written = calls(one, two);
    let dialect = dialect(form);
    let write = |calls: &[(&'static str, Map<String, Value>); 2]| {
        dialect.calls(&calls.each_ref().map(|(name, arguments)| WrittenCall { name, arguments }))
    };
    let block = write(&written);
    // Found where no value can look like one; a value that has one of them is written with a mark in it.
    let tags = tags(&write(&calls("x", "x")), dialect.nonce.as_str());
    let mutated = mutated(&block, &tags, dialect.nonce.as_str(), [kind, which, place]);
    let mut left = written.iter();
    for (name, arguments) in read(form, &mutated) {
        let known = left.any(|(written, given)| *written == name && Value::from(given.clone()) == arguments);
        assert!(known, "nobody wrote {name} {arguments}:\n{mutated}");
    }
}

fn calls(content: &str, command: &str) -> [(&'static str, Map<String, Value>); 2] {
    let object = |fields: &[(&str, &str)]| -> Map<String, Value> {
        fields.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect()
    };
    [("write", object(&[("filePath", "a"), ("content", content)])), ("bash", object(&[("command", command)]))]
}

fn read(form: CallFormat, text: &str) -> Vec<(String, Value)> {
    let mut sieve = Sieve::new(catalog(), &dialect(form), SieveLimits::default());
    let mut events = Vec::new();
    sieve.push_text(text, &mut events);
    sieve.finish(AnswerEnd::Complete, &mut events);
    let call = |event: SieveEvent| match event {
        SieveEvent::Call(call) => {
            Some((call.name, serde_json::from_str(&call.arguments).expect("arguments are JSON")))
        }
        _ => None,
    };
    events.into_iter().filter_map(call).collect()
}

/// The block with one of its tags deleted, doubled, cut, without its nonce, or with words behind it.
fn mutated(block: &str, tags: &BTreeSet<String>, nonce: &str, [kind, which, place]: [u8; 3]) -> String {
    let mut places: Vec<(usize, &str)> =
        tags.iter().flat_map(|tag| block.match_indices(tag.as_str())).collect();
    places.sort_unstable();
    let Some(&(from, tag)) = places.get(usize::from(which) % places.len().max(1)) else {
        return block.to_owned();
    };
    let to = from + tag.len();
    let cut = (1 + usize::from(place) % (tag.len() - 1)..).find(|at| tag.is_char_boundary(*at)).unwrap_or(1);
    let opens_value = tag[1..].starts_with("parameter");
    let instead = match kind % KINDS {
        0 => String::new(),
        1 => tag.repeat(2),
        2 => tag[..cut].to_owned(),
        3 => tag.replace(&format!("_{nonce}"), ""),
        // Behind the opener of a value it would be a part of the value.
        _ if opens_value => tag.to_owned(),
        _ => format!("{tag} and then "),
    };
    [&block[..from], &instead, &block[to..]].concat()
}

/// The tags of a block.
fn tags(block: &str, nonce: &str) -> BTreeSet<String> {
    let mark = format!("_{nonce}");
    let tag = |(at, open): (usize, &str)| {
        let rest = &block[at..];
        let close = if open == "<" { '>' } else { ']' };
        let size = rest.find([close, '\n']).filter(|size| rest[*size..].starts_with(close))?;
        rest[..=size].contains(&mark).then(|| rest[..=size].to_owned())
    };
    block.match_indices(['<', '[']).filter_map(tag).collect()
}
