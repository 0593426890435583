//! How an answer is read, whatever brings it: its framing, and rules for what its events mean.

use std::{collections::BTreeSet, time::Duration};

use serde::Deserialize;
use toml::Spanned;

use crate::{SiteFileDiagnostic, duration::some_duration, mistake::SiteFileSource, pointer::is_pointer};

pub mod event;
pub mod rule;

use rule::{EventMeaning, RawRule, StreamRule};

/// How the answer is read.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRules {
    /// How events are cut out of the bytes.
    pub format: StreamFormat,
    /// Ask for the last request's answer again and again, so often; each answer is one event.
    pub poll: Option<Duration>,
    /// Whether the end of the body is the end of the answer. Else a rule tells the end.
    pub body_ends: bool,
    /// What stands before the JSON of each line of `ndjson`, if anything.
    pub prefix: Option<String>,
    /// JSON pointer to a string in each event that is JSON itself and takes the event's place.
    pub unwrap: Option<String>,
    /// JSON pointer to what tells events apart, where the site sends some twice; `id` is the one of SSE.
    pub unique: Option<String>,
    /// What the site puts at the end of a text that is still being written.
    pub cursor: Option<String>,
    /// What events mean. The first rule that fits an event counts; an event that none fits means nothing.
    pub on: Vec<StreamRule>,
}

/// How events are cut out of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamFormat {
    /// Server-sent events, with or without JSON in them.
    Sse,
    /// JSON, one event a line.
    Ndjson,
    /// An array whose elements are the events, or one event alone.
    Json,
    /// The bytes are the text, in UTF-8.
    Text,
    /// Messages of a WebSocket, each an event; no file names it, `[chat.websocket]` means it.
    #[serde(skip)]
    Messages,
    /// Packets of Engine.IO, whose messages are events; no file names it, `[chat.socketio]` means it.
    #[serde(skip)]
    Packets,
}

/// `[chat.http.stream]` as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStream {
    format: StreamFormat,
    #[serde(default, deserialize_with = "some_duration")]
    poll: Option<Duration>,
    #[serde(default)]
    body_ends: bool,
    prefix: Option<String>,
    unwrap: Option<Spanned<String>>,
    unique: Option<Spanned<String>>,
    cursor: Option<String>,
    #[serde(default)]
    on: Vec<Spanned<RawRule>>,
}

/// The table of a socket, whose events need no cutting.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSocketEvents {
    unwrap: Option<Spanned<String>>,
    unique: Option<Spanned<String>>,
    cursor: Option<String>,
    #[serde(default)]
    on: Vec<Spanned<RawRule>>,
}

impl RawSocketEvents {
    /// As an answer that comes in this form.
    pub(super) fn reading(self, format: StreamFormat) -> RawStream {
        let Self { unwrap, unique, cursor, on } = self;
        RawStream { format, poll: None, body_ends: false, prefix: None, unwrap, unique, cursor, on }
    }
}

impl RawStream {
    /// The names of the values that its rules take.
    pub(super) fn taken(&self) -> impl Iterator<Item = &String> {
        self.on.iter().flat_map(|rule| rule.get_ref().taken())
    }
}

/// Checks the table `table`, which begins at `at`; its rules may name the values that are `known`.
///
/// # Errors
/// Its first mistake.
pub(super) fn check(
    source: &SiteFileSource<'_>,
    table: &str,
    at: usize,
    raw: RawStream,
    known: &BTreeSet<String>,
) -> Result<StreamRules, SiteFileDiagnostic> {
    for (name, pointer) in [("unwrap", &raw.unwrap), ("unique", &raw.unique)] {
        let Some(pointer) = pointer else { continue };
        if !is_pointer(pointer.get_ref()) && (name, pointer.get_ref().as_str()) != ("unique", "id") {
            let message = format!("{table}.{name} must be a JSON pointer: it starts with /");
            return Err(source.mistake(pointer.span().start, message));
        }
    }
    let all = raw.on.len();
    let list = format!("{table}.on");
    let rules = raw.on.into_iter().filter_map(|rule| source.keep(rule::check(source, &list, rule, known)));
    let on: Vec<StreamRule> = rules.collect();
    // One that is wrong may be the one that is missed below.
    let ends = raw.body_ends || on.len() < all || on.iter().any(|rule| rule.means == Some(EventMeaning::End));
    if !ends {
        let or = if is_socket(raw.format) { "" } else { ", or body_ends = true" };
        let message =
            format!("{table}: nothing tells the end; expected a rule in `on` with means = \"end\"{or}");
        return Err(source.mistake(at, message));
    }
    let speaks =
        raw.format == StreamFormat::Text || on.len() < all || on.iter().any(|rule| rule.text.is_some());
    if !speaks {
        let message = format!(
            "{table}: no rule in `on` tells where the text is; expected text, text_so_far or text_edits"
        );
        return Err(source.mistake(at, message));
    }
    if raw.format == StreamFormat::Text && (!on.is_empty() || !raw.body_ends) {
        let message =
            format!("{table}: format \"text\" has no events; expected body_ends = true and no `on`");
        return Err(source.mistake(at, message));
    }
    if raw.poll.is_some() && raw.format != StreamFormat::Json {
        return Err(source.mistake(at, format!("{table}: poll needs format = \"json\"")));
    }
    let unwrap = raw.unwrap.map(Spanned::into_inner);
    let unique = raw.unique.map(Spanned::into_inner);
    let RawStream { format, poll, body_ends, prefix, cursor, .. } = raw;
    Ok(StreamRules { format, poll, body_ends, prefix, unwrap, unique, cursor, on })
}

fn is_socket(format: StreamFormat) -> bool {
    matches!(format, StreamFormat::Messages | StreamFormat::Packets)
}
