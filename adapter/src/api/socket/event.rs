//! What a client says on its socket.

use serde::Deserialize;
use serde_json::Value;

use crate::{api::error::ApiError, openai::request::object};

/// A message of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClientEvent {
    /// A request.
    Create {
        /// The response that it goes on with.
        previous: Option<String>,
        /// Whether an answer is wanted; else only the next request goes on with this one.
        generate: bool,
    },
    /// What needs no answer.
    Notice,
}

/// What is read of it here; the rest of a request is read as a body is.
#[derive(Deserialize)]
struct EventHead {
    #[serde(rename = "type", default)]
    kind: Value,
    #[serde(default)]
    previous_response_id: Value,
    #[serde(default)]
    generate: Value,
    #[serde(default)]
    stream_id: Value,
}

impl ClientEvent {
    /// Reads a message.
    ///
    /// # Errors
    /// When it is none that is known here.
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        let invalid = |why: &str| ApiError::Invalid(why.to_owned());
        let head: EventHead = object(text.as_bytes()).map_err(|invalid| ApiError::Invalid(invalid.0))?;
        match head.kind.as_str() {
            Some("response.create") => {}
            // Codex says it of each response that it has read.
            Some("response.processed") => return Ok(Self::Notice),
            _ => return Err(invalid("type: expected response.create")),
        }
        if !head.stream_id.is_null() {
            return Err(invalid("stream_id: expected none, a connection has one response at a time"));
        }
        let previous = match head.previous_response_id {
            Value::Null => None,
            Value::String(id) => Some(id),
            _ => return Err(invalid("previous_response_id: expected a text")),
        };
        let generate = match head.generate {
            Value::Null => true,
            Value::Bool(generate) => generate,
            _ => return Err(invalid("generate: expected true or false")),
        };
        Ok(Self::Create { previous, generate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_request_a_notice_or_refused_by_its_field() {
        let read = |text: &str| {
            ClientEvent::read(text).map_err(|error| match error {
                ApiError::Invalid(why) => why,
                other => panic!("{other:?}"),
            })
        };
        let create = |previous: Option<&str>, generate| {
            Ok(ClientEvent::Create { previous: previous.map(str::to_owned), generate })
        };

        assert_eq!(read(r#"{"type":"response.create","model":"m"}"#), create(None, true));
        let after = r#"{"type":"response.create","previous_response_id":"resp_1","generate":false}"#;
        assert_eq!(read(after), create(Some("resp_1"), false));
        assert_eq!(read(r#"{"type":"response.processed"}"#), Ok(ClientEvent::Notice));
        for (text, why) in [
            (r#"{"model":"m"}"#, "type: "),
            (r#"{"type":"response.cancel"}"#, "type: "),
            (r#"{"type":"response.create","stream_id":"a"}"#, "stream_id: "),
            (r#"{"type":"response.create","generate":1}"#, "generate: "),
            (r#"{"type":"response.create","previous_response_id":1}"#, "previous_response_id: "),
            ("[]", "the body is not a JSON object"),
            ("x", "the body is not a JSON object"),
        ] {
            assert!(read(text).unwrap_err().starts_with(why), "{text}");
        }
    }
}
