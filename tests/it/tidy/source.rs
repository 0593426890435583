//! The repository's text, and what is wrong with it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// Built or fetched, never written by a person.
const SKIPPED: [&str; 5] = [".git", ".latchkey", "target", "node_modules", "__pycache__"];

/// One text file.
#[derive(Debug)]
pub(super) struct Source {
    /// Its path in the repository, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// A broken rule.
#[derive(Debug)]
pub(super) struct Finding {
    path: String,
    line: usize,
    remedy: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// A finding at a line, from 1.
    pub(super) fn finding(&self, line: usize, remedy: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, remedy: remedy.into() }
    }

    /// Its lines with their numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Its lines without their comments.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().map(|(number, line)| (number, without_comment(line)))
    }

    pub(super) fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// Whether it is of a package of the product, and not of its tests.
    pub(super) fn is_product(&self) -> bool {
        ["adapter/bridge/src/", "adapter/src/", "broker/src/", "shared/site/src/", "shared/src/"]
            .iter()
            .any(|package| self.path.starts_with(package))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.remedy)
    }
}

/// Every text file of the repository, in the order of their paths.
pub(super) fn repository() -> Vec<Source> {
    below(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is below the root"))
}

/// Every text file of the repository at `root`.
pub(super) fn below(root: &Path) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(root, &mut paths);
    paths.sort();
    let sources = paths.iter().filter_map(|path| {
        let relative = path.strip_prefix(root).ok()?.to_str()?;
        Some(Source::new(relative, &fs::read_to_string(path).ok()?))
    });
    let sources: Vec<Source> = sources.collect();
    assert!(sources.len() > 50, "the repository is at {}", root.display());
    sources
}

fn walk(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let path = entry.path();
        if SKIPPED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            walk(&path, paths);
        } else if !path.to_string_lossy().ends_with(".snap.new") {
            paths.push(path);
        }
    }
}

/// The part of a line before `//`, unless that is of a URL.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}
