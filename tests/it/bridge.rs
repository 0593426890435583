//! The bridge by itself: the project's cases, and what holds for every input.

pub(crate) mod cases;
mod drift;
mod forged;
mod hostile;
mod markup;
mod mutations;
mod prompts;
mod properties;
mod round_trip;
pub(crate) mod support;
