//! A site's own tool calls, brought towards what the client declared.

use std::collections::BTreeMap;

use latchkey_bridge::{
    arguments::{BlockBody, CallSource, RawCall},
    sieve::event::InvalidKind,
};
use serde::de::IgnoredAny;

use super::tally::TurnMetrics;
use crate::{
    prompt::DeclaredTools,
    stream::{delta::ToolCall, fault::Fault},
};

/// Reads the calls of one answer.
pub(super) struct NativeCalls {
    declared: DeclaredTools,
    /// Begins the ids that replace others.
    minted: String,
    replaced: usize,
    metrics: TurnMetrics,
}

impl NativeCalls {
    pub(super) fn new(declared: DeclaredTools, minted: String, metrics: TurnMetrics) -> Self {
        Self { declared, minted, replaced: 0, metrics }
    }

    /// The call with its declared name and valid arguments, as far as that needs no guess; else as it is: the client's
    /// own refusal tells the model more than ours could. Its id is one that the conversation has not had: inference
    /// servers that count from `call_0` in every answer make clients drop the later call (Claude Code 2.1.197).
    ///
    /// # Errors
    /// When its arguments are not one JSON object: some clients would make a call without any of it. And when the client
    /// chose other tools: it takes its choice for a permission.
    pub(super) fn fit(&mut self, call: ToolCall) -> Result<ToolCall, Fault> {
        let ToolCall { id, name, arguments } = self.declare(call)?;
        let forbidden = self.declared.only.as_ref().is_some_and(|only| !only.contains(&name));
        if forbidden || !is_object(&arguments) {
            return Err(Fault::InvalidToolCall);
        }
        if !self.declared.ids.contains(&id) {
            return Ok(ToolCall { id, name, arguments });
        }
        let id = format!("call_{}_n{}", self.minted, self.replaced);
        self.replaced += 1;
        Ok(ToolCall { id, name, arguments })
    }

    /// Counts an answer without a word or a call.
    pub(super) fn note_empty(&self) {
        self.metrics.empty();
    }

    fn declare(&self, call: ToolCall) -> Result<ToolCall, Fault> {
        let found =
            RawCall { name: Some(call.name.clone()), body: BlockBody::Arguments(call.arguments.clone()) };
        match found.validate(&self.declared.catalog, CallSource::Native).pop() {
            Some(Ok(fitting)) => {
                self.metrics.emitted("native");
                if fitting.repaired {
                    self.metrics.repaired("json", "call");
                }
                Ok(ToolCall { id: call.id, name: fitting.name, arguments: fitting.arguments })
            }
            Some(Err(misfit)) => {
                let kind = misfit.into_invalid(String::new()).kind;
                self.metrics.invalid(kind);
                if kind == InvalidKind::Json { Err(Fault::InvalidToolCall) } else { Ok(call) }
            }
            None => Ok(call),
        }
    }
}

/// Whether a text is one JSON object.
fn is_object(arguments: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, IgnoredAny>>(arguments).is_ok()
}
