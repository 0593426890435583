//! From a site's bytes to deltas, by the rules of its file.

use std::{borrow::Cow, sync::Arc, time::Duration};

use latchkey_shared::site::{
    Site,
    chat::{
        Driver,
        http::stream::{Format, Meaning, Reading, Rule},
    },
};
use serde_json::Value;

use super::{framing::Framing, said::Channel};
use crate::{
    sites::refusal,
    stream::{
        Decode,
        delta::{Delta, Finish, Values},
        fault::{Fault, Rejection},
        sse::Event,
    },
};

/// No wait that a site asks for is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// Reads one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    framing: Framing,
    reader: Reader,
    framed: bool,
}

/// What the events so far have come to.
#[derive(Debug)]
struct Reader {
    site: Arc<Site>,
    text: Channel,
    reasoning: Channel,
    values: Values,
    /// What told the last event apart.
    last: Option<String>,
    ended: bool,
}

impl Decoder {
    /// For a site that chats over `[chat.http]`. `framed` says whether the body's end can be told from a cut.
    pub(super) fn new(site: Arc<Site>, values: Values, framed: bool) -> Self {
        let framing = Framing::new(reading(&site));
        let (text, reasoning) = (Channel::default(), Channel::default());
        let reader = Reader { site, text, reasoning, values, last: None, ended: false };
        Self { framing, reader, framed }
    }
}

impl Decode for Decoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Delta>) -> Result<(), Fault> {
        let reader = &mut self.reader;
        self.framing.push(bytes, &mut |event| reader.event(&event, out))
    }

    fn finish(&mut self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let reader = &mut self.reader;
        self.framing.finish(&mut |event| reader.event(&event, out))?;
        self.reader.ended |= self.framed && reading(&self.reader.site).body_ends;
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.reader.ended
    }

    fn values(&self) -> Values {
        self.reader.values.clone()
    }
}

fn reading(site: &Site) -> &Reading {
    match &site.chat.driver {
        Driver::Http(http) => &http.stream,
        Driver::OpenAi(_) => unreachable!("the decoder is made for sites of its driver"),
    }
}

impl Reader {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<Delta>) -> Result<(), Fault> {
        if self.ended {
            return Ok(());
        }
        let site = Arc::clone(&self.site);
        let reading = reading(&site);
        if reading.format == Format::Text {
            let text = String::from_utf8_lossy(event.data);
            return self.say(&text, out);
        }
        let data = String::from_utf8_lossy(event.data);
        let Some(json) = json(&data, reading)? else {
            return self.apply_first(reading, event, &data, None, out);
        };
        if self.is_repeated(reading, event, &json) {
            return Ok(());
        }
        self.apply_first(reading, event, &data, Some(&json), out)
    }

    fn apply_first(
        &mut self,
        reading: &Reading,
        event: &Event<'_>,
        data: &str,
        json: Option<&Value>,
        out: &mut Vec<Delta>,
    ) -> Result<(), Fault> {
        match reading.on.iter().find(|rule| fits(rule, event, data, json)) {
            Some(rule) => self.apply(rule, reading, data, json.unwrap_or(&Value::Null), out),
            None if json.is_none() && (reading.format != Format::Sse || data.starts_with(['{', '['])) => {
                Err(Fault::Unreadable("an event is not the JSON that it should be"))
            }
            None => Ok(()),
        }
    }

    fn apply(
        &mut self,
        rule: &Rule,
        reading: &Reading,
        data: &str,
        json: &Value,
        out: &mut Vec<Delta>,
    ) -> Result<(), Fault> {
        for (name, pointer) in &rule.take {
            if let Some(value) = json.pointer(pointer).filter(|value| !value.is_null()) {
                self.values.insert(name.clone(), value.clone());
            }
        }
        let cursor = reading.cursor.as_deref();
        if let Some(said) = &rule.reasoning {
            let told = json.pointer(&said.pointer).unwrap_or(&Value::Null);
            let new = self.reasoning.take(told, said.how, cursor)?;
            out.extend((!new.is_empty()).then_some(Delta::Reasoning(new)));
        }
        if let Some(said) = &rule.text {
            let told = json.pointer(&said.pointer).unwrap_or(&Value::Null);
            let new = self.text.take(told, said.how, cursor)?;
            out.extend((!new.is_empty()).then_some(Delta::Text(new)));
        }
        if let Some(reason) = rule.finish.as_ref().and_then(|at| json.pointer(at)).and_then(Value::as_str) {
            out.push(Delta::Finish(Finish::parse(reason).ok_or(Fault::Cut)?));
        }
        let retry_after = rule.retry_after.as_ref().and_then(|at| json.pointer(at)).and_then(seconds);
        match rule.means {
            None => Ok(()),
            Some(Meaning::End) => {
                self.ended = true;
                Ok(())
            }
            Some(Meaning::Error) => Err(refusal::reported(&data.to_ascii_lowercase())),
            Some(Meaning::RateLimited) => Err(Fault::RateLimited { retry_after }),
            Some(Meaning::Busy) => Err(Fault::Busy { retry_after }),
            Some(Meaning::Expired) => Err(Fault::SessionDead),
            Some(Meaning::TooLong) => Err(Fault::Rejected(Rejection::TooLong)),
            Some(Meaning::UnknownModel) => Err(Fault::Rejected(Rejection::Model)),
        }
    }

    fn say(&mut self, text: &str, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let new =
            self.text.take(&text.into(), latchkey_shared::site::chat::http::stream::How::Piece, None)?;
        out.extend((!new.is_empty()).then_some(Delta::Text(new)));
        Ok(())
    }

    /// Whether the site sends the same event a second time.
    fn is_repeated(&mut self, reading: &Reading, event: &Event<'_>, json: &Value) -> bool {
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

/// The event's JSON, out of the string that it may be wrapped in; `None` where it has none.
fn json(data: &str, reading: &Reading) -> Result<Option<Value>, Fault> {
    let Ok(outer) = serde_json::from_str::<Value>(data) else { return Ok(None) };
    let inner = reading.unwrap.as_ref().and_then(|pointer| outer.pointer(pointer)).and_then(Value::as_str);
    match inner.map(serde_json::from_str::<Value>) {
        None => Ok(Some(outer)),
        Some(Ok(inner)) => Ok(Some(inner)),
        Some(Err(_)) => Err(Fault::Unreadable("an event does not hold the JSON that it should")),
    }
}

fn fits(rule: &Rule, event: &Event<'_>, data: &str, json: Option<&Value>) -> bool {
    let at = |pointer: &str| json.and_then(|json| json.pointer(pointer));
    let name =
        || if event.name.is_empty() { Cow::Borrowed("message") } else { String::from_utf8_lossy(event.name) };
    rule.event.as_ref().is_none_or(|expected| name() == *expected)
        && rule.data.as_ref().is_none_or(|expected| data.trim() == *expected)
        && rule.when.iter().all(|(pointer, expected)| at(pointer) == Some(expected))
        && rule.has.iter().all(|pointer| at(pointer).is_some_and(|value| !value.is_null()))
        && rule.contains.as_ref().is_none_or(|part| data.to_lowercase().contains(&part.to_lowercase()))
}

fn seconds(value: &Value) -> Option<Duration> {
    let secs = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    Duration::try_from_secs_f64(secs).ok().map(|wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests;
