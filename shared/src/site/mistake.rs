//! What is wrong with a site file, where, and what to write instead.

use crate::nearest::nearest;

/// A mistake in a site file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct SiteFileError {
    /// The file, as it was named.
    pub file: String,
    /// 1-based line.
    pub line: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

/// A file under examination: turns byte positions into lines.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn mistake(&self, at: usize, message: impl Into<String>) -> SiteFileError {
        SiteFileError { file: self.file.to_owned(), line: self.line(at), message: message.into() }
    }

    /// A mistake in a table that begins at `at`, told with the line where the wrong text stands in it.
    pub(super) fn mistake_near(&self, at: usize, wrong: &str, message: impl Into<String>) -> SiteFileError {
        let found = self.text.get(at..).and_then(|rest| rest.find(wrong));
        self.mistake(at + found.unwrap_or(0), message)
    }

    pub(super) fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Says what the TOML reader found, with the nearest known key where a key is unknown.
    pub(super) fn toml_mistake(&self, error: &toml::de::Error) -> SiteFileError {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().trim().replace('\n', " ");
        match nearest_key(&message) {
            Some(key) => self.mistake(at, format!("{message}; did you mean `{key}`?")),
            None => self.mistake(at, message),
        }
    }
}

/// Finds the expected key that is most like the unknown one. serde words the message
/// "unknown field `a`, expected one of `b`, `c`" (`serde::de::Error::unknown_field`).
fn nearest_key(message: &str) -> Option<&str> {
    let (unknown, expected) = message
        .strip_prefix("unknown field `")
        .or_else(|| message.strip_prefix("unknown variant `"))?
        .split_once('`')?;
    nearest(unknown, expected.split('`').skip(1).step_by(2))
}
