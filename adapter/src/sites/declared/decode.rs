//! From a site's bytes to deltas: cuts them into events, and reads those by the rules of its file.

use std::sync::Arc;

use latchkey_shared::site::{
    Site,
    chat::{Driver, stream::StreamRules},
};

use super::{framing::Framing, reader::RuleInterpreter};
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

/// A conversation, as far as it is known before its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct ConversationState {
    /// Its values.
    pub(super) values: Captures,
    /// Whether it is gone on with.
    pub(super) goes_on: bool,
}

impl DeclaredDecoder {
    /// For a site that chats as its file declares. `framed` says whether the body's end can be told from a cut.
    pub(super) fn new(site: Arc<Site>, known: ConversationState, framed: bool) -> Self {
        Self { framing: Framing::new(reading(&site)), reader: RuleInterpreter::new(site, known), framed }
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
        self.reader.known.values.clone()
    }
}

/// How a site's answers are read.
pub(super) fn reading(site: &Site) -> &StreamRules {
    match &site.chat.driver {
        Driver::Http(http) => &http.stream,
        Driver::Socket(socket) => &socket.stream,
        Driver::OpenAi(_) => unreachable!("the decoder is made for sites of its drivers"),
    }
}

#[cfg(test)]
mod tests;
