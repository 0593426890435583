//! The compose files: what must not be in them.
//!
//! Nothing here starts a container; what one does is for `scripts/compose`, which needs an engine.

use std::path::PathBuf;

mod alerts;
mod files;
mod networks;
mod sandbox;
mod secrets;
mod services;
mod stack;

/// A file of compose/.
pub(crate) fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "compose", name].iter().collect()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}
