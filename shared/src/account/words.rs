//! Sets of a few words, and what is made of a word that a newer release has added to one.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};

pub(super) fn name_of<T: PartialEq>(all: &[(T, &'static str)], wanted: &T) -> &'static str {
    all.iter().find(|(value, _)| value == wanted).map(|(_, name)| *name).expect("ALL lists every value")
}

pub(super) fn named<T: Copy>(all: &[(T, &'static str)], text: &str) -> Result<T, UnknownWord> {
    let found = all.iter().find(|(_, name)| *name == text);
    found.map(|(value, _)| *value).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|(_, name)| *name).collect();
        UnknownWord { known: known.join(", ") }
    })
}

/// Text that is none of a few words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {known}")]
pub struct UnknownWord {
    known: String,
}

/// A word that this release does not know is none: whoever reads an answer of a newer one sees all the rest of it.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    let word = Option::<String>::deserialize(deserializer)?;
    Ok(word.and_then(|word| word.parse().ok()))
}
