//! Gathers deltas into one whole answer.

use super::delta::{Call, Delta};

/// What an answer said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Collected {
    /// All text.
    pub text: String,
    /// All reasoning.
    pub reasoning: String,
    /// All tool calls.
    pub calls: Vec<Call>,
}

impl Collected {
    /// Takes one delta.
    pub(crate) fn push(&mut self, delta: Delta) {
        match delta {
            Delta::Text(text) => self.text.push_str(&text),
            Delta::Reasoning(text) => self.reasoning.push_str(&text),
            Delta::Call(call) => self.calls.push(call),
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => {}
        }
    }

    /// The same answer as few deltas, in canonical order.
    pub(crate) fn into_deltas(self) -> Vec<Delta> {
        let mut deltas = Vec::new();
        if !self.reasoning.is_empty() {
            deltas.push(Delta::Reasoning(self.reasoning));
        }
        if !self.text.is_empty() {
            deltas.push(Delta::Text(self.text));
        }
        deltas.extend(self.calls.into_iter().map(Delta::Call));
        deltas
    }
}
