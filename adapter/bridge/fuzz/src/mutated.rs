//! Two calls as our forms write them, and one mutation of their tags: what is read is what was written, or nothing.

use latchkey_bridge::{
    dialect::{Form, Written},
    sieve::{End, Limits, Sieve, event::Event},
};
use serde_json::{Map, Value};

use crate::{sieve::dialect, tools::catalog};

/// How many kinds of mutations there are.
const KINDS: u8 = 5;

/// Checks one text in both calls; three bytes decide what is done to which tag.
pub(crate) fn check(form: Form, said: &[u8], [kind, which, place]: [u8; 3]) {
    let text = String::from_utf8_lossy(said).into_owned();
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    let (one, two) = text.split_at(middle);
    let object = |fields: &[(&str, &str)]| -> Map<String, Value> {
        fields.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect()
    };
    let written =
        [("write", object(&[("filePath", "a"), ("content", one)])), ("bash", object(&[("command", two)]))];
    let calls = written.each_ref().map(|(name, arguments)| Written { name, arguments });
    let block = dialect(form).calls(&calls);
    let mutated = mutated(&block, dialect(form).nonce.as_str(), [kind, which, place]);
    let mut left = written.iter();
    for (name, arguments) in read(form, &mutated) {
        let known = left.any(|(written, given)| *written == name && Value::from(given.clone()) == arguments);
        assert!(known, "nobody wrote {name} {arguments}:\n{mutated}");
    }
}

fn read(form: Form, text: &str) -> Vec<(String, Value)> {
    let mut sieve = Sieve::new(catalog(), &dialect(form), Limits::default());
    let mut events = Vec::new();
    sieve.push_text(text, &mut events);
    sieve.finish(End::Complete, &mut events);
    let call = |event: Event| match event {
        Event::Call(call) => {
            Some((call.name, serde_json::from_str(&call.arguments).expect("arguments are JSON")))
        }
        _ => None,
    };
    events.into_iter().filter_map(call).collect()
}

/// The block with one of its tags deleted, doubled, cut, without its nonce, or with words behind it.
fn mutated(block: &str, nonce: &str, [kind, which, place]: [u8; 3]) -> String {
    let tags = tags(block, nonce);
    let Some(&(from, to)) = tags.get(usize::from(which) % tags.len().max(1)) else { return block.to_owned() };
    let tag = &block[from..to];
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

/// Where our tags stand.
fn tags(block: &str, nonce: &str) -> Vec<(usize, usize)> {
    let mark = format!("_{nonce}");
    let tag = |(at, open): (usize, &str)| {
        let rest = &block[at..];
        let close = if open == "<" { '>' } else { ']' };
        let size = rest.find([close, '\n']).filter(|size| rest[*size..].starts_with(close))?;
        let ours = rest[1..=size].starts_with(|c: char| c == '/' || c.is_ascii_alphabetic());
        (ours && rest[..=size].contains(&mark)).then_some((at, at + size + 1))
    };
    block.match_indices(['<', '[']).filter_map(tag).collect()
}
