//! The marks with which a site says that no call is needed, or that its work is finished. They are never shown.

use latchkey_bridge::dialect::Dialect;

/// Takes the marks out of a text, however it is split.
#[derive(Debug)]
pub(super) struct Mark {
    /// What every mark ends with.
    tail: String,
    /// That no call is needed. It may come unasked.
    no_call: String,
    /// That the work is finished, where that is asked for.
    end: Option<String>,
    /// The end of the text so far, if it may be a beginning of a mark.
    held: String,
    /// Whether the first came.
    pub seen: bool,
    /// How often the second came.
    pub ends: usize,
    /// Whether words came behind it.
    said_behind: bool,
}

impl Mark {
    /// For the marks of a conversation, in any case.
    pub(super) fn new(dialect: &Dialect, end: bool) -> Self {
        Self {
            tail: format!("_{}", dialect.nonce).to_ascii_lowercase(),
            no_call: dialect.no_call().to_ascii_lowercase(),
            end: end.then(|| dialect.end().to_ascii_lowercase()),
            held: String::new(),
            seen: false,
            ends: 0,
            said_behind: false,
        }
    }

    /// What can be shown by now.
    pub(super) fn pass(&mut self, text: &str) -> String {
        if self.held.is_empty() && self.is_plain(text) {
            self.note_shown(text);
            return text.to_owned();
        }
        let text = std::mem::take(&mut self.held) + text;
        let lower = text.to_ascii_lowercase();
        let mut shown = String::with_capacity(text.len());
        let mut from = 0;
        while let Some((at, size, is_end)) = self.first(&lower[from..]) {
            let before = &text[from..from + at];
            self.note_shown(before);
            shown.push_str(before);
            self.seen |= !is_end;
            self.ends += usize::from(is_end);
            from += at + size;
        }
        let until = text.len() - self.begun(&lower[from..]);
        self.note_shown(&text[from..until]);
        shown.push_str(&text[from..until]);
        self.held.push_str(&text[until..]);
        shown
    }

    /// What was no mark.
    pub(super) fn rest(&mut self) -> String {
        let rest = std::mem::take(&mut self.held);
        self.note_shown(&rest);
        rest
    }

    /// A whole text without marks.
    pub(super) fn without(&mut self, text: &str) -> String {
        self.pass(text) + &self.rest()
    }

    /// Whether the mark of the end came once, and no words behind it.
    pub(super) fn is_at_end(&self) -> bool {
        self.ends == 1 && !self.said_behind
    }

    /// Nearly every piece is: the marks have an underscore behind their first letters.
    fn is_plain(&self, text: &str) -> bool {
        let begins = |c: char| {
            let c = c.to_ascii_lowercase();
            matches!(c, 'n' | 'o') || (self.end.is_some() && matches!(c, 'e' | 'd'))
        };
        !text.ends_with(begins) && !text.contains('_')
    }

    /// Where the first mark of a text in lower case begins, its size, and whether it is that of the end. Looked for by what
    /// both end with: a site may send as many of one as it likes, and none of the other.
    fn first(&self, lower: &str) -> Option<(usize, usize, bool)> {
        let marks =
            || std::iter::once((&self.no_call, false)).chain(self.end.as_ref().map(|end| (end, true)));
        lower.match_indices(&self.tail).find_map(|(at, tail)| {
            let until = at + tail.len();
            let (mark, is_end) = marks().find(|(mark, _)| lower[..until].ends_with(mark.as_str()))?;
            Some((until - mark.len(), mark.len(), is_end))
        })
    }

    /// How many bytes at the end of a text in lower case may begin a mark.
    fn begun(&self, lower: &str) -> usize {
        let begun = |mark: &String| {
            let longest = mark.len().min(lower.len() + 1);
            (1..longest).rev().find(|&size| lower.ends_with(&mark[..size])).unwrap_or(0)
        };
        begun(&self.no_call).max(self.end.as_ref().map_or(0, begun))
    }

    fn note_shown(&mut self, text: &str) {
        self.said_behind |= self.ends > 0 && text.contains(char::is_alphanumeric);
    }
}

#[cfg(test)]
mod tests {
    use latchkey_bridge::dialect::{CallFormat, Nonce};
    use proptest::prelude::*;

