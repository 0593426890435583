//! The ends of a text, never cut inside a letter, and a text without its fence.

/// The beginning of a text, at most so long.
pub(crate) fn head(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The end of a text, at most so long.
pub(crate) fn tail(text: &str, bytes: usize) -> &str {
    let mut from = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// The letters that escapes of HTML stand for.
pub(crate) const ENTITIES: &[(&str, char)] = &[
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&amp;", '&'),
    ("&quot;", '"'),
    ("&#39;", '\''),
    ("&#x27;", '\''),
    ("&apos;", '\''),
];

/// A text without escapes of HTML.
pub(crate) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity));
        let (size, c) = found.map_or((1, '&'), |(entity, c)| (entity.len(), *c));
        out.push(c);
        rest = &rest[size..];
    }
    out.push_str(rest);
    out
}

/// Takes a fence away, if there is one around all of a text.
pub(crate) fn unfence(text: &str) -> &str {
    match split_fence(text) {
        Some((inner, rest))
            if (text.starts_with("```") || text.starts_with("~~~")) && rest.trim().is_empty() =>
        {
            inner.trim()
        }
        Some(_) | None => text,
    }
}

/// The inside of a fence, and what follows its last line of marks.
pub(crate) fn split_fence(text: &str) -> Option<(&str, &str)> {
    let mark = text.get(..1)?;
    let size = text.len() - text.trim_start_matches(mark).len();
    let from = text.find('\n')? + 1;
    let fence = &text[..size];
    let mut end = None;
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        if line.trim_start().starts_with(fence) && line.trim().trim_matches(mark.chars().next()?).is_empty() {
            end = Some((at, at + line.len()));
        }
        at += line.len();
    }
    end.map(|(at, after)| (&text[from..at], &text[after..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_whole() {
        assert_eq!((head("aéb", 2), tail("aéb", 2)), ("a", "b"));
        assert_eq!((head("aéb", 9), tail("aéb", 9)), ("aéb", "aéb"));
    }
}
