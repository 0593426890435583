//! How the answer of `[chat.http]` is read: its framing, and rules for what its events mean.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use crate::site::{
    SiteFileError,
    file::{is_pointer, some_duration},
    mistake::Source,
};

/// How the answer is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// How events are cut out of the bytes.
    pub format: Format,
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
    pub on: Vec<Rule>,
}

/// How events are cut out of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Server-sent events, with or without JSON in them.
    Sse,
    /// JSON, one event a line.
    Ndjson,
    /// An array whose elements are the events, or one event alone.
    Json,
    /// The bytes are the text, in UTF-8.
    Text,
}

/// Which events are meant, and what they say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// The event's name in SSE; `message` where it has none.
    pub event: Option<String>,
    /// Its data, as it stands.
    pub data: Option<String>,
    /// JSON pointers and what must be there.
    pub when: BTreeMap<String, Value>,
    /// JSON pointers where something other than null must be.
    pub has: Vec<String>,
    /// What its data must contain, whatever the case.
    pub contains: Option<String>,
    /// The answer's text in it.
    pub text: Option<Said>,
    /// The model's thinking in it.
    pub reasoning: Option<Said>,
    /// Values in it.
    pub take: BTreeMap<String, String>,
    /// Where it tells the reason of the end, in OpenAI's words or like them.
    pub finish: Option<String>,
    /// Where it tells how many seconds to wait.
    pub retry_after: Option<String>,
    /// What else it means.
    pub means: Option<Meaning>,
}

/// A text in an event, at a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Where.
    pub pointer: String,
    /// How it relates to what was said before.
    pub how: How,
}

/// How a text relates to what was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It comes after it.
    Piece,
    /// It is all of it, and more.
    SoFar,
    /// The first time all of it; then a list of edits to that, in Gradio's form `[["append", [], " word"]]`.
    Edits,
}

/// What an event means besides what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The answer is whole.
    End,
    /// The site, or the model behind it, failed.
    Error,
    /// The site asks this account to wait.
    RateLimited,
    /// The site has too much to do, whoever asks.
    Busy,
    /// The session is dead.
    Expired,
    /// The prompt is too long.
    TooLong,
    /// There is no such model.
    UnknownModel,
}

/// The table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReading {
    format: Format,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    event: Option<String>,
    data: Option<String>,
    #[serde(default)]
    when: BTreeMap<String, Value>,
    #[serde(default)]
    has: Vec<String>,
    contains: Option<String>,
    text: Option<String>,
    text_so_far: Option<String>,
    text_edits: Option<String>,
    reasoning: Option<String>,
    reasoning_so_far: Option<String>,
    #[serde(default)]
    take: BTreeMap<String, String>,
    finish: Option<String>,
    retry_after: Option<String>,
    means: Option<Meaning>,
}

pub(super) fn check(source: &Source<'_>, raw: Spanned<RawReading>) -> Result<Reading, SiteFileError> {
    let at = raw.span().start;
    let raw = raw.into_inner();
    for (name, pointer) in [("unwrap", &raw.unwrap), ("unique", &raw.unique)] {
        let Some(pointer) = pointer else { continue };
        if !is_pointer(pointer.get_ref()) && (name, pointer.get_ref().as_str()) != ("unique", "id") {
            let message = format!("chat.http.stream.{name} must be a JSON pointer: it starts with /");
            return Err(source.mistake(pointer.span().start, message));
        }
    }
    let on = raw.on.into_iter().map(|rule| self::rule(source, rule)).collect::<Result<Vec<_>, _>>()?;
    let ends = raw.body_ends || on.iter().any(|rule| rule.means == Some(Meaning::End));
    if !ends {
        let message = "chat.http.stream: nothing tells the end; expected a rule in `on` with means = \"end\", or \
            body_ends = true";
        return Err(source.mistake(at, message));
    }
    let speaks = raw.format == Format::Text || on.iter().any(|rule| rule.text.is_some());
    if !speaks {
        let message = "chat.http.stream: no rule in `on` tells where the text is; expected text, text_so_far or \
            text_edits";
        return Err(source.mistake(at, message));
    }
    if raw.format == Format::Text && (!on.is_empty() || !raw.body_ends) {
        let message =
            "chat.http.stream: format \"text\" has no events; expected body_ends = true and no `on`";
        return Err(source.mistake(at, message));
    }
    if raw.poll.is_some() && raw.format != Format::Json {
        return Err(source.mistake(at, "chat.http.stream: poll needs format = \"json\""));
    }
    let (unwrap, unique) = (raw.unwrap.map(Spanned::into_inner), raw.unique.map(Spanned::into_inner));
    let RawReading { format, poll, body_ends, prefix, cursor, .. } = raw;
    Ok(Reading { format, poll, body_ends, prefix, unwrap, unique, cursor, on })
}

fn rule(source: &Source<'_>, raw: Spanned<RawRule>) -> Result<Rule, SiteFileError> {
    let at = raw.span().start;
    let raw = raw.into_inner();
    let pointers = raw.when.keys().chain(&raw.has).chain(raw.take.values());
    let places = [&raw.text, &raw.text_so_far, &raw.text_edits, &raw.reasoning, &raw.reasoning_so_far];
    let places = places.into_iter().chain([&raw.finish, &raw.retry_after]).flatten();
    if let Some(bad) = pointers.chain(places).find(|pointer| !is_pointer(pointer)) {
        let message = format!("chat.http.stream.on: {bad:?} is no JSON pointer: it starts with /");
        return Err(source.mistake_near(at, bad, message));
    }
    let text = [(raw.text, How::Piece), (raw.text_so_far, How::SoFar), (raw.text_edits, How::Edits)];
    let reasoning = [(raw.reasoning, How::Piece), (raw.reasoning_so_far, How::SoFar)];
    let one = |said: &[(Option<String>, How)], names: &str| {
        let mut said = said.iter().filter_map(|(pointer, how)| Some((pointer.clone()?, *how)));
        let first = said.next().map(|(pointer, how)| Said { pointer, how });
        match said.next() {
            Some(_) => Err(source.mistake(at, format!("chat.http.stream.on: expected only one of {names}"))),
            None => Ok(first),
        }
    };
    let text = one(&text, "text, text_so_far, text_edits")?;
    let reasoning = one(&reasoning, "reasoning, reasoning_so_far")?;
    let says = text.is_some() || reasoning.is_some() || raw.means.is_some();
    if !says && raw.take.is_empty() && raw.finish.is_none() {
        let message =
            "chat.http.stream.on: the rule says nothing; expected text, reasoning, take, finish or means";
        return Err(source.mistake(at, message));
    }
    let RawRule { event, data, when, has, contains, take, finish, retry_after, means, .. } = raw;
    Ok(Rule { event, data, when, has, contains, text, reasoning, take, finish, retry_after, means })
}
