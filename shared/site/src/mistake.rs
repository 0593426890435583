//! What is wrong with a site file, where, and what to write instead.

use std::{cell::RefCell, fmt, ops::Range};

use toml::de::{DeTable, DeValue};

use crate::nearest::nearest;

/// A mistake in a site file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SiteFileDiagnostic {
    /// The file, as it was named.
    pub file: String,
    /// 1-based line.
    pub line: usize,
    /// The key, with its tables: `login.steps[2].value`, where the first step is 1. Empty where there is none.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl std::error::Error for SiteFileDiagnostic {}

impl fmt::Display for SiteFileDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, key, message } = self;
        match key.as_str() {
            "" => write!(f, "{file}:{line}: {message}"),
            key => write!(f, "{file}:{line}: {key}: {message}"),
        }
    }
}

/// A file under examination: turns byte positions into lines and keys, and keeps what was found wrong.
pub(super) struct SiteFileSource<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    places: Vec<KeyPosition>,
    mistakes: RefCell<Vec<SiteFileDiagnostic>>,
}

/// Where a key or its value stands.
struct KeyPosition {
    span: Range<usize>,
    key: String,
    depth: usize,
}

impl<'a> SiteFileSource<'a> {
    /// A file that is not read yet.
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, places: Vec::new(), mistakes: RefCell::default() }
    }

    /// Takes note of where each key stands.
    pub(super) fn with_places_of(mut self, document: &DeTable<'_>) -> Self {
        places_of_table(document, "", 0, &mut self.places);
        self
    }

    pub(super) fn mistake(&self, at: usize, message: impl Into<String>) -> SiteFileDiagnostic {
        let file = self.file.to_owned();
        let line = self.line(at);
        let key = self.key(at).to_owned();
        SiteFileDiagnostic { file, line, message: without_key(message.into(), &key), key }
    }

    /// A mistake about a key that a table, which begins at `at`, lacks.
    pub(super) fn mistake_about(
        &self,
        at: usize,
        missing: &str,
        message: impl Into<String>,
    ) -> SiteFileDiagnostic {
        let mut mistake = self.mistake(at, message);
        mistake.key = below(&mistake.key, missing);
        mistake
    }

    /// A mistake in a table that begins at `at`, told with the line where the wrong text stands in it.
    pub(super) fn mistake_near(
        &self,
        at: usize,
        wrong: &str,
        message: impl Into<String>,
    ) -> SiteFileDiagnostic {
        let found = self.text.get(at..).and_then(|rest| rest.find(wrong));
        self.mistake(at + found.unwrap_or(0), message)
    }

    /// Keeps a mistake, and goes on: one run tells them all.
    pub(super) fn keep<T>(&self, checked: Result<T, SiteFileDiagnostic>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(mistake) => {
                self.mistakes.borrow_mut().push(mistake);
                None
            }
        }
    }

    /// Keeps a mistake about a key, which is known by its name alone.
    pub(super) fn wrong(&self, key: &str, message: impl Into<String>) {
        let place = self.places.iter().filter(|place| place.key == key).min_by_key(|place| place.span.start);
        let mistake = self.mistake(place.map_or(0, |place| place.span.start), message);
        self.mistakes.borrow_mut().push(SiteFileDiagnostic { key: key.to_owned(), ..mistake });
    }

    /// Where the texts below a table begin, and how they stand in the file.
    pub(super) fn texts(&self, table: &str) -> impl Iterator<Item = (usize, &'a str)> {
        let below = self.places.iter().filter(move |place| place.key.starts_with(table));
        let text = self.text;
        let found = below.filter_map(move |place| Some((place.span.start, text.get(place.span.clone())?)));
        found.filter(|(_, text)| text.starts_with(['"', '\'']))
    }

    /// Whether anything was kept: what seems to be missing may stand in it.
    pub(super) fn has_mistakes(&self) -> bool {
        !self.mistakes.borrow().is_empty()
    }

    /// Everything that was kept, in the order of the file.
    pub(super) fn mistakes(self) -> Vec<SiteFileDiagnostic> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes.dedup();
        mistakes
    }

    pub(super) fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The key at a position: the one that begins there, else the innermost around it.
    pub(super) fn key(&self, at: usize) -> &str {
        let begins = self.places.iter().filter(|place| place.span.start == at);
        let around = self.places.iter().filter(|place| place.span.contains(&at));
        let found = begins.max_by_key(|place| place.depth).or(around.max_by_key(|place| place.depth));
        found.map_or("", |place| place.key.as_str())
    }

    /// Says what the TOML reader found, with the nearest known key where a key is unknown.
    pub(super) fn toml_mistake(&self, error: &toml::de::Error) -> SiteFileDiagnostic {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().trim().replace('\n', " ");
        let near = nearest_key(&message).map(|key| format!("did you mean `{key}`?"));
        let mut mistake = match near.or_else(|| remedy(&message).map(str::to_owned)) {
            Some(remedy) => self.mistake(at, format!("{message}; {remedy}")),
            None => self.mistake(at, message),
        };
        if self.places.is_empty() {
            mistake.key = key_of_line(self.text, mistake.line);
        }
        mistake
    }
}

