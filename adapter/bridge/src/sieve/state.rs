//! What the sieve knows between two pieces of an answer.

use crate::dialect::{tag::Tag, words::TagWord};

/// What the next byte belongs to.
#[derive(Debug)]
pub(super) enum SieveState {
    Prose,
    /// Thinking inside the content, up to this word's closer.
    Think(TagWord),
    /// A block of ours.
    Own(BlockPosition),
    /// A foreign block, judged at the end.
    Held,
    /// All that follows the last call.
    Suffix,
}

/// Whether a step got anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SieveStep {
    On,
    Wait,
}

/// Where in a block we are. Offsets count from the first byte that is not yet consumed.
#[derive(Debug)]
pub(super) enum BlockPosition {
    /// Inside the wrapper, with no call yet; searched up to here.
    Empty { searched: usize },
    /// Inside the wrapper, after a call.
    Between,
    /// Inside a call; its tag, and how far its closer was searched.
    Call { tag: Tag, wrapped: bool, searched: usize },
    /// Outside; only another block matters now.
    After,
}

/// What is known of folded thinking.
#[derive(Debug, Default)]
pub(super) struct FoldedBlocks {
    /// Whether a line of this block was given.
    pub(super) begun: bool,
    /// Line breaks that are given only before another line.
    pub(super) breaks: usize,
    /// Bytes that were taken and are neither thinking nor booked as markup.
    pub(super) taken: usize,
    /// Whether line breaks behind a block are still to come.
    pub(super) ended: bool,
}
