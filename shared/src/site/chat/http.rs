//! `[chat.http]`: a chat over plain HTTP, declared whole: which requests, how their answer is read, how it is stopped.
//!
//! Requests are made in order; the answer of the last one is the stream. A value that a request takes out of its
//! answer, or that is minted here, may be named by every request after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Deserialize;
use toml::Spanned;

use crate::site::{SiteFileError, file::duration, mistake::Source};

pub mod request;
pub mod stream;
pub mod text;

use request::{RawRequest, Request};
use stream::{RawReading, Reading};

/// A chat over plain HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Random values, new for each conversation.
    pub mint: BTreeMap<String, Mint>,
    /// What is asked, in order; the last one's answer is the stream.
    pub requests: Vec<Request>,
    /// How the stream is read.
    pub stream: Reading,
    /// What stops an answer that nobody wants any more; empty where closing the connection does.
    pub cancel: Vec<Request>,
    /// What is done after an answer whose conversation is not gone on with, whichever way it ended.
    pub cleanup: Vec<Request>,
    /// How a conversation is gone on with, where the site keeps them; without it, each prompt is the whole one.
    pub conversation: Option<Conversation>,
}

/// A kind of random value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mint {
    /// A UUID of version 4 (RFC 9562).
    Uuid,
    /// 32 hexadecimal digits.
    Hex,
    /// 12 of a-z and 0-9.
    Alnum,
}

/// How a conversation is gone on with.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// The values with which it is.
    pub keep: BTreeSet<String>,
    /// Those which nobody mints or takes before the first request, and what they are then.
    pub start: BTreeMap<String, String>,
    /// How long the site remembers it at least.
    pub ttl: Duration,
}

/// The table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    #[serde(default)]
    mint: BTreeMap<String, Mint>,
    requests: Spanned<Vec<Spanned<RawRequest>>>,
    stream: Spanned<RawReading>,
    #[serde(default)]
    cancel: Vec<Spanned<RawRequest>>,
    #[serde(default)]
    cleanup: Vec<Spanned<RawRequest>>,
    conversation: Option<Spanned<RawConversation>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConversation {
    keep: BTreeSet<String>,
    #[serde(default)]
    start: BTreeMap<String, String>,
    #[serde(default = "default_ttl", deserialize_with = "duration")]
    ttl: Duration,
}

fn default_ttl() -> Duration {
    Duration::from_secs(30 * 60)
}

pub(super) fn check(source: &Source<'_>, raw: RawHttp) -> Result<Http, SiteFileError> {
    let at = raw.requests.span().start;
    let mut known: BTreeSet<String> = raw.mint.keys().cloned().collect();
    if let Some(conversation) = &raw.conversation {
        known.extend(conversation.get_ref().start.keys().cloned());
    }
    let requests = request::check_all(source, "requests", raw.requests.into_inner(), &mut known)?;
    if requests.is_empty() {
        return Err(source.mistake(at, "chat.http.requests: expected at least one request"));
    }
    let stream = stream::check(source, raw.stream)?;
    known.extend(stream.on.iter().flat_map(|rule| rule.take.keys().cloned()));
    let cancel = request::check_all(source, "cancel", raw.cancel, &mut known.clone())?;
    let cleanup = request::check_all(source, "cleanup", raw.cleanup, &mut known.clone())?;
    let conversation = raw.conversation.map(|raw| conversation(source, raw, &known)).transpose()?;
    Ok(Http { mint: raw.mint, requests, stream, cancel, cleanup, conversation })
}

fn conversation(
    source: &Source<'_>,
    raw: Spanned<RawConversation>,
    known: &BTreeSet<String>,
) -> Result<Conversation, SiteFileError> {
    let at = raw.span().start;
    let RawConversation { keep, start, ttl } = raw.into_inner();
    if keep.is_empty() {
        return Err(source.mistake(at, "chat.http.conversation.keep: expected at least one value"));
    }
    match keep.iter().find(|name| !known.contains(*name)) {
        Some(name) => {
            let message = format!("chat.http.conversation.keep: {}", text::unknown_value(name, known));
            Err(source.mistake_near(at, name, message))
        }
        None => Ok(Conversation { keep, start, ttl }),
    }
}
