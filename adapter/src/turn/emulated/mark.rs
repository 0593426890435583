//! The mark with which a site says that no call is needed. It may come unasked, and is never shown.

/// Takes the mark out of a text, however it is split.
#[derive(Debug)]
pub(super) struct Mark {
    mark: String,
    /// The end of the text so far, if it may be a beginning of the mark.
    held: String,
    /// Whether it came.
    pub seen: bool,
}

impl Mark {
    /// For a mark in ASCII, in any case.
    pub(super) fn new(mark: &str) -> Self {
        Self { mark: mark.to_ascii_lowercase(), held: String::new(), seen: false }
    }

    /// What can be shown by now.
    pub(super) fn pass(&mut self, text: &str) -> String {
        // Of nearly all pieces this is all: the mark has an underscore behind its first two letters.
        let ends_plainly = !text.ends_with(['n', 'N', 'o', 'O']);
        if self.held.is_empty() && ends_plainly && !text.contains('_') {
            return text.to_owned();
        }
        let text = std::mem::take(&mut self.held) + text;
        let lower = text.to_ascii_lowercase();
        let mut shown = String::with_capacity(text.len());
        let mut from = 0;
        while let Some(at) = lower[from..].find(&self.mark) {
            self.seen = true;
            shown.push_str(&text[from..from + at]);
            from += at + self.mark.len();
        }
        let longest = self.mark.len().min(lower.len() - from + 1);
        let begun = (1..longest).rev().find(|&size| lower[from..].ends_with(&self.mark[..size]));
        let until = text.len() - begun.unwrap_or(0);
        shown.push_str(&text[from..until]);
        self.held.push_str(&text[until..]);
        shown
    }

    /// What was no mark.
    pub(super) fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&str]) -> (String, bool) {
        let mut mark = Mark::new("NO_TOOL_ab12");
        let text: String = pieces.iter().map(|piece| mark.pass(piece)).collect();
        (text + &mark.rest(), mark.seen)
    }

    #[test]
    fn a_mark_is_taken_out_wherever_it_is_split() {
        let text = "Done. NO_TOOL_ab12 Bye, NO_TOO no_tool_AB12!";
        for at in 0..text.len() {
            assert_eq!(shown(&[&text[..at], &text[at..]]), ("Done.  Bye, NO_TOO !".to_owned(), true), "{at}");
        }
        let each: Vec<String> = text.chars().map(String::from).collect();
        let each: Vec<&str> = each.iter().map(String::as_str).collect();
        assert_eq!(shown(&each).0, "Done.  Bye, NO_TOO !");
    }

    #[test]
    fn a_text_without_it_is_whole() {
        assert_eq!(shown(&["NO", "N", "NO_TOOL_", "zz 字N"]), ("NONNO_TOOL_zz 字N".to_owned(), false));
    }
}
