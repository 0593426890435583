//! The part of a text that its end is judged by: the last prose, and what hangs on it.
//!
//! A list or a fence at the end belongs to the prose that introduces it. Block quotes are somebody else's words and
//! are left out, and so is what says nothing: rules, emoji, marks of templates, a path by itself, a signature.

use super::silent;

/// Bytes of prose looked at; a paragraph longer than this ends no differently for its beginning.
const PROSE_BYTES: usize = 1600;
/// Bytes of a list looked at, from its end.
const LIST_BYTES: usize = 4 << 10;

/// The end of a text.
#[derive(Debug)]
pub(super) struct LastParagraph<'a> {
    /// The last paragraph of prose, its headings not included.
    pub(super) prose: &'a str,
    /// What follows the prose.
    pub(super) ends: TailKind<'a>,
    /// The list or fence itself, and whatever says nothing.
    pub(super) behind: &'a str,
}

/// What a text ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TailKind<'a> {
    Prose,
    List,
    /// A fence, with its language.
    Fence(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Blank,
    Heading,
    Quote,
    Item,
    /// What says nothing by itself.
    Nothing,
    Prose,
}

impl<'a> LastParagraph<'a> {
    /// Finds the tail of `text` in one pass.
    pub(super) fn of(text: &'a str) -> Self {
        let mut blocks = BlockScan::default();
        for line in text.split_inclusive('\n') {
            blocks.push(line);
        }
        let prose = last(silent::cut(&text[blocks.start..blocks.end]), PROSE_BYTES);
        Self { prose, ends: blocks.ends.unwrap_or(TailKind::Prose), behind: &text[blocks.end..] }
    }
}

/// The outermost items of a list without what hangs below them, each with the lines that it goes on in.
pub(super) fn items(list: &str) -> Vec<String> {
    let list = last(list, LIST_BYTES);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_item = |line: &&str| kind(line.trim()) == LineKind::Item;
    let outermost = list.lines().filter(is_item).map(indent).min().unwrap_or(0);
    let mut items: Vec<String> = Vec::new();
    let mut is_below = true;
    for line in list.lines().filter(|line| !line.trim().is_empty()) {
        match items.last_mut() {
            _ if is_item(&line) && indent(line) == outermost => {
                items.push(line.trim().to_owned());
                is_below = false;
            }
            _ if is_item(&line) => is_below = true,
            Some(item) if !is_below => item.push_str(&format!("\n{}", line.trim())),
            _ => {}
        }
    }
    items
}

#[derive(Debug, Default)]
struct BlockScan<'a> {
    at: usize,
    /// The last prose found.
    start: usize,
    end: usize,
    ends: Option<TailKind<'a>>,
    fence: Option<&'a str>,
    /// Whether the next line of prose starts a paragraph.
    broken: bool,
}

impl<'a> BlockScan<'a> {
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
            self.ends = Some(TailKind::Fence(language));
            self.broken = true;
            return;
        }
        match kind(bare) {
            LineKind::Blank | LineKind::Quote | LineKind::Nothing => self.broken = true,
            LineKind::Item => {
                self.ends = Some(TailKind::List);
                self.broken = false;
            }
            LineKind::Prose if self.ends == Some(TailKind::List) && !self.broken => {} // an item goes on
            LineKind::Prose if self.ends.is_none() && !self.broken => self.end = self.at,
            LineKind::Prose if is_indented(line) && self.ends == Some(TailKind::List) => {}
            LineKind::Prose => self.paragraph(at),
            LineKind::Heading => {
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

fn kind(line: &str) -> LineKind {
    match line.as_bytes() {
        [] => LineKind::Blank,
        [b'>', ..] => LineKind::Quote,
        _ if silent::is(line) => LineKind::Nothing,
        [b'#', ..] => LineKind::Heading,
        [b'|', ..] | [b'-' | b'*' | b'+', b' ', ..] => LineKind::Item,
        _ if is_numbered(line) => LineKind::Item,
        _ => LineKind::Prose,
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
        let tail = LastParagraph::of("One.\n\nTwo.\nThree.\n");

        assert_eq!((tail.prose, tail.ends), ("Two.\nThree.", TailKind::Prose));
    }

    #[test]
    fn list_and_fence_hang_on_their_introduction() {
        let list = LastParagraph::of("Old.\n\nI'll do this:\n\n1. read\n\n2. write\n   twice\n");
        let fence = LastParagraph::of("Let me run:\n\n```sh\nls\n\nLet it be.\n```\n");

        assert_eq!((list.prose, list.ends), ("I'll do this:", TailKind::List));
        assert_eq!((fence.prose, fence.ends), ("Let me run:", TailKind::Fence("sh")));
    }

    #[test]
    fn quote_is_not_prose_and_prose_after_a_fence_is() {
        assert_eq!(LastParagraph::of("Mine.\n\n> Let me read.\n").prose, "Mine.");
        assert_eq!(LastParagraph::of("```\nx\n```\nGreen.").prose, "Green.");
    }

    #[test]
    fn text_without_prose_has_an_empty_tail() {
        assert_eq!(LastParagraph::of("").prose, "");
        assert_eq!(LastParagraph::of("```\nx\n```").prose, "");
    }
}
