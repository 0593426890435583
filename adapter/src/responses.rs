//! OpenAI's Responses API on the wire: types, and their translation to and from the neutral middle. What is kept of
//! an answer are its items, for minutes, for a client that names them: else each request brings the whole conversation.
//!
//! Facts: OpenAI's API reference, and what Codex and OpenAI's own libraries send and read (2026-11).

pub(crate) mod answer;
mod error;
mod event;
mod items;
pub(crate) mod kept;
pub(crate) mod request;
pub(crate) mod stream;
mod tools;
