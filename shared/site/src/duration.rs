//! Durations as people write them: `30s`, `12h`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Reads a duration like `30s`.
pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    read_duration(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// Reads a duration like `30s`.
///
/// # Errors
/// A sentence on what was expected.
pub(crate) fn read_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(format!("{text:?} is no duration, expected one like \"30s\" or \"12h\"")),
    }
}

/// Reads a duration that may be left out.
pub(crate) fn some_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}
