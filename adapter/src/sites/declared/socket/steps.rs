//! Takes the declared steps over an open socket, one after the other.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use latchkey_shared::site::{
    Site,
    chat::{
        socket::{
            SocketProtocol,
            step::{SocketAction, SocketStep},
        },
        stream::{event::EventMatch, rule::TurnKind},
        text::VariableName,
    },
};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    super::{
        matching::{SiteEvent, fits},
        reader::{ConversationState, RuleInterpreter, take},
    },
    connection::{OpenSocket, bytes},
    packet::{self, Packet},
};
use crate::stream::{delta::Captures, fault::Fault, sse::SseEvent};

/// Messages that steps may wait through.
const LIMIT_MESSAGES: usize = 1000;
/// What may come between the site's being asked and the last step.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;
const TOO_MANY: Fault = Fault::Unreadable("the site says too much before its answer");
const NOT_EXPECTED: Fault = Fault::Unreadable("an answer is not as the site file expects");
const LACKS: Fault = Fault::Unreadable("an answer lacks a value that the site file takes out of it");

/// The steps that have been taken.
pub(super) struct StepRunner {
    /// Knows trouble when it comes before the answer.
    reader: RuleInterpreter,
    heard: usize,
    phase: StepPhase,
    /// What the site has said since it was asked.
    early: Vec<Bytes>,
    early_bytes: usize,
}

/// Where in an answer's life steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepPhase {
    /// The site has not been asked: trouble ends it.
    Before,
    /// It has been asked: what it says is the answer's.
    Asked,
    /// The answer is over: what it says means nothing any more.
    Over,
}

/// What a message says to steps.
enum StepMessage {
    Event { name: String, data: String },
    Ack { id: u64, data: String },
    Nothing,
}

impl StepRunner {
    pub(super) fn new(site: Arc<Site>, state: ConversationState, phase: StepPhase) -> Self {
        let reader = RuleInterpreter::new(site, state);
        Self { reader, heard: 0, phase, early: Vec::new(), early_bytes: 0 }
    }

    /// What is known of the conversation by now.
    pub(super) fn known(&self) -> &ConversationState {
        &self.reader.state
    }

    /// Opens the protocol, and takes every step that this turn has.
    ///
    /// # Errors
    /// What the site reports, or whatever keeps it from being asked.
    pub(super) async fn take_all(
        &mut self,
        connection: &mut OpenSocket,
        steps: &[SocketStep],
    ) -> Result<(), Fault> {
        self.connect(connection).await?;
        self.take_each(connection, steps).await
    }

    /// Takes every step that this turn has.
    ///
    /// # Errors
    /// As for `take_all`.
    pub(super) async fn take_each(
        &mut self,
        connection: &mut OpenSocket,
        steps: &[SocketStep],
    ) -> Result<(), Fault> {
        let turn = if self.known().goes_on { TurnKind::Next } else { TurnKind::First };
        for step in steps.iter().filter(|step| step.turn.is_none_or(|only| only == turn)) {
            connection.captures.clone_from(&self.known().captures);
            if step.names(&VariableName::Prompt) || step.names(&VariableName::Messages) {
                self.phase = StepPhase::Asked;
            }
            let came = match &step.act {
                SocketAction::Emit { event, ack } => match connection.emit(event, *ack).await? {
                    Some(id) => Some(self.acknowledged(connection, id).await?),
                    None => None,
                },
                SocketAction::Send(shape) => {
                    connection.send_shape(shape).await?;
                    None
                }
                SocketAction::Wait { on, within: None } => self.wait(connection, on).await?,
                SocketAction::Wait { on, within: Some(limit) } => {
                    let (first, rest) = on.split_at(1);
                    match timeout(*limit, self.wait(connection, first)).await {
                        Err(_) => continue,
                        Ok(came) if rest.is_empty() => came?,
                        Ok(came) => came.map(drop).and(self.wait(connection, rest).await)?,
                    }
                }
            };
            self.look(step, came.as_deref())?;
        }
        connection.captures.clone_from(&self.known().captures);
        Ok(())
    }

