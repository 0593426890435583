//! `[chat.socketio]` and `[chat.websocket]`: a chat over one socket, declared whole: how it is opened, what is sent
//! and waited for, how the answer is read, how it is stopped.
//!
//! Steps are taken in order; what comes after the last one is the answer. A value that a step takes out of what it
//! waited for may be named by every step after it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{
    conversation::{self, ConversationRules, RandomKind, RawConversation},
    request::{self, RawRequest, RequestTemplate},
    stream::{self, RawSocketEvents, StreamFormat, StreamRules},
    text::{JsonTemplate, TextTemplate, VariableName},
};
use crate::{SiteFileDiagnostic, mistake::SiteFileSource};

pub mod step;

use step::{RawAnswer, RawSocketStep, SocketAnswer, SocketStep};

/// A chat over one socket.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketChat {
    /// What is spoken.
    pub protocol: SocketProtocol,
    /// Random values, new for each turn unless the conversation keeps them.
    pub mint: BTreeMap<String, RandomKind>,
    /// What is asked over HTTP before the socket is opened, in order.
    pub requests: Vec<RequestTemplate>,
    /// Where the socket is, below the base URL; what is filled in is percent-encoded.
    pub path: TextTemplate,
    /// Headers of its opening, besides those of the session.
    pub headers: BTreeMap<String, TextTemplate>,
    /// What is sent and waited for before the answer begins.
    pub steps: Vec<SocketStep>,
    /// What is sent back at once, whenever certain events come.
    pub answers: Vec<SocketAnswer>,
    /// How the answer is read.
    pub stream: StreamRules,
    /// What stops an answer that nobody wants any more; empty where closing the socket does.
    pub cancel: Vec<SocketStep>,
    /// What is done after an answer whose conversation is not gone on with, whichever way it ended.
    pub cleanup: Vec<SocketStep>,
    /// How a conversation is gone on with, where the site keeps them; without it, each prompt is the whole one.
    pub conversation: Option<ConversationRules>,
}

/// What is spoken over a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketProtocol {
    /// Socket.IO 5 over Engine.IO 4, over a WebSocket from the start.
    SocketIo {
        /// The namespace; `/` is the main one.
        namespace: String,
        /// What is sent with the connection.
        auth: Option<JsonTemplate>,
    },
    /// Messages of a WebSocket, in the site's own words.
    WebSocket,
}

/// `[chat.socketio]` as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSocketIo {
    path: Spanned<String>,
    #[serde(default = "main_namespace")]
    namespace: Spanned<String>,
    auth: Option<Spanned<Value>>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    mint: BTreeMap<String, RandomKind>,
    #[serde(default)]
    requests: Vec<Spanned<RawRequest>>,
    steps: Spanned<Vec<Spanned<RawSocketStep>>>,
    #[serde(default)]
    answers: Vec<Spanned<RawAnswer>>,
    stream: Spanned<RawSocketEvents>,
    #[serde(default)]
    cancel: Vec<Spanned<RawSocketStep>>,
    #[serde(default)]
    cleanup: Vec<Spanned<RawSocketStep>>,
    conversation: Option<Spanned<RawConversation>>,
}

/// `[chat.websocket]` as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebSocket {
    path: Spanned<String>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    mint: BTreeMap<String, RandomKind>,
    #[serde(default)]
    requests: Vec<Spanned<RawRequest>>,
    steps: Spanned<Vec<Spanned<RawSocketStep>>>,
    #[serde(default)]
    answers: Vec<Spanned<RawAnswer>>,
    stream: Spanned<RawSocketEvents>,
    #[serde(default)]
    cancel: Vec<Spanned<RawSocketStep>>,
    #[serde(default)]
    cleanup: Vec<Spanned<RawSocketStep>>,
    conversation: Option<Spanned<RawConversation>>,
}

fn main_namespace() -> Spanned<String> {
    Spanned::new(0..0, "/".to_owned())
}

/// What both have.
struct SocketTable {
    name: &'static str,
    path: Spanned<String>,
    headers: BTreeMap<String, Spanned<String>>,
    mint: BTreeMap<String, RandomKind>,
    requests: Vec<Spanned<RawRequest>>,
    steps: Spanned<Vec<Spanned<RawSocketStep>>>,
    answers: Vec<Spanned<RawAnswer>>,
    stream: Spanned<RawSocketEvents>,
    cancel: Vec<Spanned<RawSocketStep>>,
    cleanup: Vec<Spanned<RawSocketStep>>,
    conversation: Option<Spanned<RawConversation>>,
}

