//! Site files: what they say is [`latchkey_site`]'s, which sites there are here is read in [`catalog`].

pub use latchkey_site::*;

pub mod catalog;
