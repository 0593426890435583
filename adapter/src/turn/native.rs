//! A site's own tool calls, brought towards what the client declared.

use std::collections::BTreeMap;

use latchkey_bridge::{
    arguments::{Body, Found, Origin},
    sieve::event::Kind,
};
use serde::de::IgnoredAny;

use super::tally::Tally;
use crate::{
    prompt::Declared,
    stream::{delta::Call, fault::Fault},
};

/// Reads the calls of one answer.
pub(super) struct Native {
    declared: Declared,
    /// Begins the ids that replace others.
    minted: String,
    replaced: usize,
    tally: Tally,
}

impl Native {
    pub(super) fn new(declared: Declared, minted: String, tally: Tally) -> Self {
        Self { declared, minted, replaced: 0, tally }
    }

    /// The call with its declared name and valid arguments, as far as that needs no guess; else as it is: the client's
    /// own refusal tells the model more than ours could. Its id is one that the conversation has not had: inference
    /// servers that count from `call_0` in every answer make clients drop the later call (Claude Code 2.1.197).
    ///
    /// # Errors
    /// When its arguments are not one JSON object: some clients would make a call without any of it. And when the client
    /// chose other tools: it takes its choice for a permission.
    pub(super) fn fit(&mut self, call: Call) -> Result<Call, Fault> {
        let Call { id, name, arguments } = self.declare(call)?;
        let forbidden = self.declared.only.as_ref().is_some_and(|only| !only.contains(&name));
        if forbidden || !is_object(&arguments) {
            return Err(Fault::BrokenCall);
        }
        if !self.declared.ids.contains(&id) {
            return Ok(Call { id, name, arguments });
        }
        let id = format!("call_{}_n{}", self.minted, self.replaced);
        self.replaced += 1;
        Ok(Call { id, name, arguments })
    }

    /// Counts an answer without a word or a call.
    pub(super) fn note_empty(&self) {
        self.tally.empty();
    }

    fn declare(&self, call: Call) -> Result<Call, Fault> {
        let found = Found { name: Some(call.name.clone()), body: Body::Arguments(call.arguments.clone()) };
        match found.fit(&self.declared.catalog, Origin::Native).pop() {
            Some(Ok(fitting)) => {
                self.tally.emitted("native");
                if fitting.repaired {
                    self.tally.repaired("json", "call");
                }
                Ok(Call { id: call.id, name: fitting.name, arguments: fitting.arguments })
            }
            Some(Err(misfit)) => {
                let kind = misfit.into_invalid(String::new()).kind;
                self.tally.invalid(kind);
                if kind == Kind::Json { Err(Fault::BrokenCall) } else { Ok(call) }
            }
            None => Ok(call),
        }
    }
}

/// Whether a text is one JSON object.
fn is_object(arguments: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, IgnoredAny>>(arguments).is_ok()
}