pub(super) fn check_socketio(
    source: &SiteFileSource<'_>,
    raw: RawSocketIo,
    given: &BTreeSet<String>,
) -> Result<SocketChat, SiteFileDiagnostic> {
    let RawSocketIo { path, namespace, auth, headers, mint, requests, steps, answers, .. } = raw;
    let RawSocketIo { stream, cancel, cleanup, conversation, .. } = raw;
    if !namespace.get_ref().starts_with('/') || namespace.get_ref().contains(',') {
        let message = "chat.socketio.namespace must start with / and has no comma";
        return Err(source.mistake(namespace.span().start, message));
    }
    let name = "chat.socketio";
    let table = SocketTable {
        name,
        path,
        headers,
        mint,
        requests,
        steps,
        answers,
        stream,
        cancel,
        cleanup,
        conversation,
    };
    let (mut socket, known) = check(source, StreamFormat::Packets, table, given)?;
    let auth = auth.map(|auth| request::shape(source, "chat.socketio.auth", auth, &known)).transpose()?;
    socket.protocol = SocketProtocol::SocketIo { namespace: namespace.into_inner(), auth };
    Ok(socket)
}

pub(super) fn check_websocket(
    source: &SiteFileSource<'_>,
    raw: RawWebSocket,
    given: &BTreeSet<String>,
) -> Result<SocketChat, SiteFileDiagnostic> {
    let RawWebSocket { path, headers, mint, requests, steps, answers, stream, .. } = raw;
    let RawWebSocket { cancel, cleanup, conversation, .. } = raw;
    let name = "chat.websocket";
    let table = SocketTable {
        name,
        path,
        headers,
        mint,
        requests,
        steps,
        answers,
        stream,
        cancel,
        cleanup,
        conversation,
    };
    check(source, StreamFormat::Messages, table, given).map(|(socket, _)| socket)
}

/// The socket, without what is socket.io's own, and the values that are known before it is opened; its requests and
/// steps may name what is `given`.
fn check(
    source: &SiteFileSource<'_>,
    format: StreamFormat,
    raw: SocketTable,
    given: &BTreeSet<String>,
) -> Result<(SocketChat, BTreeSet<String>), SiteFileDiagnostic> {
    let in_table = |list: &str| format!("{}.{list}", raw.name);
    let mut known = conversation::known(given, &raw.mint, raw.conversation.as_ref());
    let requests = request::check_all(source, &in_table("requests"), raw.requests, &mut known)?;
    let opening: BTreeSet<String> = known.difference(given).cloned().collect();
    let path = request::path(source, raw.name, &raw.path, &opening)?;
    let headers = request::headers(source, raw.name, raw.headers, &opening)?;
    let steps_at = raw.steps.span().start;
    let all = raw.steps.get_ref().len();
    let steps = step::check_all(source, &in_table("steps"), format, raw.steps.into_inner(), &mut known)?;
    let tells = requests.iter().any(RequestTemplate::tells_the_prompt)
        || steps.iter().any(|step| step.names(&VariableName::Prompt) || step.names(&VariableName::Messages));
    // One that is wrong may be the one that tells it.
    if steps.len() == all && !tells {
        let message = format!(
            "{}: none tells the site what is asked; expected {{prompt}} or {{messages}}",
            in_table("steps")
        );
        return Err(source.mistake(steps_at, message));
    }
    known.retain(|name| !given.contains(name));
    let stream_at = raw.stream.span().start;
    let reading = raw.stream.into_inner().reading(format);
    known.extend(reading.taken().cloned());
    let stream = stream::check(source, &in_table("stream"), stream_at, reading, &known)?;
    let answers = step::check_answers(source, &in_table("answers"), format, raw.answers, &known)?;
    let cancel = step::check_all(source, &in_table("cancel"), format, raw.cancel, &mut known.clone())?;
    let cleanup = step::check_all(source, &in_table("cleanup"), format, raw.cleanup, &mut known.clone())?;
    let conversation = match raw.conversation {
        Some(conversation) => {
            Some(conversation::check(source, &in_table("conversation"), conversation, &known)?)
        }
        None => None,
    };
    let protocol = SocketProtocol::WebSocket;
    let mint = raw.mint;
    let socket = SocketChat {
        protocol,
        mint,
        requests,
        path,
        headers,
        steps,
        answers,
        stream,
        cancel,
        cleanup,
        conversation,
    };
    Ok((socket, opening))
}

#[cfg(test)]
mod tests;
