//! Gives the client what was read of the site's answer, without the marks that are for us.

use latchkey_bridge::sieve::event::{CallOrigin, SieveEvent};

use super::EmulatedTurn;
use crate::stream::delta::{Delta, ToolCall};

impl EmulatedTurn {
    pub(super) fn emit(&mut self, events: Vec<SieveEvent>, out: &mut Vec<Delta>) {
        for event in events {
            match event {
                SieveEvent::Text(text) if self.attempt.gives_text() => {
                    self.unmask_thought(out);
                    let shown = self.mark.pass(&text);
                    self.say(shown, out);
                }
                SieveEvent::Text(text) => self.attempt.keep(&text),
                SieveEvent::Reasoning(text) if self.attempt.gives_text() => {
                    self.delivered.thought = true;
                    let shown = self.thought_mark.pass(&text);
                    out.extend((!shown.is_empty()).then_some(Delta::Reasoning(shown)));
                }
                SieveEvent::Reasoning(_) => {}
                SieveEvent::Call(call) => {
                    self.unmask(out);
                    self.metrics.emitted(reading(call.reading));
                    if call.repaired {
                        self.metrics.repaired("json", "call");
                    }
                    self.call(call.name, call.arguments, out);
                }
                SieveEvent::Invalid(invalid) => {
                    self.metrics.invalid(invalid.kind);
                    self.attempt.note_invalid(invalid);
                }
                SieveEvent::Truncated(truncated) => {
                    self.metrics.truncated();
                    self.attempt.note_truncated(truncated);
                }
                SieveEvent::Dropped(size) => self.metrics.dropped(size),
            }
        }
    }

    /// Gives what might have become a mark.
    pub(super) fn unmask(&mut self, out: &mut Vec<Delta>) {
        self.unmask_thought(out);
        let rest = self.mark.rest();
        self.say(rest, out);
    }

    fn unmask_thought(&mut self, out: &mut Vec<Delta>) {
        let rest = self.thought_mark.rest();
        out.extend((!rest.is_empty()).then_some(Delta::Reasoning(rest)));
    }

    pub(super) fn say(&mut self, text: String, out: &mut Vec<Delta>) {
        if text.is_empty() {
            return;
        }
        self.delivered.say(&text);
        if self.withholds() {
            self.withheld.push_str(&text);
        } else {
            out.push(Delta::Text(text));
        }
    }

    pub(super) fn call(&mut self, name: String, arguments: String, out: &mut Vec<Delta>) {
        let said = std::mem::take(&mut self.withheld);
        out.extend((!said.is_empty()).then_some(Delta::Text(said)));
        let id = format!("call_{}_{}", self.minted, self.delivered.calls);
        self.delivered.calls += 1;
        out.push(Delta::Call(ToolCall { id, name, arguments }));
    }
}

fn reading(reading: CallOrigin) -> &'static str {
    match reading {
        CallOrigin::Own => "own",
        CallOrigin::Lenient => "lenient",
        CallOrigin::Reasoning => "reasoning",
    }
}
