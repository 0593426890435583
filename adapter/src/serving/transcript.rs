//! What a client was told, for as long as it is not too much.

use crate::stream::delta::Delta;

/// Longer answers are asked for anew: 256 KiB are some 60,000 tokens.
const LIMIT_BYTES: usize = 256 * 1024;

/// What was told, in few pieces.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    deltas: Vec<Delta>,
    bytes: usize,
}

impl Transcript {
    /// Takes one delta.
    pub(super) fn push(&mut self, delta: &Delta) {
        self.bytes += match delta {
            Delta::Text(text) | Delta::Reasoning(text) => text.len(),
            Delta::Call(call) => call.id.len() + call.name.len() + call.arguments.len(),
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => 0,
        };
        if LIMIT_BYTES < self.bytes {
            self.deltas = Vec::new();
            return;
        }
        match (self.deltas.last_mut(), delta) {
            (Some(Delta::Text(text)), Delta::Text(more))
            | (Some(Delta::Reasoning(text)), Delta::Reasoning(more)) => text.push_str(more),
            (_, delta) => self.deltas.push(delta.clone()),
        }
    }

    /// All of it; none when it was too much.
    pub(super) fn deltas(&self) -> Option<&[Delta]> {
        (self.bytes <= LIMIT_BYTES).then_some(&self.deltas)
    }

    /// All of it; none when it was too much.
    pub(super) fn into_deltas(self) -> Option<Vec<Delta>> {
        (self.bytes <= LIMIT_BYTES).then_some(self.deltas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_and_too_much_is_forgotten() {
        let text = |text: &str| Delta::Text(text.to_owned());
        let mut told = Transcript::default();

        for delta in [text("a"), text("b"), Delta::Reasoning("c".to_owned()), text("d")] {
            told.push(&delta);
        }
        assert_eq!(told.deltas().unwrap(), [text("ab"), Delta::Reasoning("c".to_owned()), text("d")]);
        told.push(&text(&"x".repeat(LIMIT_BYTES)));
        told.push(&text("y"));

        assert_eq!(told.into_deltas(), None);
    }
}
