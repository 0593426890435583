//! Gathers deltas into one whole answer.

use super::{
    delta::{Delta, ToolCall},
    fault::Fault,
};

/// Longest answer that is kept whole; one that is streamed may be longer.
const LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// What an answer said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CollectedAnswer {
    /// All text.
    pub text: String,
    /// All reasoning.
    pub reasoning: String,
    /// All tool calls.
    pub calls: Vec<ToolCall>,
}

impl CollectedAnswer {
    /// Takes one delta.
    ///
    /// # Errors
    /// When the answer is longer than anybody means.
    pub(crate) fn push(&mut self, delta: Delta) -> Result<(), Fault> {
        match delta {
            Delta::Text(text) => self.text.push_str(&text),
            Delta::Reasoning(text) => self.reasoning.push_str(&text),
            Delta::Call(call) => self.calls.push(call),
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => {}
        }
        // The tools stage bounds the calls.
        if self.text.len() + self.reasoning.len() > LIMIT_BYTES {
            return Err(Fault::Unreadable("the answer is too long"));
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_answer_is_refused() {
        let mut collected = CollectedAnswer::default();

        assert_eq!(collected.push(Delta::Text("x".repeat(LIMIT_BYTES))), Ok(()));
        assert!(collected.push(Delta::Reasoning("x".to_owned())).is_err());
    }
}
