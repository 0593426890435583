//! What a case holds.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::told::ClientAnswer;

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
