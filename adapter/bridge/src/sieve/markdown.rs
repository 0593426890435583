//! Follows Markdown's fences and inline code, byte by byte and without holding anything back.
//!
//! Inline code ends with its line at the latest: a lone backtick must not hide the calls after it.

/// Where in a Markdown text we are.
#[derive(Clone, Debug, Default)]
pub(crate) struct MarkdownState {
    fence: Option<MarkRun>,
    line: LineState,
    /// Length of the backticks that opened inline code, or 0.
    code: usize,
    /// Length of the backticks just read.
    ticks: usize,
}

/// Equal marks in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MarkRun {
    mark: u8,
    size: usize,
}

/// What the current line is so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LineState {
    #[default]
    Indent,
    Marks(MarkRun),
    /// Marks and then something: an info string, or blanks after a closing fence.
    After(MarkRun),
    Rest,
}

impl MarkdownState {
    /// Takes text that is only text.
    pub(crate) fn take(&mut self, text: &str) {
        for &byte in text.as_bytes() {
            match byte {
                b'\n' => self.end_line(),
                _ if self.fence.is_some() => self.line = in_fence(self.line, byte),
                _ => self.outside(byte),
            }
        }
    }

    /// Whether the next byte is the first of its line, blanks apart, outside a fence.
    pub(crate) fn is_line_start(&self) -> bool {
        self.line == LineState::Indent && self.fence.is_none()
    }

    /// Whether a fence is open.
    pub(crate) fn is_fenced(&self) -> bool {
        self.fence.is_some()
    }

    /// Whether the next byte stands in inline code or in a fence's info string.
    pub(crate) fn is_code(&self) -> bool {
        let code = match (self.ticks, self.code) {
            (0, code) => code,
            (ticks, 0) => ticks,
            (ticks, code) if ticks == code => 0,
            (_, code) => code,
        };
        code > 0
    }

    /// Begins a line, as after the end of thinking.
    pub(crate) fn restart(&mut self) {
        *self = Self::default();
    }

    fn end_line(&mut self) {
        self.fence = match (self.fence, self.line) {
            (Some(open), LineState::Marks(run) | LineState::After(run))
                if run.mark == open.mark && run.size >= open.size =>
            {
                None
            }
            (None, LineState::Marks(run) | LineState::After(run)) if run.size >= 3 => Some(run),
            (fence, _) => fence,
        };
        self.line = LineState::Indent;
        self.code = 0;
        self.ticks = 0;
    }

    fn outside(&mut self, byte: u8) {
        self.line = match self.line {
            LineState::Indent if byte == b' ' || byte == b'\t' => LineState::Indent,
            LineState::Indent if byte == b'`' || byte == b'~' => {
                LineState::Marks(MarkRun { mark: byte, size: 1 })
            }
            LineState::Marks(run) if byte == run.mark => {
                LineState::Marks(MarkRun { size: run.size + 1, ..run })
            }
            LineState::Marks(run) if run.size >= 3 => LineState::After(run),
            // Backticks in the info string: the line is inline code.
            LineState::After(run) if byte != b'`' || run.mark != b'`' => LineState::After(run),
            LineState::Indent | LineState::Marks(_) | LineState::After(_) | LineState::Rest => {
                LineState::Rest
            }
        };
        if byte == b'`' {
            self.ticks += 1;
        } else if self.ticks > 0 {
            self.code = if self.code == 0 {
                self.ticks
            } else if self.code == self.ticks {
                0
            } else {
                self.code
            };
            self.ticks = 0;
        }
    }
}

/// The line inside a fence: only a line of marks and blanks can close it.
fn in_fence(line: LineState, byte: u8) -> LineState {
    let blank = matches!(byte, b' ' | b'\t' | b'\r');
    match line {
        LineState::Indent if blank => LineState::Indent,
        LineState::Indent if byte == b'`' || byte == b'~' => {
            LineState::Marks(MarkRun { mark: byte, size: 1 })
        }
        LineState::Marks(run) if byte == run.mark => LineState::Marks(MarkRun { size: run.size + 1, ..run }),
        LineState::Marks(run) | LineState::After(run) if blank => LineState::After(run),
        LineState::Indent | LineState::Marks(_) | LineState::After(_) | LineState::Rest => LineState::Rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> (bool, bool, bool) {
        let mut markdown = MarkdownState::default();
        markdown.take(text);
        (markdown.is_line_start(), markdown.is_fenced(), markdown.is_code())
    }

    #[test]
    fn fences_open_and_close_by_mark_and_length() {
        assert_eq!(after("a\n```xml\n"), (false, true, false));
        assert_eq!(after("````\n```\n"), (false, true, false));
        assert_eq!(after("```\n~~~\n"), (false, true, false));
        assert_eq!(after("```\n``` x\n"), (false, true, false));
        assert_eq!(after("```\n  ```` \n"), (true, false, false));
        assert_eq!(after("``` a`b\n"), (true, false, false));
    }

    #[test]
    fn inline_code_ends_with_its_marks_or_its_line() {
        assert_eq!(after("a `"), (false, false, true));
        assert_eq!(after("a `b` "), (false, false, false));
        assert_eq!(after("a ``b` "), (false, false, true));
        assert_eq!(after("it`s\n "), (true, false, false));
    }
}
