//! The JSON of sites that speak like OpenAI: what we send, and all the shapes in which they answer.
//!
//! Read leniently where sites differ and borrowed where they are long: this is parsed for every token.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::voices::{MessageContent, TextFields};
use crate::{
    openai::message::Message,
    stream::{
        delta::{CallFragment, Delta, FinishReason, Usage},
        fault::Fault,
    },
};

/// Fields by their names.
pub(super) type Fields<'a> = BTreeMap<&'a str, Cow<'a, RawValue>>;

/// What we send: the client's request, with what must be ours.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    /// The model as the site knows it.
    pub model: &'a str,
    /// As they came.
    pub messages: &'a [Message],
    /// As they came.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub tools: &'a [Box<RawValue>],
    /// Always: a long silence of the site must not look like a dead one.
    pub stream: bool,
    /// Asks for the usage chunk.
    pub stream_options: StreamOptions,
    /// As they came.
    #[serde(flatten)]
    pub rest: Fields<'a>,
}

/// Asks for the usage chunk.
#[derive(Debug, Serialize)]
pub(super) struct StreamOptions {
    /// Always.
    pub include_usage: bool,
}

/// One event, or one whole answer.
#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(default, borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
    #[serde(default, borrow)]
    object: Option<&'a RawValue>,
    #[serde(default, borrow, rename = "type")]
    kind: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default, borrow)]
    delta: Option<Said<'a>>,
    #[serde(default, borrow)]
    message: Option<Said<'a>>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Said<'a> {
    #[serde(default, borrow)]
    content: Option<MessageContent<'a>>,
    #[serde(default, borrow)]
    reasoning_content: Option<MessageContent<'a>>,
    #[serde(default, borrow)]
    reasoning: Option<MessageContent<'a>>,
    #[serde(default, borrow)]
    refusal: Option<MessageContent<'a>>,
    #[serde(default, borrow)]
    tool_calls: Option<Vec<CallPart<'a>>>,
}

#[derive(Debug, Deserialize)]
struct CallPart<'a> {
    #[serde(default, borrow)]
    index: Option<&'a RawValue>,
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    function: Option<FunctionPart<'a>>,
}

#[derive(Debug, Default, Deserialize)]
struct FunctionPart<'a> {
    #[serde(default, borrow)]
    name: Option<&'a RawValue>,
    #[serde(default, borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct UsagePart {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<CachedPart>,
    #[serde(default)]
    completion_tokens_details: Option<ReasoningPart>,
}

#[derive(Debug, Deserialize)]
struct CachedPart {
    cached_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct ReasoningPart {
    reasoning_tokens: Option<u64>,
}

impl Event<'_> {
    /// Whether it is an error that is not under the key `error`, as several servers write it.
    pub(super) fn is_error(&self) -> bool {
        let says = |raw: Option<&RawValue>| raw.is_some_and(|raw| raw.get() == "\"error\"");
        self.error.is_some() || says(self.object) || says(self.kind)
    }

    /// Whether it is no piece of an answer.
    pub(super) fn is_strange(&self) -> bool {
        self.choices.is_none() && self.usage.is_none()
    }

    /// Turns the event into deltas.
    ///
    /// # Errors
    /// When it says that the answer broke off, or a call cannot be read.
    pub(super) fn into_deltas(self, fields: &mut TextFields, out: &mut Vec<Delta>) -> Result<(), Fault> {
        for choice in self.choices.into_iter().flatten() {
            if choice.index.unwrap_or(0) == 0 {
                choice.into_deltas(fields, out)?;
            }
        }
        out.extend(self.usage.and_then(usage).map(Delta::Usage));
        Ok(())
    }
}

impl Choice<'_> {
    fn into_deltas(self, fields: &mut TextFields, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let whole = self.message.is_some();
        if let Some(said) = self.delta.or(self.message) {
            let reasoning = said.reasoning_content.filter(|said| !said.is_empty()).or(said.reasoning);
            reasoning.into_iter().for_each(|said| fields.think(said, out));
            [said.content, said.refusal].into_iter().flatten().for_each(|said| fields.say(said, out));
            for (position, call) in said.tool_calls.into_iter().flatten().enumerate() {
                let position = whole.then_some(position as u64);
                out.push(Delta::Fragment(call.into_fragment(position, fields)?));
            }
        }
        // Some sites write an empty reason, or the word, into every chunk where others write null.
        let Some(reason) = self.finish_reason.filter(|reason| !matches!(reason.as_str(), "" | "null")) else {
            return Ok(());
        };
        fields.end(out)?;
        out.push(Delta::Finish(FinishReason::parse(&reason).ok_or(Fault::Truncated)?));
        Ok(())
    }
}

impl CallPart<'_> {
    fn into_fragment(self, position: Option<u64>, fields: &mut TextFields) -> Result<CallFragment, Fault> {
        let function = self.function.unwrap_or_default();
        let index = position.or_else(|| self.index.and_then(number));
        let arguments = function.arguments.map(|raw| fields.arguments(index, raw)).transpose()?;
        Ok(CallFragment {
            index,
            id: self.id.and_then(text),
            name: function.name.and_then(text),
            arguments: arguments.unwrap_or_default(),
        })
    }
}

/// A text that says something; ids and names of other types are none.
fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok().filter(|text: &String| !text.is_empty())
}

fn number(raw: &RawValue) -> Option<u64> {
    raw.get().trim_matches('"').parse().ok()
}

/// What the site counted; all zeros are no count.
fn usage(raw: &RawValue) -> Option<Usage> {
    let part: UsagePart = serde_json::from_str(raw.get()).ok()?;
    let counted = part.prompt_tokens > 0 || part.completion_tokens > 0;
    counted.then_some(Usage {
        prompt: part.prompt_tokens,
        completion: part.completion_tokens,
        cached: part.prompt_tokens_details.and_then(|details| details.cached_tokens),
        reasoning: part.completion_tokens_details.and_then(|details| details.reasoning_tokens),
    })
}
