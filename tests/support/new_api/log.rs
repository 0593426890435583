//! The gateway's log: a row for each try and each change.
//!
//! Measured on v1.0.0-rc.24: a failed try is of type 5, where errors are logged at all; a good answer, a cut and an error
//! within a stream are of type 2; a change of the administrator of type 3. `upstream_request_id` is the adapter's.

use serde_json::{Value, json};

/// An answer that is paid for.
pub(super) const CONSUMED: u8 = 2;
/// A change.
pub(super) const CHANGED: u8 = 3;
/// A failed try.
pub(super) const FAILED: u8 = 5;

/// One row.
#[derive(Clone, Debug)]
pub(super) struct LogRow {
    kind: u8,
    id: String,
    channel: i64,
    model: String,
    streamed: bool,
    pub(super) upstream_id: String,
}

impl LogRow {
    /// A row of a request at a channel.
    pub(super) fn new(id: &str, channel: i64, body: &Value) -> Self {
        let model = body["model"].as_str().unwrap_or_default().to_owned();
        let streamed = body["stream"] == true;
        Self { kind: CONSUMED, id: id.to_owned(), channel, model, streamed, upstream_id: String::new() }
    }

    /// A row of a change.
    pub(super) fn change() -> Self {
        Self::new("", 0, &Value::Null).of_kind(CHANGED)
    }

    pub(super) fn of_kind(self, kind: u8) -> Self {
        Self { kind, ..self }
    }

    /// As the admin API shows it.
    pub(super) fn shown(&self) -> Value {
        let other = json!({"admin_info": {"use_channel": [self.channel.to_string()]}}).to_string();
        json!({
            "type": self.kind, "channel": self.channel, "model_name": self.model, "is_stream": self.streamed,
            "request_id": self.id, "upstream_request_id": self.upstream_id, "other": other,
        })
    }
}
