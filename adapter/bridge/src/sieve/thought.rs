//! Remembers the end of the thinking, in case an answer says nothing: then a call there was meant.

use crate::{
    arguments::{BlockBody, RawCall},
    dialect::{
        tag::{Lexed, Lexicon},
        words::TagWord,
    },
    text::tail,
};

use super::foreign::{self, ForeignBlock};

/// How much is remembered. A call longer than this is not taken from thinking.
const KEPT_BYTES: usize = 1 << 20;

/// How many openers are tried: the last block has few.
const TRIED: usize = 12;

/// The end of the thinking.
#[derive(Debug, Default)]
pub(super) struct ThinkingEnd {
    text: String,
}

impl ThinkingEnd {
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        if self.text.len() > 2 * KEPT_BYTES {
            self.text = tail(&self.text, KEPT_BYTES).to_owned();
        }
    }

    pub(super) fn is_some(&self) -> bool {
        !self.text.trim().is_empty()
    }

    /// The calls of the block with which the thinking ends, and its markup.
    pub(super) fn call(&self, lexicon: &Lexicon) -> Option<(Vec<RawCall>, String)> {
        // Exactly so much, however the pieces came.
        let text = tail(&self.text, KEPT_BYTES);
        let openers = openers(text, lexicon);
        let last = openers.len().saturating_sub(TRIED);
        openers[last..].iter().find_map(|&at| match foreign::read(&text[at..], lexicon) {
            ForeignBlock::Calls { raw: found, end }
                if text[at + end..].trim().is_empty() && found.iter().all(is_whole) =>
            {
                Some((found, text[at..].to_owned()))
            }
            _ => None,
        })
    }
}

/// Whether a block is one block: two with words between them read as one that is malformed.
fn is_whole(raw: &RawCall) -> bool {
    !matches!(raw.body, BlockBody::Malformed(_))
}

fn openers(text: &str, lexicon: &Lexicon) -> Vec<usize> {
    let begins = |word| {
        matches!(
            word,
            TagWord::Calls | TagWord::Invoke | TagWord::Call | TagWord::Function | TagWord::Section
        )
    };
    memchr::memchr2_iter(b'<', b'[', text.as_bytes())
        .filter(|&at| matches!(lexicon.lex(&text[at..]), Lexed::Tag(tag) if !tag.closes && begins(tag.word)))
        .collect()
}
