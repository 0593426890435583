//! Reads a body that is an object, or says why it is none.

use serde::{Deserialize, Serialize};
use serde_json::{
    error::Category,
    value::{RawValue, to_raw_value},
};

/// Why a body is no chat request: a sentence that names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidRequest(pub String);

impl InvalidRequest {
    /// A field that is not what it should be.
    pub(crate) fn expected(field: &str, what: &str) -> Self {
        Self(format!("{field}: expected {what}"))
    }

    /// A field that must be there.
    pub(crate) fn missing(field: &str, what: &str) -> Self {
        Self(format!("{field}: missing, expected {what}"))
    }
}

/// Reads a body that is an object.
///
/// # Errors
/// When it is none.
pub(crate) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, InvalidRequest> {
    // An array would do as well for serde.
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|&byte| byte != b'{') {
        return Err(InvalidRequest("the body is not a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| not_an_object(&error))
}

/// A value as JSON.
pub(crate) fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("JSON values always serialize")
}

/// Where the JSON is broken. Of JSON that is whole but no object, serde would repeat the content.
pub(super) fn not_an_object(error: &serde_json::Error) -> InvalidRequest {
    match error.classify() {
        Category::Data => InvalidRequest("the body is not a JSON object".to_owned()),
        Category::Syntax | Category::Eof | Category::Io => {
            InvalidRequest(format!("the body is not a JSON object: {error}"))
        }
    }
}
