//! One step of a chat over a socket: something is sent, or waited for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use crate::{
    SiteFileDiagnostic,
    chat::{
        stream::{
            StreamFormat,
            event::{self, EventMatch, RawMatch},
            rule::TurnKind,
        },
        text::{JsonTemplate, VariableName},
    },
    duration::some_duration,
    mistake::SiteFileSource,
    pointer::is_pointer,
};

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketStep {
    /// Whether only at a conversation's beginning, or only where it is gone on with.
    pub turn: Option<TurnKind>,
    /// What is done.
    pub act: SocketAction,
    /// Values out of what it waited for.
    pub take: BTreeMap<String, String>,
    /// JSON pointers and what must be there in what it waited for, or it has failed.
    pub expect: BTreeMap<String, Value>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketAction {
    /// Sends an event of socket.io.
    Emit {
        /// What.
        event: SocketEvent,
        /// Whether the step ends only when the site has acknowledged it.
        ack: bool,
    },
    /// Sends a message of a WebSocket: JSON, or a text as it stands.
    Send(JsonTemplate),
    /// Waits for events, in this order; others may come between.
    Wait {
        /// The events.
        on: Vec<EventMatch>,
        /// If the first one does not come so soon, the site has none of them, and the step is over.
        within: Option<Duration>,
    },
}

/// An event of socket.io.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketEvent {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Vec<JsonTemplate>,
}

/// What is sent back at once, whenever certain events come.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketAnswer {
    /// Which events.
    pub on: EventMatch,
    /// What is sent.
    pub reply: SocketReply,
}

/// What is sent back.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketReply {
    /// The acknowledgement that the event asks for, with these arguments.
    Ack(Vec<JsonTemplate>),
    /// An event of socket.io.
    Emit(SocketEvent),
    /// A message of a WebSocket.
    Send(JsonTemplate),
}

impl SocketStep {
    /// Whether it sends what a name stands for.
    #[must_use]
    pub fn names(&self, name: &VariableName) -> bool {
        match &self.act {
            SocketAction::Emit { event, .. } => event.args.iter().any(|shape| shape.names(name)),
            SocketAction::Send(shape) => shape.names(name),
            SocketAction::Wait { .. } => false,
        }
    }
}

/// A step as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSocketStep {
    turn: Option<TurnKind>,
    emit: Option<String>,
    #[serde(default)]
    args: Vec<Value>,
    #[serde(default)]
    ack: bool,
    send: Option<Value>,
    wait: Option<Vec<RawMatch>>,
    #[serde(default, deserialize_with = "some_duration")]
    within: Option<Duration>,
    #[serde(default)]
    take: BTreeMap<String, String>,
    #[serde(default)]
    expect: BTreeMap<String, Value>,
}

/// An answer as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAnswer {
    on: RawMatch,
    ack: Option<Vec<Value>>,
    emit: Option<String>,
    #[serde(default)]
    args: Vec<Value>,
    send: Option<Value>,
}

/// Checks steps in their order; `list` names them in mistakes, `known` grows by what they take.
///
/// # Errors
/// The first mistake.
pub(super) fn check_all(
    source: &SiteFileSource<'_>,
    list: &str,
    format: StreamFormat,
    raw: Vec<Spanned<RawSocketStep>>,
    known: &mut BTreeSet<String>,
) -> Result<Vec<SocketStep>, SiteFileDiagnostic> {
    let mut steps = Vec::new();
    for step in raw {
        let at = step.span().start;
        let step = step.into_inner();
        let taken: Vec<String> = step.take.keys().cloned().collect();
        steps.extend(source.keep(ListEntry { source, list, at, format, known }.step(step)));
        known.extend(taken);
    }
    Ok(steps)
}

/// Checks answers; `list` names them in mistakes.
///
/// # Errors
/// The first mistake.
pub(super) fn check_answers(
    source: &SiteFileSource<'_>,
    list: &str,
    format: StreamFormat,
    raw: Vec<Spanned<RawAnswer>>,
    known: &BTreeSet<String>,
) -> Result<Vec<SocketAnswer>, SiteFileDiagnostic> {
    let answer = |raw: Spanned<RawAnswer>| {
        let at = raw.span().start;
        ListEntry { source, list, at, format, known }.answer(raw.into_inner())
    };
    raw.into_iter().map(answer).collect()
}

