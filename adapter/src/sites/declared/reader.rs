//! What events come to, by the rules of a site file. Knows no transport: whatever brings an answer, it is read here.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use latchkey_shared::site::{
    Site,
    chat::{
        Driver,
        stream::{
            StreamFormat, StreamRules,
            rule::{EventMeaning, QueuePosition, StreamRule, TextPlace, TextRelation, TextSource, TurnKind},
        },
    },
};
use serde_json::Value;

use super::{
    assemble::TextAssembler,
    matching::{SiteEvent, fits},
};
use crate::{
    sites::refusal,
    stream::{
        delta::{Captures, Delta, FinishReason},
        fault::{Fault, Rejection},
        halves,
        sse::SseEvent,
    },
};

/// No wait that a site asks for is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// Reads the events of one answer.
#[derive(Debug)]
pub(super) struct RuleInterpreter {
    pub(super) site: Arc<Site>,
    pub(super) state: ConversationState,
    /// Whether a rule has told the end.
    pub(super) ended: bool,
    /// Whether the last event that meant something said that the prompt waits.
    pub(super) queued: bool,
    text: TextAssembler,
    reasoning: TextAssembler,
    /// What told the last event apart.
    last: Option<String>,
}

impl RuleInterpreter {
    pub(super) fn new(site: Arc<Site>, state: ConversationState) -> Self {
        let text = TextAssembler::default();
        let reasoning = TextAssembler::default();
        Self { site, state, ended: false, queued: false, text, reasoning, last: None }
    }

    /// Takes one event.
    ///
    /// # Errors
    /// What the site reports, or what cannot be read.
    pub(super) fn event(&mut self, event: &SseEvent<'_>, out: &mut Vec<Delta>) -> Result<(), Fault> {
        if self.ended {
            return Ok(());
        }
        let site = Arc::clone(&self.site);
        let reading = reading(&site);
        let data = String::from_utf8_lossy(event.data);
        if reading.format == StreamFormat::Text {
            let new = self.text.take("", &data.into(), TextRelation::Piece, None)?;
            out.extend((!new.is_empty()).then_some(Delta::Text(new)));
            return Ok(());
        }
        let json = json(&data, reading)?;
        if json.as_ref().is_some_and(|json| self.is_repeated(reading, event, json)) {
            return Ok(());
        }
        let seen = SiteEvent { event, data: &data, json: json.as_ref() };
        match self.rule(reading, seen) {
            Some(rule) => self.apply(rule, reading, seen, out),
            None if seen.json.is_none() && must_be_json(reading, seen) => {
                Err(Fault::Unreadable("an event is not the JSON that it should be"))
            }
            None => Ok(()),
        }
    }

    /// Takes one event from before the answer, where only trouble means something.
    ///
    /// # Errors
    /// What the site reports.
    pub(super) fn trouble(&mut self, event: &SseEvent<'_>) -> Result<(), Fault> {
        let site = Arc::clone(&self.site);
        let reading = reading(&site);
        let data = String::from_utf8_lossy(event.data);
        let json = json(&data, reading)?;
        let seen = SiteEvent { event, data: &data, json: json.as_ref() };
        match self.rule(reading, seen) {
            Some(rule) => meaning(rule, seen).map(drop),
            None => Ok(()),
        }
    }

    fn rule<'a>(&self, reading: &'a StreamRules, event: SiteEvent<'_>) -> Option<&'a StreamRule> {
        let turn = if self.state.goes_on { TurnKind::Next } else { TurnKind::First };
        let in_turn = |rule: &&StreamRule| rule.turn.is_none_or(|only| only == turn);
        reading.on.iter().filter(in_turn).find(|rule| fits(&rule.on, event, &self.state.captures))
    }

    fn apply(
        &mut self,
        rule: &StreamRule,
        reading: &StreamRules,
        event: SiteEvent<'_>,
        out: &mut Vec<Delta>,
    ) -> Result<(), Fault> {
        let at = |pointer: &String| event.json.and_then(|json| json.pointer(pointer));
        take(&rule.take, event.json, &mut self.state.captures);
        let cursor = reading.cursor.as_deref();
        let part = rule.part.as_ref().and_then(at).map(Value::to_string).unwrap_or_default();
        if let Some(said) = &rule.reasoning {
            let new = self.reasoning.take(&part, &told(said, event), said.how, cursor)?;
            out.extend((!new.is_empty()).then_some(Delta::Reasoning(new)));
        }
        if let Some(said) = &rule.text {
            let new = self.text.take(&part, &told(said, event), said.how, cursor)?;
            out.extend((!new.is_empty()).then_some(Delta::Text(new)));
        }
        if let Some(reason) = rule.finish.as_ref().and_then(at).and_then(Value::as_str) {
            out.push(Delta::Finish(FinishReason::parse(reason).ok_or(Fault::Truncated)?));
        }
        let meaning = meaning(rule, event)?;
        self.ended = meaning == Some(EventMeaning::End);
        self.queued = rule.queue.is_some() || meaning == Some(EventMeaning::Queued);
        Ok(())
    }

