#![doc = include_str!("../README.md")]

pub mod arguments;
pub mod catalog;
pub mod dialect;
pub mod render;
pub mod sieve;
mod text;
