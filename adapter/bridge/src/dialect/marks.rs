//! Marks with which models begin calls in forms that nobody reads here: what begins so is no answer for a person.

use crate::text::head;

/// As they are in lower case, bars narrow and single.
const MARKS: &[&str] = &[
    // DeepSeek's own markup, however it drifted.
    "<|dsml",
    "</|dsml",
    // gpt-oss's channels.
    "<|channel|>",
    "<|start|>",
    "<|tool_call>",
    "<|tool_calls|>",
    "<|tool_use",
    "<|functioncallbegin|>",
    "<|action_start|>",
    "<start_function_call>",
    "<toolcall>",
    "<tool_use>",
    "[tool_request]",
];
/// No mark is longer, however its bars are written.
const MARK_BYTES: usize = 64;
/// Marks that are nothing but calls.
const CERTAIN: &[&str] = &["<|dsml", "</|dsml"];

/// What begins with a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkKind {
    Yes,
    /// The text ends too early to say.
    Perhaps,
    No,
}

/// Whether a text begins with a mark.
pub(crate) fn begins(text: &str) -> MarkKind {
    let text = plain(head(text, MARK_BYTES));
    if MARKS.iter().any(|mark| text.starts_with(mark)) {
        return MarkKind::Yes;
    }
    match MARKS.iter().any(|mark| mark.starts_with(&text)) {
        true => MarkKind::Perhaps,
        false => MarkKind::No,
    }
}

/// Whether a text that begins with a mark is a call of one of these tools.
pub(crate) fn calls<'a>(text: &str, mut tools: impl Iterator<Item = &'a str>) -> bool {
    let begin = plain(head(text, MARK_BYTES));
    begins(text) == MarkKind::Yes
        && (CERTAIN.iter().any(|mark| begin.starts_with(mark))
            || text.contains("to=functions.")
            || tools.any(|tool| text.contains(tool)))
}

fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c == '｜' { '|' } else { c.to_ascii_lowercase() };
        if c != '|' || !plain.ends_with('|') {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_known_however_their_bars_are_written() {
        for text in [
            "<｜｜DSML｜｜ calls>",
            "<|DSML|x",
            "<|channel|>commentary to=functions.bash",
            "[TOOL_REQUEST]\n{",
        ] {
            assert_eq!(begins(text), MarkKind::Yes, "{text}");
        }
        for text in ["<", "<｜", "<||DS", "[tool_re", ""] {
            assert_eq!(begins(text), MarkKind::Perhaps, "{text}");
        }
        for text in ["<div>", "<|im_start|>", "[tools]", "a <|dsml"] {
            assert_eq!(begins(text), MarkKind::No, "{text}");
        }
    }
}
