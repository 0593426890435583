//! Tells a quote that ends a text from one that stands in it.

use crate::{arguments::keys::KnownKeys, text::head};

/// How quotes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuoteMode {
    /// Every quote ends its text.
    Believed,
    /// A quote ends its text if JSON goes on behind it.
    Doubted,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StringRole {
    Key,
    Value,
}

/// What follows a comma.
enum AfterComma {
    Known { required: bool },
    Unknown,
    NoKey,
}

/// No key of a tool is longer.
const KEY_BYTES: usize = 64;

pub(super) fn is_open(c: char) -> bool {
    matches!(c, '"' | '\'' | '“')
}

pub(super) fn is_close(open: char, c: char) -> bool {
    c == open || (open == '“' && matches!(c, '”' | '"'))
}

/// Whether the quote before `rest` ends its text; none if both could be meant. `open` are the brackets to be closed,
/// and `doubted` says whether a quote before this one was taken for content.
pub(super) fn ends(
    rest: &str,
    place: StringRole,
    open: &[u8],
    known: &KnownKeys,
    doubted: bool,
) -> Option<bool> {
    let rest = rest.trim_start();
    if place == StringRole::Key {
        return Some(rest.starts_with(':'));
    }
    let (rest, left) = closed(rest, open);
    if rest.is_empty() {
        return Some(true);
    }
    if left.is_empty() {
        // All is whole here. If another value follows, this was one call, and that is another.
        return if memchr::memchr(b'{', rest.as_bytes()).is_some() { None } else { Some(false) };
    }
    let Some(after) = rest.strip_prefix(',') else { return Some(false) };
    let after = after.trim_start();
    match left.last() {
        None => Some(false),
        Some(b'}') => match key(after, known) {
            // The text could as well go on to a later quote, and hold what looks like a key.
            AfterComma::Known { required: false } if doubted && may_end_later(after, left, known) => None,
            AfterComma::Known { .. } => Some(true),
            AfterComma::Unknown => None,
            AfterComma::NoKey => Some(after.starts_with('}')),
        },
        Some(_) => Some(
            after
                .starts_with(|c: char| matches!(c, '"' | '\'' | '{' | '[' | ']' | '-') || c.is_ascii_digit()),
        ),
    }
}

/// Whether JSON could go on behind a quote that is escaped.
pub(super) fn may_end(rest: &str, open: &[u8], known: &KnownKeys) -> bool {
    let (rest, left) = closed(rest, open);
    let Some(after) = rest.strip_prefix(',').filter(|_| !left.is_empty()) else { return rest.is_empty() };
    let after = after.trim_start();
    match left.last() {
        Some(b'}') => matches!(key(after, known), AfterComma::Known { .. } | AfterComma::Unknown),
        _ => after.starts_with(['"', '\'']),
    }
}

/// Whether a quote behind this key could end a text, too.
fn may_end_later(after: &str, open: &[u8], known: &KnownKeys) -> bool {
    // The two around the key itself end none.
    memchr::memchr3_iter(b'"', b'\'', 0xe2, after.as_bytes()).skip(2).any(|at| {
        let size = after[at..].chars().next().map_or(1, char::len_utf8);
        let (rest, _) = closed(&after[at + size..], open);
        let next = rest.strip_prefix(',').map(|rest| key(rest.trim_start(), known));
        rest.is_empty() || matches!(next, Some(AfterComma::Known { .. }))
    })
}

/// Goes over closing brackets that fit what is open.
fn closed<'a, 'b>(mut rest: &'a str, mut open: &'b [u8]) -> (&'a str, &'b [u8]) {
    loop {
        rest = rest.trim_start();
        let Some((&last, others)) = open.split_last() else {
            // One bracket too many at the very end is a habit.
            return (rest.trim_start_matches(['}', ']']).trim_start(), open);
        };
        if rest.as_bytes().first() != Some(&last) {
            return (rest, open);
        }
        rest = &rest[1..];
        open = others;
    }
}

fn key(after: &str, known: &KnownKeys) -> AfterComma {
    let after = head(after, KEY_BYTES);
    let Some(inner) = after.strip_prefix(['"', '\'']) else { return AfterComma::NoKey };
    let Some((key, rest)) = inner.split_once(['"', '\'']) else { return AfterComma::NoKey };
    let is_in = |keys: &[String]| keys.iter().any(|known| known == key);
    match rest.trim_start().starts_with(':') {
        false => AfterComma::NoKey,
        true if known.known.is_empty() || is_in(&known.known) => {
            AfterComma::Known { required: is_in(&known.required) }
        }
        true => AfterComma::Unknown,
    }
}
