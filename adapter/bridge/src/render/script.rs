//! The conversation as a script: messages of parts, of which only results may still be cut.

use std::collections::HashMap;

use super::{
    Message, Note, Role,
    history::{Asked, Entry},
};
use crate::{
    catalog::Catalog,
    dialect::{Dialect, Written, words},
};

/// The client's own name for a call that it refused.
const REFUSED: &str = "invalid";

/// So many equal calls with equal results are a loop.
const LOOP: usize = 3;

const REPEATED: &str = "Note: the last calls were the same and gave the same result. Do not repeat them: \
    use what you have, or do something else.";

/// Messages in order.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) messages: Vec<Spoken>,
}

/// One message.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) role: Role,
    pub(super) parts: Vec<Part>,
}

/// A piece of a message.
#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    /// A tool's result, already harmless.
    Result {
        name: String,
        /// Which call of its answer it belongs to, where the tool was called more than once there.
        call: Option<usize>,
        text: String,
    },
}

/// Writes entries one after another.
struct Writer<'a> {
    catalog: &'a Catalog,
    dialect: &'a Dialect,
    notes: &'a mut Vec<Note>,
    script: Script,
    /// Calls without a result so far, by id.
    open: HashMap<String, Asked>,
    /// Results that came, by id: they are told in the order of their calls, whatever order they came in.
    came: HashMap<String, String>,
    /// The ids of open calls in their order.
    order: Vec<String>,
    /// Calls with their results, to see loops.
    done: Vec<(Asked, String)>,
}

impl Script {
    /// Writes all entries.
    pub(super) fn write(
        entries: &[Entry],
        catalog: &Catalog,
        dialect: &Dialect,
        notes: &mut Vec<Note>,
    ) -> Self {
        let mut writer = Writer {
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
            Some(first) if first.role == Role::System => first.parts.push(Part::Text(format!("\n\n{text}"))),
            _ => self
                .messages
                .insert(0, Spoken { role: Role::System, parts: vec![Part::Text(text.to_owned())] }),
        }
    }

    /// Puts a reminder at the very end, where models heed it most.
    pub(super) fn remind(&mut self, text: &str) {
        match self.messages.last_mut() {
            Some(last) if last.role == Role::User => last.parts.push(Part::Text(format!("\n\n{text}"))),
            _ => self.say(Role::User, Part::Text(text.to_owned())),
        }
    }

    /// The size of all messages as they will be sent.
    pub(super) fn bytes(&self, dialect: &Dialect) -> usize {
        self.messages.iter().flat_map(|spoken| &spoken.parts).map(|part| part.written(dialect).len()).sum()
    }

    pub(super) fn into_messages(self, dialect: &Dialect) -> Vec<Message> {
        let write = |spoken: Spoken| {
            let text = spoken.parts.iter().map(|part| part.written(dialect)).collect();
            Message { role: spoken.role, text }
        };
        self.messages.into_iter().map(write).collect()
    }

    /// Adds a part; neighbours of one role become one message.
    fn say(&mut self, role: Role, part: Part) {
        match self.messages.last_mut() {
            Some(last) if last.role == role && role != Role::System => {
                let gap = if matches!(part, Part::Result { .. }) { "\n" } else { "\n\n" };
                last.parts.push(Part::Text(gap.to_owned()));
                last.parts.push(part);
            }
            _ => self.messages.push(Spoken { role, parts: vec![part] }),
        }
    }
}

impl Part {
    fn written(&self, dialect: &Dialect) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Result { name, call, text } => dialect.result(name, *call, text),
        }
    }
}

impl Writer<'_> {
    fn entry(&mut self, entry: &Entry) {
        if !matches!(entry, Entry::Result { .. }) {
            self.settle();
        }
        match entry {
            Entry::System(text) => self.script.say(Role::System, Part::Text(text.clone())),
            Entry::User(text) => self.script.say(Role::User, Part::Text(text.clone())),
            Entry::Assistant { text, calls } => self.answer(text, calls),
            Entry::Result { id, text } => self.result(id, text),
        }
    }

    fn answer(&mut self, text: &str, calls: &[Asked]) {
        let made: Vec<&Asked> = calls.iter().filter(|call| !self.is_refused(call)).collect();
        let written: Vec<Written<'_>> =
            made.iter().map(|call| Written { name: &call.name, arguments: &call.arguments }).collect();
        let text = text.trim_end();
        let block = if written.is_empty() { String::new() } else { self.dialect.calls(&written) };
        let gap = if text.is_empty() || block.is_empty() { "" } else { "\n\n" };
        let whole = [text, gap, &block].concat();
        if !whole.is_empty() {
            self.script.say(Role::Assistant, Part::Text(whole));
        }
        for call in calls {
            self.order.push(call.id.clone());
            self.open.insert(call.id.clone(), call.clone());
        }
    }

    /// Whether a call is the client's pseudo-call for one that it could not make.
    fn is_refused(&self, call: &Asked) -> bool {
        call.name == REFUSED && self.catalog.exact(REFUSED).is_none()
    }

    fn result(&mut self, id: &str, text: &str) {
        if self.open.contains_key(id) && !self.came.contains_key(id) {
            self.came.insert(id.to_owned(), text.to_owned());
            return;
        }
        self.notes.push(Note::Orphan);
        let text = format!("A result of an earlier call:\n{}", words::defuse(text, &self.dialect.nonce));
        self.script.say(Role::User, Part::Text(text));
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
                    self.notes.push(Note::Unanswered);
                    let text = "There is no result: the call was not finished.".to_owned();
                    self.script.say(Role::User, Part::Result { name: call.name, call: number, text });
                }
            }
        }
    }

    fn answered(&mut self, call: Asked, number: Option<usize>, text: &str) {
        let harmless = words::defuse(text, &self.dialect.nonce);
        if self.is_refused(&call) {
            self.notes.push(Note::Refused);
            let tool = call.arguments.get("tool").and_then(|tool| tool.as_str()).unwrap_or("a tool");
            let tool = words::defuse(tool, &self.dialect.nonce);
            let text = format!("Your call of {tool} was refused: {harmless}");
            self.script.say(Role::User, Part::Text(text));
            return;
        }
        self.script.say(Role::User, Part::Result { name: call.name.clone(), call: number, text: harmless });
        self.done.push((call, text.to_owned()));
    }

    fn notice_loop(&mut self) {
        let Some(last) = self.done.len().checked_sub(LOOP) else { return };
        let same = |a: &(Asked, String), b: &(Asked, String)| {
            a.0.name == b.0.name && a.0.arguments == b.0.arguments && a.1 == b.1
        };
        let ends_here = self.script.messages.last().is_some_and(|spoken| {
            spoken.role == Role::User && spoken.parts.iter().any(|part| matches!(part, Part::Result { .. }))
        });
        if ends_here && self.done[last..].windows(2).all(|pair| same(&pair[0], &pair[1])) {
            self.notes.push(Note::Repeated);
            self.script.say(Role::User, Part::Text(REPEATED.to_owned()));
        }
    }
}
