//! From what a block held to a call that fits its tool, or to a sentence that says why not.
//!
//! Never invents a value: what is missing or ambiguous goes back to the model.

use crate::{
    catalog::Catalog,
    dialect::{Nonce, tag::Lexicon},
};

pub mod answer;
mod coerce;
mod escapes;
pub(crate) mod invalid;
mod items;
mod keys;
mod listed;
mod reader;
pub mod repair;
mod unique;

use invalid::InvalidKind;
pub use reader::{CallError, ValidCall};
use reader::{CallReader, RawArguments};

/// What a reader found; its closer was seen, or its JSON is whole.
#[derive(Clone, Debug, PartialEq)]
pub struct RawCall {
    /// The tool as the model names it, if the markup and not the JSON does so.
    pub name: Option<String>,
    /// What the block held.
    pub body: BlockBody,
}

/// What a block held.
#[derive(Clone, Debug, PartialEq)]
pub enum BlockBody {
    /// Parameters as text.
    Fields(Vec<(String, String)>),
    /// JSON of the arguments.
    Arguments(String),
    /// JSON of one or more calls.
    Calls(String),
    /// Nothing readable, and why.
    Malformed(&'static str),
}

/// Whose calls are read.
#[derive(Clone, Copy, Debug)]
pub enum CallSource<'a> {
    /// A site that makes calls by itself: what it says is what was meant.
    Native,
    /// A text in which we marked look-alikes, and tags with our nonce are markup.
    Written(&'a Nonce),
}

impl RawCall {
    /// Makes calls of what was found.
    pub fn validate(self, catalog: &Catalog, origin: CallSource<'_>) -> Vec<Result<ValidCall, CallError>> {
        let lexicon = match origin {
            CallSource::Native => None,
            CallSource::Written(nonce) => Some(Lexicon::new(nonce)),
        };
        let reader = CallReader { catalog, lexicon };
        let name = self.name.unwrap_or_default();
        match self.body {
            BlockBody::Fields(fields) => vec![reader.fit(&name, RawArguments::Fields(fields))],
            BlockBody::Arguments(json) => vec![reader.fit(&name, RawArguments::Json(json))],
            BlockBody::Calls(json) => listed::calls(&reader, &json),
            BlockBody::Malformed(detail) => {
                vec![Err(CallError::new(InvalidKind::Malformed, &name, detail.to_owned()))]
            }
        }
    }
}
