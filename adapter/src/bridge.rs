//! Tool calls for sites that know only text: what such a site is told, and what it says, read back as calls.
//!
//! Pure throughout: no I/O, no clock, no channel. Whatever needs another question to the site is only said here,
//! never asked. Public for the tests alone, which feed it with more than a server can.

pub mod arguments;
pub mod catalog;
pub mod dialect;
pub mod render;
pub mod sieve;
mod text;
