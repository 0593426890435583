//! Anthropic's words on the wire: types, and their translation to and from the neutral middle.
//!
//! Facts: Anthropic's Messages API, version 2023-06-01; what Claude Code 2.1.197 sends and reads (measured 2026-11-23).

pub(crate) mod answer;
pub(crate) mod blocks;
pub(crate) mod converted;
pub(crate) mod edits;
pub(crate) mod error;
pub(crate) mod models;
pub(crate) mod request;
pub(crate) mod stream;
