//! The last response of a socket, and all items before it: the next request may go on with it by its id alone.

use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use crate::{connection::OpenSockets, responses::request::ResponsesBody};

/// A conversation up to a response.
pub(super) struct HeldConversation {
    /// The response.
    id: String,
    /// A JSON array of its items.
    items: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl HeldConversation {
    /// Holds a response with what it was asked, of `limit` bytes at most; `None` where there is no room for it.
    pub(super) fn of(asked: Value, response: &Value, sockets: &OpenSockets, limit: usize) -> Option<Self> {
        let mut items = items_of(asked);
        items.extend(response["output"].as_array().into_iter().flatten().cloned());
        let id = response["id"].as_str()?.to_owned();
        let items = serde_json::to_vec(&items).ok().filter(|items| items.len() <= limit)?;
        let room = sockets.hold(items.len())?;
        Some(Self { id, items, _room: room })
    }

    /// Whether it is up to this response.
    pub(super) fn is_up_to(&self, response: &str) -> bool {
        self.id == response
    }

    /// How long it is, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.items.len()
    }

    /// Puts it before what a body brings.
    pub(super) fn precede(&self, body: &mut ResponsesBody) {
        let mut items: Vec<Value> = serde_json::from_slice(&self.items).unwrap_or_default();
        items.extend(items_of(body.input.take().unwrap_or_default()));
        body.input = Some(Value::Array(items));
        body.previous_response_id = Value::Null;
    }
}

/// The items of an input, which may be a text.
fn items_of(input: Value) -> Vec<Value> {
    match input {
        Value::Array(items) => items,
        Value::String(text) => vec![json!({"role": "user", "content": text})],
        Value::Null => Vec::new(),
        // Refused where it is read.
        other => vec![other],
    }
}
