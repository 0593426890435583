//! The conversation as a script: messages of parts, of which results and the arguments of calls may still be cut.

use std::collections::HashMap;

use super::{
    history::{HistoryEntry, PastCall},
    prompt::{PromptMessage, RenderNote, Role},
};
use crate::{
    catalog::Catalog,
    dialect::{Dialect, WrittenCall, look_alike},
};

/// The client's own name for a call that it refused.
const REFUSED: &str = "invalid";

/// So many equal calls with equal results are a loop.
const LOOP: usize = 3;

const REPEATED: &str = "Note: the last calls were the same and gave the same result. Do not repeat them: \
    use what you have, or do something else.";

/// Messages in order.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    pub(super) messages: Vec<TranscriptMessage>,
}

/// One message.
#[derive(Debug)]
pub(super) struct TranscriptMessage {
    pub(super) role: Role,
    pub(super) parts: Vec<TranscriptPart>,
}

/// A piece of a message.
#[derive(Debug)]
pub(super) enum TranscriptPart {
    Text(String),
    /// The calls of one answer.
    Calls(Vec<PastCall>),
    /// A tool's result, already harmless.
    Result {
        name: String,
        /// Which call of its answer it belongs to, where the tool was called more than once there.
        call: Option<usize>,
        text: String,
    },
}

/// Writes entries one after another.
struct TranscriptWriter<'a> {
    catalog: &'a Catalog,
    dialect: &'a Dialect,
    notes: &'a mut Vec<RenderNote>,
    script: Transcript,
    /// Calls without a result so far, by id.
    open: HashMap<String, PastCall>,
    /// Results that came, by id: they are told in the order of their calls, whatever order they came in.
    came: HashMap<String, String>,
    /// The ids of open calls in their order.
    order: Vec<String>,
    /// Calls with their results, to see loops.
    done: Vec<(PastCall, String)>,
}

impl Transcript {
    /// Writes all entries.
    pub(super) fn write(
        entries: &[HistoryEntry],
        catalog: &Catalog,
        dialect: &Dialect,
        notes: &mut Vec<RenderNote>,
    ) -> Self {
        let mut writer = TranscriptWriter {
            catalog,
            dialect,
            notes,
            script: Self::default(),
            open: HashMap::new(),
            came: HashMap::new(),
            order: Vec::new(),
            done: Vec::new(),
        };
        for entry in entries {
            writer.entry(entry);
        }
        writer.settle();
        writer.notice_loop();
        writer.script
    }

    /// Puts the tools behind the client's first instructions: the place that changes least.
    pub(super) fn instruct(&mut self, text: &str) {
        match self.messages.first_mut() {
            Some(first) if first.role == Role::System => {
                first.parts.push(TranscriptPart::Text(format!("\n\n{text}")));
            }
            _ => self.messages.insert(
                0,
                TranscriptMessage { role: Role::System, parts: vec![TranscriptPart::Text(text.to_owned())] },
            ),
        }
    }

    /// Puts a reminder at the very end, where models heed it most.
    pub(super) fn remind(&mut self, text: &str) {
        match self.messages.last_mut() {
            Some(last) if last.role == Role::User => {
                last.parts.push(TranscriptPart::Text(format!("\n\n{text}")));
            }
            _ => self.say(Role::User, TranscriptPart::Text(text.to_owned())),
        }
    }

    /// The size of all messages as they will be sent.
    pub(super) fn bytes(&self, dialect: &Dialect) -> usize {
        self.messages.iter().flat_map(|spoken| &spoken.parts).map(|part| part.written(dialect).len()).sum()
    }

    pub(super) fn into_messages(self, dialect: &Dialect) -> Vec<PromptMessage> {
        let write = |spoken: TranscriptMessage| {
            let text = spoken.parts.iter().map(|part| part.written(dialect)).collect();
            PromptMessage { role: spoken.role, text }
        };
        self.messages.into_iter().map(write).collect()
    }

    /// Adds a part; neighbours of one role become one message.
    fn say(&mut self, role: Role, part: TranscriptPart) {
        match self.messages.last_mut() {
            Some(last) if last.role == role && role != Role::System => {
                let gap = if matches!(part, TranscriptPart::Result { .. }) { "\n" } else { "\n\n" };
                last.parts.push(TranscriptPart::Text(gap.to_owned()));
                last.parts.push(part);
            }
            _ => self.messages.push(TranscriptMessage { role, parts: vec![part] }),
        }
    }
}