/// One entry of a list, and what its mistakes need.
struct ListEntry<'a> {
    source: &'a SiteFileSource<'a>,
    list: &'a str,
    at: usize,
    format: StreamFormat,
    known: &'a BTreeSet<String>,
}

impl ListEntry<'_> {
    fn step(&self, raw: RawSocketStep) -> Result<SocketStep, SiteFileDiagnostic> {
        let RawSocketStep { turn, emit, args, ack, send, wait, within, take, expect } = raw;
        if let Some(bad) = take.values().chain(expect.keys()).find(|pointer| !is_pointer(pointer)) {
            let message = format!("{}: {bad:?} is no JSON pointer: it starts with /", self.list);
            return Err(self.source.mistake_near(self.at, bad, message));
        }
        if within.is_some() && wait.is_none() {
            return Err(self.mistake("within belongs to wait"));
        }
        if emit.is_none() && (ack || !args.is_empty()) {
            return Err(self.mistake("args and ack belong to emit"));
        }
        let looks = !take.is_empty() || !expect.is_empty();
        if looks && wait.is_none() && !ack {
            return Err(
                self.mistake("take and expect need something that comes: wait, or emit with ack = true")
            );
        }
        let act = match (emit, send, wait) {
            (Some(name), None, None) => SocketAction::Emit { event: self.event(name, args)?, ack },
            (None, Some(send), None) => SocketAction::Send(self.message(send)?),
            (None, None, Some(on)) if !on.is_empty() => SocketAction::Wait { on: self.matches(on)?, within },
            _ if self.format == StreamFormat::Packets => {
                return Err(self.mistake("expected exactly one of emit, wait"));
            }
            _ => return Err(self.mistake("expected exactly one of send, wait")),
        };
        Ok(SocketStep { turn, act, take, expect })
    }

    fn answer(&self, raw: RawAnswer) -> Result<SocketAnswer, SiteFileDiagnostic> {
        let RawAnswer { on, ack, emit, args, send } = raw;
        let reply = match (ack, emit, send) {
            (Some(ack), None, None) if self.format == StreamFormat::Packets => {
                SocketReply::Ack(self.shapes(ack)?)
            }
            (None, Some(name), None) => SocketReply::Emit(self.event(name, args)?),
            (None, None, Some(send)) => SocketReply::Send(self.message(send)?),
            _ if self.format == StreamFormat::Packets => {
                return Err(self.mistake("expected exactly one of ack, emit"));
            }
            _ => return Err(self.mistake("expected send")),
        };
        Ok(SocketAnswer { on: self.matching(on)?, reply })
    }

    fn event(&self, name: String, args: Vec<Value>) -> Result<SocketEvent, SiteFileDiagnostic> {
        if self.format != StreamFormat::Packets {
            return Err(self.mistake("emit is for socket.io; expected send"));
        }
        Ok(SocketEvent { name, args: self.shapes(args)? })
    }

    fn message(&self, value: Value) -> Result<JsonTemplate, SiteFileDiagnostic> {
        if self.format != StreamFormat::Messages {
            return Err(self.mistake("send is for a WebSocket of the site's own; expected emit"));
        }
        self.shape(value)
    }

    fn shapes(&self, values: Vec<Value>) -> Result<Vec<JsonTemplate>, SiteFileDiagnostic> {
        values.into_iter().map(|value| self.shape(value)).collect()
    }

    fn shape(&self, value: Value) -> Result<JsonTemplate, SiteFileDiagnostic> {
        JsonTemplate::parse(value, self.known)
            .map_err(|(text, why)| self.source.mistake_near(self.at, &text, format!("{}: {why}", self.list)))
    }

    fn matches(&self, raw: Vec<RawMatch>) -> Result<Vec<EventMatch>, SiteFileDiagnostic> {
        raw.into_iter().map(|raw| self.matching(raw)).collect()
    }

    fn matching(&self, raw: RawMatch) -> Result<EventMatch, SiteFileDiagnostic> {
        event::check(self.source, self.list, self.at, raw, self.known)
    }

    fn mistake(&self, why: &str) -> SiteFileDiagnostic {
        self.source.mistake(self.at, format!("{}: {why}", self.list))
    }
}