    /// Hears the site while something else is done, so that its pings are answered. A message that comes just as that
    /// is done may be lost, like any other between two steps.
    ///
    /// # Errors
    /// What the site reports, or what becomes of the work.
    pub(super) async fn meanwhile<T>(
        &mut self,
        connection: &mut OpenSocket,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                message = self.next(connection) => drop(message?),
            }
        }
    }

    /// Takes over what is known of the conversation by now.
    pub(super) fn learn(&mut self, captures: Captures) {
        self.reader.state.captures = captures;
    }

    /// Socket.IO wants its namespace opened first.
    async fn connect(&mut self, connection: &mut OpenSocket) -> Result<(), Fault> {
        let SocketProtocol::SocketIo { namespace, auth } = connection.protocol.clone() else { return Ok(()) };
        connection.captures.clone_from(&self.known().captures);
        loop {
            let message = self.next(connection).await?;
            match packet::read(&message)? {
                Packet::Open(opening) => {
                    connection.longest_silence = Some(opening.longest_silence());
                    let auth = auth.as_ref().map(|auth| connection.fill().shape(auth)).transpose()?;
                    connection.send(packet::connect(&namespace, auth.as_ref())).await?;
                }
                Packet::Connected => return Ok(()),
                // A reason that the site file does not know.
                Packet::Refused(_) => return Err(Fault::UpstreamError),
                _ => {}
            }
        }
    }

    /// Waits for events, in this order, and returns the data of the last one.
    async fn wait(
        &mut self,
        connection: &mut OpenSocket,
        on: &[EventMatch],
    ) -> Result<Option<String>, Fault> {
        let mut last = None;
        for on in on {
            last = loop {
                let message = self.next(connection).await?;
                if let StepMessage::Event { name, data } = heard(connection, message)?
                    && self.fits(on, &name, &data)
                {
                    break Some(data);
                }
            };
        }
        Ok(last)
    }

    async fn acknowledged(&mut self, connection: &mut OpenSocket, wanted: u64) -> Result<String, Fault> {
        loop {
            let message = self.next(connection).await?;
            if let StepMessage::Ack { id, data } = heard(connection, message)?
                && id == wanted
            {
                return Ok(data);
            }
        }
    }

    /// The next message; that of an answer is kept for it as well.
    async fn next(&mut self, connection: &mut OpenSocket) -> Result<String, Fault> {
        self.heard += 1;
        if self.heard > LIMIT_MESSAGES {
            return Err(TOO_MANY);
        }
        let message = connection.receive().await?.ok_or(Fault::Truncated)?;
        match self.phase {
            StepPhase::Before => self.judge(connection, &message)?,
            StepPhase::Asked => {
                self.early_bytes += message.len();
                if self.early_bytes > LIMIT_BYTES {
                    return Err(TOO_MANY);
                }
                self.early.push(bytes(message.clone()));
            }
            StepPhase::Over => {}
        }
        Ok(message)
    }

    /// Whether a message from before the answer tells of trouble.
    fn judge(&mut self, connection: &OpenSocket, message: &str) -> Result<(), Fault> {
        let reader = &mut self.reader;
        let mut sink = |event: SseEvent<'_>| reader.trouble(&event);
        match connection.protocol {
            SocketProtocol::SocketIo { .. } => packet::event(message.as_bytes(), &mut sink),
            SocketProtocol::WebSocket => sink(SseEvent::data(message.as_bytes())),
        }
    }

    fn fits(&self, on: &EventMatch, name: &str, data: &str) -> bool {
        let event = SseEvent { name: name.as_bytes(), data: data.as_bytes(), ..SseEvent::default() };
        let json: Option<Value> = serde_json::from_str(data).ok();
        fits(on, SiteEvent { event: &event, data, json: json.as_ref() }, &self.known().captures)
    }

    /// Takes what a step takes out of what came.
    fn look(&mut self, step: &SocketStep, came: Option<&str>) -> Result<(), Fault> {
        let Some(came) = came else { return Ok(()) };
        let json: Option<Value> = serde_json::from_str(came).ok();
        let at = |pointer: &String| json.as_ref().and_then(|json| json.pointer(pointer));
        if step.expect.iter().any(|(pointer, expected)| at(pointer) != Some(expected)) {
            return Err(NOT_EXPECTED);
        }
        if step.take.values().any(|pointer| at(pointer).is_none_or(Value::is_null)) {
            return Err(LACKS);
        }
        take(&step.take, json.as_ref(), &mut self.reader.state.captures);
        Ok(())
    }

    /// What is known, what the site has said since it was asked, and how far it has come.
    pub(super) fn into_parts(self) -> (ConversationState, Vec<Bytes>, StepPhase) {
        (self.reader.state, self.early, self.phase)
    }
}

fn heard(connection: &OpenSocket, message: String) -> Result<StepMessage, Fault> {
    if connection.protocol == SocketProtocol::WebSocket {
        return Ok(StepMessage::Event { name: String::new(), data: message });
    }
    Ok(match packet::read(&message)? {
        Packet::Event { name, data, .. } => StepMessage::Event { name, data },
        Packet::Ack { id, data } => StepMessage::Ack { id, data },
        _ => StepMessage::Nothing,
    })
}
