//! A case as its file holds it.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{error::CaseError, told::ClientAnswer};

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayCase {
    /// What it shows.
    pub about: String,
    /// The path of the request.
    pub path: String,
    /// How calls came back: `untouched`, `native`, or the dialect in which they were written.
    pub calls: String,
    /// The nonce in the tags of that dialect.
    pub nonce: String,
    /// The client's request.
    pub request: Value,
    /// What the site answered, each time that it was asked.
    pub answers: Vec<SiteAnswer>,
    /// What the client was told when it was recorded.
    pub got: ClientAnswer,
    /// What it must be told; as it was got until somebody writes what is right.
    pub expected: ClientAnswer,
}

/// One answer of the site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SiteAnswer {
    /// A stream.
    Stream {
        /// Its lines.
        lines: Vec<String>,
        /// How it was over: `ended`, `cut` or `silent`.
        how: String,
    },
    /// None; what the adapter made of that.
    Fault(String),
}

impl ReplayCase {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no case.
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        let wrong = |cause: String| CaseError::File { path: path.display().to_string(), cause };
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
    }

    /// The case as a file holds it.
    ///
    /// # Panics
    /// Never: texts and JSON always serialize.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and JSON always serialize") + "\n"
    }
}