    /// Whether the site sends the same event a second time.
    fn is_repeated(&mut self, reading: &StreamRules, event: &SseEvent<'_>, json: &Value) -> bool {
        let mark = match reading.unique.as_deref() {
            None => None,
            Some("id") => Some(String::from_utf8_lossy(event.id).into_owned()).filter(|id| !id.is_empty()),
            Some(pointer) => json.pointer(pointer).map(Value::to_string),
        };
        let repeated = mark.is_some() && mark == self.last;
        self.last = mark.or_else(|| self.last.take());
        repeated
    }
}

/// Takes values at JSON pointers; what is not there stays as it was.
pub(super) fn take(from: &BTreeMap<String, String>, json: Option<&Value>, captures: &mut Captures) {
    for (name, pointer) in from {
        let value = json.and_then(|json| json.pointer(pointer)).filter(|value| !value.is_null());
        captures.extend(value.map(|value| (name.clone(), value.clone())));
    }
}

/// Where a rule's text is, as it is told there.
fn told(source: &TextSource, event: SiteEvent<'_>) -> Value {
    match &source.place {
        TextPlace::Data => event.data.into(),
        TextPlace::At(pointer) => {
            event.json.and_then(|json| json.pointer(pointer)).cloned().unwrap_or_default()
        }
    }
}

/// What an event means, unless it is a fault.
fn meaning(rule: &StreamRule, event: SiteEvent<'_>) -> Result<Option<EventMeaning>, Fault> {
    let at = |pointer: &String| event.json.and_then(|json| json.pointer(pointer));
    let retry_after = rule.retry_after.as_ref().and_then(at).and_then(seconds);
    if let Some(QueuePosition { position, limit }) = &rule.queue
        && at(position).and_then(Value::as_u64).is_some_and(|before| before > *limit)
    {
        return Err(Fault::Busy { retry_after });
    }
    match rule.means {
        None | Some(EventMeaning::End | EventMeaning::Queued) => Ok(rule.means),
        Some(EventMeaning::Error) => {
            let reason = rule.reason.as_ref().and_then(at).map(Value::to_string);
            Err(refusal::reported(&reason.as_deref().unwrap_or(event.data).to_ascii_lowercase()))
        }
        Some(EventMeaning::RateLimited) => Err(Fault::RateLimited { retry_after }),
        Some(EventMeaning::Busy) => Err(Fault::Busy { retry_after }),
        Some(EventMeaning::Expired) => Err(Fault::SessionDead),
        Some(EventMeaning::Forgotten) => Err(Fault::ConversationGone),
        Some(EventMeaning::TooLong) => Err(Fault::Rejected(Rejection::TooLong)),
        Some(EventMeaning::UnknownModel) => Err(Fault::Rejected(Rejection::Model)),
    }
}

/// Whether an event that no rule knows is broken, and not merely of no interest.
fn must_be_json(reading: &StreamRules, event: SiteEvent<'_>) -> bool {
    match reading.format {
        StreamFormat::Ndjson | StreamFormat::Json | StreamFormat::Text => true,
        StreamFormat::Sse | StreamFormat::Messages | StreamFormat::Packets => {
            event.data.starts_with(['{', '['])
        }
    }
}

/// The event's JSON, out of the string that it may be wrapped in; `None` where it has none.
fn json(data: &str, reading: &StreamRules) -> Result<Option<Value>, Fault> {
    let Some(outer) = parse(data) else { return Ok(None) };
    let inner = reading.unwrap.as_ref().and_then(|pointer| outer.pointer(pointer)).and_then(Value::as_str);
    match inner.map(parse) {
        None => Ok(Some(outer)),
        Some(Some(inner)) => Ok(Some(inner)),
        Some(None) => Err(Fault::Unreadable("an event does not hold the JSON that it should")),
    }
}

/// JSON, half letters in its texts marked.
fn parse(data: &str) -> Option<Value> {
    serde_json::from_str(data).ok().or_else(|| serde_json::from_str(&halves::marked(data)?).ok())
}

fn seconds(value: &Value) -> Option<Duration> {
    let secs = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    Duration::try_from_secs_f64(secs).ok().map(|wait| wait.min(LONGEST_WAIT))
}

/// A conversation, as far as it is known before its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct ConversationState {
    /// Its values.
    pub(super) captures: Captures,
    /// Whether it is gone on with.
    pub(super) goes_on: bool,
}

/// How a site's answers are read.
pub(super) fn reading(site: &Site) -> &StreamRules {
    match &site.chat.driver {
        Driver::Http(http) => &http.stream,
        Driver::Socket(socket) => &socket.stream,
        Driver::OpenAi(_) => unreachable!("the decoder is made for sites of its drivers"),
    }
}
