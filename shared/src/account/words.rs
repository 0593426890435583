//! Sets of a few words, and what is made of a word that a newer release has added to one.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use strum::VariantNames;

/// Text that is none of a few words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {known}")]
pub struct UnknownWord {
    known: String,
}

impl UnknownWord {
    pub(super) fn among<T: VariantNames>(_: &str) -> Self {
        Self { known: T::VARIANTS.join(", ") }
    }
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
