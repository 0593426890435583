//! One open socket: messages in and out, with every ping answered, and whatever else the site wants back at once.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use latchkey_shared::{
    id::SiteName,
    network::NetworkError,
    session::Session,
    site::chat::{
        socket::{
            SocketChat, SocketProtocol,
            step::{SocketAnswer, SocketEvent, SocketReply},
        },
        text::{JsonTemplate, VariableName},
    },
};
use reqwest::Upgraded;
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message},
};

use super::{
    super::{
        call::SiteClient,
        fill::{PlaceholderValues, written},
        framing::SEPARATOR,
        matching::{SiteEvent, fits},
        variables::PromptVariables,
    },
    packet::{self, Packet},
};
use crate::stream::{delta::Captures, fault::Fault, sse};

/// What it is for, in the log.
const CALL: &str = "a chat over its socket";

/// The socket itself.
pub(super) type SocketStream = WebSocketStream<Upgraded>;

/// An open socket, and what it needs to speak as the site file says.
pub(super) struct OpenSocket {
    stream: SocketStream,
    site: SiteName,
    pub(super) protocol: SocketProtocol,
    answers: Vec<SocketAnswer>,
    session: Arc<Session>,
    variables: PromptVariables,
    /// Whether the instructions are told apart from the prompt.
    tells_system: bool,
    /// What is known of the conversation.
    pub(super) captures: Captures,
    /// How long the site may say nothing at all, if it has promised to ping.
    pub(super) longest_silence: Option<Duration>,
    acks: u64,
}

impl OpenSocket {
    pub(super) fn new(
        stream: SocketStream,
        client: &SiteClient,
        socket: &SocketChat,
        variables: PromptVariables,
    ) -> Self {
        Self {
            stream,
            site: client.site.name.clone(),
            protocol: socket.protocol.clone(),
            answers: socket.answers.clone(),
            session: Arc::clone(&client.session),
            variables,
            tells_system: socket.steps.iter().any(|step| step.names(&VariableName::System)),
            captures: Captures::new(),
            longest_silence: None,
            acks: 0,
        }
    }

    /// Waits for the next message that is not the connection's own; `None` when the site has closed it. Pings are
    /// answered here only, so a client that does not read for long loses its answer.
    ///
    /// # Errors
    /// A broken connection.
    pub(super) async fn receive(&mut self) -> Result<Option<String>, Fault> {
        loop {
            let next = self.stream.next();
            let message = match self.longest_silence {
                Some(limit) => timeout(limit, next).await.map_err(|_| self.silent())?,
                None => next.await,
            };
            let text = match message {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Err(error)) => return Err(self.broken(&error)),
                Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
                Some(Ok(Message::Binary(_))) if self.is_socketio() => continue,
                Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            };
            match if self.is_socketio() { packet::read(&text)? } else { Packet::Other } {
                Packet::Ping => self.send(packet::PONG.to_owned()).await?,
                // The socket itself may stay, with nothing more to come.
                Packet::Close => return Ok(None),
                _ => {
                    self.answer(&text).await?;
                    return Ok(Some(text));
                }
            }
        }
    }

    /// Sends a message as it stands.
    ///
    /// # Errors
    /// A broken connection.
    pub(super) async fn send(&mut self, text: String) -> Result<(), Fault> {
        let sent = self.stream.send(Message::text(text)).await;
        sent.map_err(|error| self.broken(&error))
    }

    /// Sends an event of socket.io; returns the id under which it will be acknowledged, if that is asked for.
    ///
    /// # Errors
    /// A broken connection, or a name that stands for nothing.
    pub(super) async fn emit(&mut self, event: &SocketEvent, ack: bool) -> Result<Option<u64>, Fault> {
        let args = self.shapes(&event.args)?;
        let id = ack.then_some(self.acks);
        self.acks += u64::from(ack);
        let text = packet::emit(self.namespace(), id, &event.name, args);
        self.send(text).await?;
        Ok(id)
    }

    /// Sends JSON, or a text as it stands.
    ///
    /// # Errors
    /// A broken connection, or a name that stands for nothing.
    pub(super) async fn send_shape(&mut self, shape: &JsonTemplate) -> Result<(), Fault> {
        let value = self.fill().shape(shape)?;
        self.send(written(&value)).await
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        // The site may be gone already.
        self.stream.close(None).await.ok();
    }

    /// What placeholders stand for.
    pub(super) fn fill(&self) -> PlaceholderValues<'_> {
        let Self { variables: words, session, captures: values, tells_system, .. } = self;
        PlaceholderValues { variables: Some(words), session, captures: values, tells_system: *tells_system }
    }

    async fn answer(&mut self, text: &str) -> Result<(), Fault> {
        if self.answers.is_empty() {
            return Ok(());
        }
        let (name, data, id) = match self.is_socketio() {
            false => (String::new(), text.to_owned(), None),
            true => match packet::read(text)? {
                Packet::Event { name, data, id } => (name, data, id),
                _ => return Ok(()),
            },
        };
        let event =
            sse::SseEvent { name: name.as_bytes(), data: data.as_bytes(), ..sse::SseEvent::default() };
        let json: Option<Value> = serde_json::from_str(&data).ok();
        let seen = SiteEvent { event: &event, data: &data, json: json.as_ref() };
        let Some(answer) = self.answers.iter().find(|answer| fits(&answer.on, seen, &self.captures)) else {
            return Ok(());
        };
        match answer.reply.clone() {
            SocketReply::Ack(args) => {
                // An event that asks for none gets none.
                let Some(id) = id else { return Ok(()) };
                let args = self.shapes(&args)?;
                self.send(packet::ack(self.namespace(), id, args)).await
            }
            SocketReply::Emit(event) => self.emit(&event, false).await.map(drop),
            SocketReply::Send(shape) => self.send_shape(&shape).await,
        }
    }

    fn shapes(&self, shapes: &[JsonTemplate]) -> Result<Vec<Value>, Fault> {
        shapes.iter().map(|shape| self.fill().shape(shape)).collect()
    }

    /// Tells the log why the socket broke.
    fn broken(&self, error: &tungstenite::Error) -> Fault {
        use tungstenite::Error as Socket;

        // Whoever goes on with a socket that is closed was told so before.
        if !matches!(error, Socket::ConnectionClosed | Socket::AlreadyClosed) {
            NetworkError::of(error).log(&self.site, CALL);
        }
        Fault::Truncated
    }

    fn silent(&self) -> Fault {
        NetworkError::timeout("ping of the site").log(&self.site, CALL);
        Fault::Truncated
    }

    fn is_socketio(&self) -> bool {
        matches!(self.protocol, SocketProtocol::SocketIo { .. })
    }

    fn namespace(&self) -> &str {
        match &self.protocol {
            SocketProtocol::SocketIo { namespace, .. } => namespace,
            SocketProtocol::WebSocket => "/",
        }
    }
}

/// A message as the decoder's bytes.
pub(super) fn bytes(mut message: String) -> Bytes {
    message.push(char::from(SEPARATOR));
    message.into()
}
