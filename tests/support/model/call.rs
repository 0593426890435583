//! What a scripted model was asked, and how each request ended.

use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;

/// One request.
#[derive(Clone, Debug)]
pub struct ModelCall {
    /// Its JSON.
    pub body: Value,
    /// Its headers; `x-practice-user` is the account when the practice site asked.
    pub headers: HeaderMap,
    /// When it came.
    pub at: Instant,
    /// How it stands.
    pub end: CallEnd,
    /// When it ended.
    pub ended_at: Option<Instant>,
}

/// How a request stands or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// The answer is being sent.
    Running,
    /// It waits in a hold for [`super::ScriptedModel::release`].
    Held,
    /// The answer was sent whole.
    Finished,
    /// The model cut the answer off.
    Cut,
    /// The peer went before the answer's end.
    Cancelled,
}

impl ModelCall {
    /// A header's value; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// All requests. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelCalls(Arc<Mutex<Vec<Arc<Mutex<ModelCall>>>>>);

/// The running request; dropped before its end, the peer has gone.
#[derive(Debug)]
pub(super) struct Running(Arc<Mutex<ModelCall>>);

impl ModelCalls {
    pub(super) fn begin(&self, headers: HeaderMap, body: Value) -> Running {
        let call = ModelCall { body, headers, at: Instant::now(), end: CallEnd::Running, ended_at: None };
        let call = Arc::new(Mutex::new(call));
        self.0.lock().unwrap().push(call.clone());
        Running(call)
    }

    pub(super) fn all(&self) -> Vec<ModelCall> {
        self.0.lock().unwrap().iter().map(|call| call.lock().unwrap().clone()).collect()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Running {
    pub(super) fn is_now(&self, end: CallEnd) {
        let mut call = self.0.lock().unwrap();
        call.end = end;
        call.ended_at = (!end.is_open()).then(Instant::now);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let open = self.0.lock().unwrap().end.is_open();
        if open {
            self.is_now(CallEnd::Cancelled);
        }
    }
}

impl CallEnd {
    fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Held)
    }
}
