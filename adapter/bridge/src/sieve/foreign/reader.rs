//! How far a reader of foreign tags is, and why it stops.

use crate::{
    arguments::{BlockBody, RawCall},
    dialect::{tag::Lexicon, words::TagWord},
};

/// Reads tags, one call after another.
pub(super) struct ForeignReader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) lexicon: &'a Lexicon,
    pub(super) raw: Vec<RawCall>,
    /// Wrappers that wait for their end.
    pub(super) open: Vec<TagWord>,
}

/// Why reading stopped.
pub(super) enum ReadEnd {
    End,
    Prose,
    /// There is a closer, but text after it.
    Closed,
    Open(Option<String>),
}

impl ReadEnd {
    /// The same, where the call's name is known.
    pub(super) fn of(self, name: &str) -> Self {
        match self {
            Self::Open(_) => Self::Open(Some(name.to_owned())),
            Self::End | Self::Prose | Self::Closed => self,
        }
    }
}

impl ForeignReader<'_> {
    pub(super) fn push(&mut self, name: Option<String>, body: BlockBody) {
        self.raw.push(RawCall { name, body });
    }
}
