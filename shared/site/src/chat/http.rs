//! `[chat.http]`: a chat over plain HTTP, declared whole: which requests, how their answer is read, how it is stopped.
//!
//! Requests are made in order; the answer of the last one is the stream. A value that a request takes out of its
//! answer, or that is minted here, may be named by every request after it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::{
    conversation::{self, ConversationRules, RandomKind, RawConversation},
    request::{self, RawRequest, RequestTemplate},
    stream::{self, RawStream, StreamRules},
};
use crate::{SiteFileDiagnostic, mistake::SiteFileSource};

/// A chat over plain HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpChat {
    /// Random values, new for each turn unless the conversation keeps them.
    pub mint: BTreeMap<String, RandomKind>,
    /// What is asked, in order; the last one's answer is the stream.
    pub requests: Vec<RequestTemplate>,
    /// How the stream is read.
    pub stream: StreamRules,
    /// What stops an answer that nobody wants any more; empty where closing the connection does.
    pub cancel: Vec<RequestTemplate>,
    /// What is done after an answer whose conversation is not gone on with, whichever way it ended.
    pub cleanup: Vec<RequestTemplate>,
    /// How a conversation is gone on with, where the site keeps them; without it, each prompt is the whole one.
    pub conversation: Option<ConversationRules>,
}

/// The table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    #[serde(default)]
    mint: BTreeMap<String, RandomKind>,
    requests: Spanned<Vec<Spanned<RawRequest>>>,
    stream: Spanned<RawStream>,
    #[serde(default)]
    cancel: Vec<Spanned<RawRequest>>,
    #[serde(default)]
    cleanup: Vec<Spanned<RawRequest>>,
    conversation: Option<Spanned<RawConversation>>,
}

/// Checks it; its requests may name what is `given`.
///
/// # Errors
/// Its first mistake.
pub(super) fn check(
    source: &SiteFileSource<'_>,
    raw: RawHttp,
    given: &BTreeSet<String>,
) -> Result<HttpChat, SiteFileDiagnostic> {
    let at = raw.requests.span().start;
    let mut known = conversation::known(given, &raw.mint, raw.conversation.as_ref());
    let all = raw.requests.get_ref().len();
    let requests = request::check_all(source, "chat.http.requests", raw.requests.into_inner(), &mut known)?;
    if all == 0 {
        return Err(source.mistake(at, "chat.http.requests: expected at least one request"));
    }
    // One that is wrong may be the one that tells it.
    if requests.len() == all && !requests.iter().any(RequestTemplate::tells_the_prompt) {
        let message =
            "chat.http.requests: none tells the site what is asked; expected {prompt} or {messages}";
        return Err(source.mistake(at, message));
    }
    known.retain(|name| !given.contains(name));
    let stream_at = raw.stream.span().start;
    known.extend(raw.stream.get_ref().taken().cloned());
    let stream = stream::check(source, "chat.http.stream", stream_at, raw.stream.into_inner(), &known)?;
    let cancel = request::check_all(source, "chat.http.cancel", raw.cancel, &mut known.clone())?;
    let cleanup = request::check_all(source, "chat.http.cleanup", raw.cleanup, &mut known.clone())?;
    let conversation =
        raw.conversation.map(|raw| conversation::check(source, "chat.http.conversation", raw, &known));
    Ok(HttpChat {
        mint: raw.mint,
        requests,
        stream,
        cancel,
        cleanup,
        conversation: conversation.transpose()?,
    })
}