/// What a person does about a mistake in TOML itself. The words are those of the toml crate.
fn remedy(message: &str) -> Option<&'static str> {
    const REMEDIES: [(&str, &str); 9] = [
        ("string values must be quoted", "put it between straight quotes: \"...\""),
        ("invalid basic string", "close the text with a straight quote on the same line"),
        ("missing escaped value", "write \\\\ for a backslash, or put the text between single quotes"),
        ("duplicate key", "it stands further up already; lists of tables have two brackets: [[...]]"),
        ("unclosed table", "close the heading: [name]"),
        ("unclosed array table", "close the heading with two brackets: [[name]]"),
        ("unclosed", "close the bracket or brace that is open"),
        ("key with no value", "write name = value"),
        ("invalid boolean", "write true or false, in small letters"),
    ];
    REMEDIES.iter().find(|(start, _)| message.starts_with(start)).map(|(_, remedy)| *remedy)
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

fn places_of_table(table: &DeTable<'_>, path: &str, depth: usize, places: &mut Vec<KeyPosition>) {
    for (name, value) in table {
        let key = below(path, name.get_ref());
        places.push(KeyPosition { span: name.span(), key: key.clone(), depth });
        places_of_value(value, key, depth, places);
    }
}

fn places_of_value(
    value: &toml::Spanned<DeValue<'_>>,
    key: String,
    depth: usize,
    places: &mut Vec<KeyPosition>,
) {
    match value.get_ref() {
        DeValue::Table(table) => places_of_table(table, &key, depth + 2, places),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places_of_value(item, format!("{key}[{}]", index + 1), depth + 1, places);
            }
        }
        _ => {}
    }
    places.push(KeyPosition { span: value.span(), key, depth });
}

/// A message without the table or key that it begins with: checks that serve several tables name theirs, and the key
/// says it more exactly.
fn without_key(message: String, key: &str) -> String {
    let plain: String = key.split(['[', ']']).step_by(2).collect();
    if let Some(rest) = message.strip_prefix(plain.as_str()).and_then(|rest| rest.strip_prefix(' ')) {
        return rest.to_owned();
    }
    let rest = message.split_once(": ").filter(|(table, _)| !table.is_empty() && plain.starts_with(table));
    rest.map(|(_, rest)| rest.to_owned()).unwrap_or(message)
}

/// The key that a line of a file which is no TOML sets, below the heading before it.
fn key_of_line(text: &str, line: usize) -> String {
    let mut heading = "";
    for (index, line_text) in text.lines().take(line).enumerate() {
        let trimmed = line_text.trim();
        if let Some(name) = trimmed.strip_prefix('[') {
            heading = name.trim_matches(['[', ']', ' ']);
        } else if index + 1 == line {
            let key = trimmed.split(['=', ':', ' ']).next().unwrap_or_default();
            return below(heading, key).trim_end_matches('.').to_owned();
        }
    }
    heading.to_owned()
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