impl TranscriptPart {
    /// Its text in the prompt.
    pub(super) fn written(&self, dialect: &Dialect) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Calls(calls) => {
                let calls =
                    calls.iter().map(|PastCall { name, arguments, .. }| WrittenCall { name, arguments });
                dialect.calls(&calls.collect::<Vec<_>>())
            }
            Self::Result { name, call, text } => dialect.result(name, *call, text),
        }
    }
}

impl TranscriptWriter<'_> {
    fn entry(&mut self, entry: &HistoryEntry) {
        if !matches!(entry, HistoryEntry::Result { .. }) {
            self.settle();
        }
        match entry {
            HistoryEntry::System(text) => self.script.say(Role::System, TranscriptPart::Text(text.clone())),
            HistoryEntry::User(text) => self.script.say(Role::User, TranscriptPart::Text(text.clone())),
            HistoryEntry::Assistant { text, calls } => self.answer(text, calls),
            HistoryEntry::Result { id, text } => self.result(id, text),
        }
    }

    fn answer(&mut self, text: &str, calls: &[PastCall]) {
        let made: Vec<PastCall> = calls.iter().filter(|call| !self.is_refused(call)).cloned().collect();
        let text = text.trim_end();
        if !text.is_empty() {
            self.script.say(Role::Assistant, TranscriptPart::Text(text.to_owned()));
        }
        if !made.is_empty() {
            self.script.say(Role::Assistant, TranscriptPart::Calls(made));
        }
        for call in calls {
            self.order.push(call.id.clone());
            self.open.insert(call.id.clone(), call.clone());
        }
    }

    /// Whether a call is the client's pseudo-call for one that it could not make.
    fn is_refused(&self, call: &PastCall) -> bool {
        call.name == REFUSED && self.catalog.exact(REFUSED).is_none()
    }

    fn result(&mut self, id: &str, text: &str) {
        if self.open.contains_key(id) && !self.came.contains_key(id) {
            self.came.insert(id.to_owned(), text.to_owned());
            return;
        }
        self.notes.push(RenderNote::Orphan);
        let text = format!("A result of an earlier call:\n{}", look_alike::defuse(text, &self.dialect.nonce));
        self.script.say(Role::User, TranscriptPart::Text(text));
    }

    /// Tells the results of an answer's calls, and says of every call without one that it has none.
    fn settle(&mut self) {
        let order = std::mem::take(&mut self.order);
        let names: Vec<String> =
            order.iter().filter_map(|id| self.open.get(id)).map(|call| call.name.clone()).collect();
        for (at, id) in order.into_iter().enumerate() {
            let Some(call) = self.open.remove(&id) else { continue };
            let several = names.iter().filter(|name| **name == call.name).count() > 1;
            let number = several.then_some(at + 1);
            match self.came.remove(&id) {
                Some(text) => self.answered(call, number, &text),
                None => {
                    self.notes.push(RenderNote::Unanswered);
                    let text = "There is no result: the call was not finished.".to_owned();
                    self.script
                        .say(Role::User, TranscriptPart::Result { name: call.name, call: number, text });
                }
            }
        }
    }

    fn answered(&mut self, call: PastCall, number: Option<usize>, text: &str) {
        let harmless = look_alike::defuse(text, &self.dialect.nonce);
        if self.is_refused(&call) {
            self.notes.push(RenderNote::Refused);
            let tool = call.arguments.get("tool").and_then(|tool| tool.as_str()).unwrap_or("a tool");
            let tool = look_alike::defuse(tool, &self.dialect.nonce);
            let text = format!("Your call of {tool} was refused: {harmless}");
            self.script.say(Role::User, TranscriptPart::Text(text));
            return;
        }
        self.script.say(
            Role::User,
            TranscriptPart::Result { name: call.name.clone(), call: number, text: harmless },
        );
        self.done.push((call, text.to_owned()));
    }

    fn notice_loop(&mut self) {
        let Some(last) = self.done.len().checked_sub(LOOP) else { return };
        let same = |a: &(PastCall, String), b: &(PastCall, String)| {
            a.0.name == b.0.name && a.0.arguments == b.0.arguments && a.1 == b.1
        };
        let ends_here = self.script.messages.last().is_some_and(|spoken| {
            spoken.role == Role::User
                && spoken.parts.iter().any(|part| matches!(part, TranscriptPart::Result { .. }))
        });
        if ends_here && self.done[last..].windows(2).all(|pair| same(&pair[0], &pair[1])) {
            self.notes.push(RenderNote::Repeated);
            self.script.say(Role::User, TranscriptPart::Text(REPEATED.to_owned()));
        }
    }
}
