//! What is measured: an address that answers `POST /v1/chat/completions`.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;

/// What is asked of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Chunks of the answer; words of an answer that is no stream.
    pub chunks: usize,
    /// Milliseconds between two chunks.
    pub pace_ms: u64,
    /// Further bytes in each chunk.
    pub bytes: usize,
    /// Whether the answer is a stream.
    pub stream: bool,
}

impl Plan {
    /// How long the site takes for the answer.
    pub(crate) fn takes(self) -> Duration {
        if self.stream { Duration::from_millis(self.pace_ms) * self.chunks as u32 } else { Duration::ZERO }
    }
}

/// One target.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Its name in the table.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// The process whose CPU time and memory count; the upstream itself has none.
    pub pid: Option<u32>,
    /// Its memory when it was started, in bytes.
    pub idle: u64,
    /// What else stands in the head of a request, each line with its end.
    pub head: String,
    /// The model that leads to the right site.
    pub model: &'static str,
    /// Whether the request offers a tool.
    pub tools: bool,
    /// Whether the model answers with a call.
    pub call: bool,
}

impl Target {
    /// A whole HTTP request, ready to be sent again and again.
    pub(crate) fn request(&self, plan: Plan) -> Vec<u8> {
        let form = if self.call { "call" } else { "text" };
        let order =
            format!("bench chunks={} pace_ms={} form={form} bytes={}", plan.chunks, plan.pace_ms, plan.bytes);
        let mut body = json!({
            "model": self.model,
            "stream": plan.stream,
            "messages": [{"role": "user", "content": order}],
        });
        if self.tools {
            body["tools"] = json!([{"type": "function", "function": {
                "name": "write",
                "description": "Writes a file.",
                "parameters": {
                    "type": "object",
                    "properties": {"filePath": {"type": "string"}, "content": {"type": "string"}},
                    "required": ["filePath", "content"],
                },
            }}]);
        }
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             {}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            crate::adapter::SECRET,
            self.head,
            body.len()
        );
        [head.into_bytes(), body.into_bytes()].concat()
    }
}
