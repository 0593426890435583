//! The part of a text that its end is judged by: the last prose, and what hangs on it.
//!
//! A list or a fence at the end belongs to the prose that introduces it. Block quotes are somebody else's words and
//! are left out, and so is what says nothing: rules, emoji, marks of templates, a path by itself, a signature.

use super::silent;

/// Bytes of prose looked at; a paragraph longer than this ends no differently for its beginning.
const PROSE_BYTES: usize = 1600;

/// The end of a text.
#[derive(Debug)]
pub(super) struct Tail<'a> {
    /// The last paragraph of prose, its headings not included.
    pub(super) prose: &'a str,
    /// What follows the prose.
    pub(super) ends: Ends<'a>,
}

/// What a text ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends<'a> {
    Prose,
    List,
    /// A fence, with its language.
    Fence(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Blank,
    Heading,
    Quote,
    Item,
    /// What says nothing by itself.
    Nothing,
    Prose,
}

impl<'a> Tail<'a> {
    /// Finds the tail of `text` in one pass.
    pub(super) fn of(text: &'a str) -> Self {
        let mut blocks = Blocks::default();
        for line in text.split_inclusive('\n') {
            blocks.push(line);
        }
        let prose = last(silent::cut(&text[blocks.start..blocks.end]), PROSE_BYTES);
        Self { prose, ends: blocks.ends.unwrap_or(Ends::Prose) }
    }
}

#[derive(Debug, Default)]
struct Blocks<'a> {
    at: usize,
    /// The last prose found.
    start: usize,
    end: usize,
    ends: Option<Ends<'a>>,
    fence: Option<&'a str>,
    /// Whether the next line of prose starts a paragraph.
    broken: bool,
}

impl<'a> Blocks<'a> {
    fn push(&mut self, line: &'a str) {
        let at = self.at;
        self.at += line.len();
        let bare = line.trim();
        if let Some(mark) = self.fence {
            if bare.starts_with(mark) && bare.trim_start_matches(['`', '~']).is_empty() {
                self.fence = None;
            }
            return;
        }
        if let Some((mark, language)) = fence(bare) {
            self.fence = Some(mark);
            self.ends = Some(Ends::Fence(language));
            self.broken = true;
            return;
        }
        match kind(bare) {
            Line::Blank | Line::Quote | Line::Nothing => self.broken = true,
            Line::Item => {
                self.ends = Some(Ends::List);
                self.broken = false;
            }
            Line::Prose if self.ends == Some(Ends::List) && !self.broken => {} // an item goes on
            Line::Prose if self.ends.is_none() && !self.broken => self.end = self.at,
            Line::Prose if is_indented(line) && self.ends == Some(Ends::List) => {}
            Line::Prose => self.paragraph(at),
            Line::Heading => {
                self.paragraph(at);
                self.broken = true;
            }
        }
    }

    fn paragraph(&mut self, at: usize) {
        self.start = at;
        self.end = self.at;
        self.ends = None;
        self.broken = false;
    }
}

fn kind(line: &str) -> Line {
    match line.as_bytes() {
        [] => Line::Blank,
        [b'>', ..] => Line::Quote,
        _ if silent::is(line) => Line::Nothing,
        [b'#', ..] => Line::Heading,
        [b'|', ..] | [b'-' | b'*' | b'+', b' ', ..] => Line::Item,
        _ if is_numbered(line) => Line::Item,
        _ => Line::Prose,
    }
}

fn is_indented(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

fn is_numbered(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && (rest.starts_with(". ") || rest.starts_with(") ") || rest.starts_with('、'))
}

/// The mark and the language of a line that opens a fence.
pub(super) fn fence(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim_start_matches(if line.starts_with('~') { '~' } else { '`' });
    let mark = &line[..line.len() - rest.len()];
    (mark.len() >= 3 && !rest.contains('`')).then(|| (mark, rest.trim()))
}

/// The first `bytes` of a text, or a little less.
pub(super) fn first(text: &str, bytes: usize) -> &str {
    let boundary = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..boundary.unwrap_or(0)]
}

/// The last `bytes` of a text, or a little less.
pub(super) fn last(text: &str, bytes: usize) -> &str {
    let boundary = (text.len().saturating_sub(bytes)..text.len()).find(|at| text.is_char_boundary(*at));
    &text[boundary.unwrap_or(text.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_paragraph_is_the_tail() {
        let tail = Tail::of("One.\n\nTwo.\nThree.\n");

        assert_eq!((tail.prose, tail.ends), ("Two.\nThree.", Ends::Prose));
    }

    #[test]
    fn list_and_fence_hang_on_their_introduction() {
        let list = Tail::of("Old.\n\nI'll do this:\n\n1. read\n\n2. write\n   twice\n");
        let fence = Tail::of("Let me run:\n\n```sh\nls\n\nLet it be.\n```\n");

        assert_eq!((list.prose, list.ends), ("I'll do this:", Ends::List));
        assert_eq!((fence.prose, fence.ends), ("Let me run:", Ends::Fence("sh")));
    }

    #[test]
    fn quote_is_not_prose_and_prose_after_a_fence_is() {
        assert_eq!(Tail::of("Mine.\n\n> Let me read.\n").prose, "Mine.");
        assert_eq!(Tail::of("```\nx\n```\nGreen.").prose, "Green.");
    }

    #[test]
    fn text_without_prose_has_an_empty_tail() {
        assert_eq!(Tail::of("").prose, "");
        assert_eq!(Tail::of("```\nx\n```").prose, "");
    }
}
