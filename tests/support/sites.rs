//! The built-in site files, as they lie in this repository.

use std::{fs, path::PathBuf};

/// Where they are.
#[must_use]
pub fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "shared", "sites"].iter().collect()
}

/// Their names, in order.
#[must_use]
pub fn built_in() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut names: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}
