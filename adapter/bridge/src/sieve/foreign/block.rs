//! What a foreign block turned out to be.

use crate::arguments::RawCall;

/// What a block turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ForeignBlock {
    /// Calls, and where what belongs to them ends.
    Calls { raw: Vec<RawCall>, end: usize },
    /// JSON that is a call only if a declared tool takes it.
    Weak(Vec<RawCall>),
    /// A closed block with text after it.
    Doubtful,
    /// A block without its end.
    Open { name: Option<String> },
    /// No block.
    Text,
}
