//! What a client has got in a turn. It stays given.

/// How much of the text the judge is shown.
const JUDGED_BYTES: usize = 64 << 10;

/// What the client has got.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// The end of the text.
    pub text: String,
    /// Whether anything but blanks was said.
    pub said: bool,
    /// Whether thinking was shown.
    pub thought: bool,
    /// How many calls.
    pub calls: usize,
}

impl Delivered {
    /// Notes a piece of text.
    pub(super) fn say(&mut self, text: &str) {
        self.said |= !text.trim().is_empty();
        self.text.push_str(text);
        if self.text.len() > 2 * JUDGED_BYTES {
            let middle = self.text.len() - JUDGED_BYTES;
            let from = (middle..).find(|&at| self.text.is_char_boundary(at)).unwrap_or(middle);
            self.text.drain(..from);
        }
    }
}
