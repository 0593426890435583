//! What an event says and means, in an answer that a site file declares.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::event::{self, EventMatch, RawMatch};
use crate::{SiteFileDiagnostic, mistake::SiteFileSource, pointer::is_pointer};

/// The word for an event's data as it stands, where a JSON pointer would name a part of it.
pub const DATA: &str = "data";

/// What certain events say and mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamRule {
    /// Which events.
    pub on: EventMatch,
    /// Whether only at a conversation's beginning, or only where it is gone on with.
    pub turn: Option<TurnKind>,
    /// The answer's text in it.
    pub text: Option<TextSource>,
    /// The model's thinking in it.
    pub reasoning: Option<TextSource>,
    /// Where it tells to which part of the answer its text belongs, where that has several: each grows for itself.
    pub part: Option<String>,
    /// Values in it.
    pub take: BTreeMap<String, String>,
    /// Where it tells the reason of the end, in OpenAI's words or like them.
    pub finish: Option<String>,
    /// Where an error tells its reason; without it, all of its data may be that.
    pub reason: Option<String>,
    /// Where it tells how many seconds to wait.
    pub retry_after: Option<String>,
    /// Where it tells how many are before us in the site's queue, and how many may be.
    pub queue: Option<QueuePosition>,
    /// What else it means.
    pub means: Option<EventMeaning>,
}

/// The first turn of a conversation at the site, or one that goes on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TurnKind {
    /// It begins.
    First,
    /// It is gone on with.
    Next,
}

/// A text in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSource {
    /// Where.
    pub place: TextPlace,
    /// How it relates to what was said before.
    pub how: TextRelation,
}

/// Where in an event a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPlace {
    /// At a JSON pointer; the empty one is the whole value.
    At(String),
    /// The data is the text, as it stands.
    Data,
}

/// How a text relates to what was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextRelation {
    /// It comes after it.
    Piece,
    /// It is all of it, and more.
    SoFar,
    /// The first time all of it; then a list of edits to that, in Gradio's form `[["append", [], " word"]]`.
    Edits,
}

/// A place in the site's queue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuePosition {
    /// JSON pointer to how many are before us.
    pub position: String,
    /// With more before us, the site is too busy.
    pub limit: u64,
}

/// What an event means besides what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventMeaning {
    /// The answer is whole.
    End,
    /// The site, or the model behind it, failed.
    Error,
    /// The prompt waits in the site's queue: the time for the first token begins anew.
    Queued,
    /// The site asks this account to wait.
    RateLimited,
    /// The site has too much to do, whoever asks.
    Busy,
    /// The session is dead.
    Expired,
    /// The site does not know the conversation any more.
    Forgotten,
    /// The prompt is too long.
    TooLong,
    /// There is no such model.
    UnknownModel,
}

/// A rule as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::chat) struct RawRule {
    event: Option<String>,
    data: Option<String>,
    #[serde(default)]
    when: BTreeMap<String, Value>,
    #[serde(default)]
    has: Vec<String>,
    contains: Option<String>,
    turn: Option<TurnKind>,
    text: Option<String>,
    text_so_far: Option<String>,
    text_edits: Option<String>,
    reasoning: Option<String>,
    reasoning_so_far: Option<String>,
    part: Option<String>,
    #[serde(default)]
    take: BTreeMap<String, String>,
    finish: Option<String>,
    reason: Option<String>,
    retry_after: Option<String>,
    queue: Option<QueuePosition>,
    means: Option<EventMeaning>,
}

impl RawRule {
    /// The names of the values that it takes.
    pub(super) fn taken(&self) -> impl Iterator<Item = &String> {
        self.take.keys()
    }
}

/// Checks a rule that stands in `list`; it may name the values that are `known`.
///
/// # Errors
/// Its first mistake.
pub(super) fn check(
    source: &SiteFileSource<'_>,
    list: &str,
    raw: Spanned<RawRule>,
    known: &BTreeSet<String>,
) -> Result<StreamRule, SiteFileDiagnostic> {
    let at = raw.span().start;
    let raw = raw.into_inner();
    if let Some(bad) = raw.pointers().find(|pointer| !is_pointer(pointer)) {
        let message = format!("{list}: {bad:?} is no JSON pointer: it starts with /");
        return Err(source.mistake_near(at, bad, message));
    }
    let text = [
        (raw.text, TextRelation::Piece),
        (raw.text_so_far, TextRelation::SoFar),
        (raw.text_edits, TextRelation::Edits),
    ];
    let reasoning = [(raw.reasoning, TextRelation::Piece), (raw.reasoning_so_far, TextRelation::SoFar)];
    let said = |said: &[_], names| self::said(source, list, at, said, names);
    let text = said(&text, "text, text_so_far, text_edits")?;
    let reasoning = said(&reasoning, "reasoning, reasoning_so_far")?;
    let says = text.is_some() || reasoning.is_some() || raw.queue.is_some() || raw.means.is_some();
    if !says && raw.take.is_empty() && raw.finish.is_none() {
        let message =
            format!("{list}: the rule says nothing; expected text, reasoning, take, finish, queue or means");
        return Err(source.mistake(at, message));
    }
    let RawRule { event, data, when, has, contains, .. } = raw;
    let on = event::check(source, list, at, RawMatch { event, data, when, has, contains }, known)?;
    let RawRule { turn, part, take, finish, reason, retry_after, queue, means, .. } = raw;
    Ok(StreamRule { on, turn, text, reasoning, part, take, finish, reason, retry_after, queue, means })
}

impl RawRule {
    fn pointers(&self) -> impl Iterator<Item = &String> {
        let single = [&self.part, &self.finish, &self.reason, &self.retry_after].into_iter().flatten();
        single.chain(self.take.values()).chain(self.queue.as_ref().map(|queue| &queue.position))
    }
}

fn said(
    source: &SiteFileSource<'_>,
    list: &str,
    at: usize,
    said: &[(Option<String>, TextRelation)],
    names: &str,
) -> Result<Option<TextSource>, SiteFileDiagnostic> {
    let mut said = said.iter().filter_map(|(place, how)| Some((place.as_ref()?, *how)));
    let Some((text, how)) = said.next() else { return Ok(None) };
    if said.next().is_some() {
        return Err(source.mistake(at, format!("{list}: expected only one of {names}")));
    }
    let place = match text.as_str() {
        DATA => TextPlace::Data,
        pointer if pointer.is_empty() || is_pointer(pointer) => TextPlace::At(pointer.to_owned()),
        other => {
            let message = format!(
                "{list}: {other:?} is no JSON pointer: it starts with /, or is {DATA:?} for the data as it stands"
            );
            return Err(source.mistake_near(at, other, message));
        }
    };
    Ok(Some(TextSource { place, how }))
}
