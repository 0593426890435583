//! From a site's bytes to deltas: cuts them into events, and reads those by the rules of its file.

use std::sync::Arc;

use latchkey_shared::site::Site;

use super::{
    framing::Framing,
    reader::{ConversationState, RuleInterpreter, reading},
};
use crate::stream::{
    Decode,
    delta::{Captures, Delta},
    fault::Fault,
};

/// Reads one answer.
#[derive(Debug)]
pub(super) struct DeclaredDecoder {
    framing: Framing,
    reader: RuleInterpreter,
    framed: bool,
}

impl DeclaredDecoder {
    /// For a site that chats as its file declares. `framed` says whether the body's end can be told from a cut.
    pub(super) fn new(site: Arc<Site>, state: ConversationState, framed: bool) -> Self {
        Self { framing: Framing::new(reading(&site)), reader: RuleInterpreter::new(site, state), framed }
    }
}

impl Decode for DeclaredDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Delta>) -> Result<(), Fault> {
        let reader = &mut self.reader;
        self.framing.push(bytes, &mut |event| reader.event(&event, out))
    }

    fn finish(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let reader = &mut self.reader;
        self.framing.finish(&mut |event| reader.event(&event, out))?;
        self.reader.ended |= self.framed && reading(&self.reader.site).body_ends;
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.reader.ended
    }

    fn is_queued(&self) -> bool {
        self.reader.queued
    }

    fn values(&self) -> Captures {
        self.reader.state.captures.clone()
    }
}

#[cfg(test)]
mod tests;