    use super::*;

    fn dialect() -> Dialect {
        Dialect { form: CallFormat::Xml, nonce: Nonce::derive(b"a secret", "a conversation") }
    }

    fn shown(pieces: &[&str], end: bool) -> (String, Mark) {
        let mut mark = Mark::new(&dialect(), end);
        let text: String = pieces.iter().map(|piece| mark.pass(piece)).collect();
        (text + &mark.rest(), mark)
    }

    fn no_call() -> String {
        dialect().no_call()
    }

    #[test]
    fn a_mark_is_taken_out_wherever_it_is_split() {
        let text = format!("Done. {} Bye, NO_TOO {}!", no_call(), no_call().to_uppercase());
        for at in 0..text.len() {
            let (said, mark) = shown(&[&text[..at], &text[at..]], false);
            assert_eq!((said.as_str(), mark.seen), ("Done.  Bye, NO_TOO !", true), "{at}");
        }
    }

    #[test]
    fn a_text_without_it_is_whole() {
        let (said, mark) = shown(&["NO", "N", "NO_TOOL_", "zz 字N", "END_"], true);
        assert_eq!((said.as_str(), mark.seen, mark.ends), ("NONNO_TOOL_zz 字NEND_", false, 0));
    }

    /// A hostile site knows the nonce.
    #[test]
    fn marks_without_end_are_taken_out_in_one_pass() {
        for (mark, of_end) in
            [(dialect().end(), true), (no_call(), false), (format!("X_{}", dialect().nonce), false)]
        {
            let (said, taken) = shown(&[&mark.repeat(300_000)], true);

            let is_mark = !mark.starts_with('X');
            assert_eq!(said.is_empty(), is_mark);
            assert_eq!((taken.seen, taken.ends), (is_mark && !of_end, if of_end { 300_000 } else { 0 }));
        }
    }

    #[test]
    fn the_end_counts_once_and_with_nothing_behind_it() {
        let end = dialect().end();
        for (text, is_at_end) in [
            (format!("Done.\n\n{end}"), true),
            (format!("Done. **{end}**\n"), true),
            (format!("Done. {end} {end}"), false),
            (format!("{end} More."), false),
            ("Done.".to_owned(), false),
        ] {
            assert_eq!(shown(&[&text], true).1.is_at_end(), is_at_end, "{text}");
        }
        assert_eq!(shown(&[&end], false).0, end, "not asked for");
    }

    proptest! {
        /// However a text is cut, no mark is shown and no other byte is lost.
        #[test]
        fn marks_are_taken_out_of_any_text_in_any_pieces(
            parts in prop::collection::vec((0..6usize, "(?s)[ENDNO_TL a字\n]{0,6}"), 0..6),
            cuts in prop::collection::vec(1..9usize, 1..12),
        ) {
            let marks = [no_call(), dialect().end()];
            let mut text = String::new();
            let mut expected = String::new();
            for (kind, words) in &parts {
                // A space keeps what stands beside a mark from completing another.
                text.push_str(&format!(" {words} "));
                expected.push_str(&format!(" {words} "));
                match kind {
                    0 | 1 => text.push_str(&marks[*kind]),
                    2 => text.push_str(&marks[1].to_lowercase()),
                    // All but its last letter is none.
                    3 => {
                        let half = &marks[1][..marks[1].len() - 1];
                        text.push_str(half);
                        expected.push_str(half);
                    }
                    _ => {}
                }
            }
            let chars: Vec<char> = text.chars().collect();
            let mut pieces: Vec<String> = Vec::new();
            let mut from = 0;
            for size in cuts.iter().cycle() {
                if from >= chars.len() {
                    break;
                }
                let until = (from + size).min(chars.len());
                pieces.push(chars[from..until].iter().collect());
                from = until;
            }
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();

            let (said, mark) = shown(&pieces, true);

            prop_assert_eq!(&said, &expected);
            let ends = parts.iter().filter(|(kind, _)| matches!(kind, 1 | 2)).count();
            prop_assert_eq!((mark.seen, mark.ends), (parts.iter().any(|(kind, _)| *kind == 0), ends));
        }
    }
}
