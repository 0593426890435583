//! The JSON of sites that speak like OpenAI: what we send, and all the shapes in which they answer.
//!
//! Read leniently where sites differ and borrowed where they are long: this is parsed for every token.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    sites::refusal,
    stream::{
        delta::{Delta, Finish, Fragment, Usage},
        fault::Fault,
    },
};

/// What we send: the client's request, with what must be ours.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    /// The model as the site knows it.
    pub model: &'a str,
    /// As they came.
    pub messages: &'a [Box<RawValue>],
    /// As they came.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub tools: &'a [Box<RawValue>],
    /// Always: a long silence of the site must not look like a dead one.
    pub stream: bool,
    /// Asks for the usage chunk.
    pub stream_options: StreamOptions,
    /// As it came.
    #[serde(flatten)]
    pub rest: &'a BTreeMap<String, Box<RawValue>>,
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
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
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
    /// Turns the event into deltas.
    ///
    /// # Errors
    /// When the event is an error, or says that the answer broke off.
    pub(super) fn into_deltas(self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        if let Some(error) = self.error {
            return Err(refusal::reported(&error.get().to_ascii_lowercase()));
        }
        for choice in self.choices.into_iter().flatten() {
            if choice.index.unwrap_or(0) == 0 {
                choice.into_deltas(out)?;
            }
        }
        out.extend(self.usage.and_then(usage).map(Delta::Usage));
        Ok(())
    }
}

impl Choice<'_> {
    fn into_deltas(self, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let whole = self.message.is_some();
        if let Some(said) = self.delta.or(self.message) {
            let reasoning = said.reasoning_content.or(said.reasoning).filter(|text| !text.is_empty());
            out.extend(reasoning.map(Delta::Reasoning));
            let texts = [said.content, said.refusal].into_iter().flatten();
            out.extend(texts.filter(|text| !text.is_empty()).map(Delta::Text));
            for (position, call) in said.tool_calls.into_iter().flatten().enumerate() {
                let position = whole.then_some(position as u64);
                out.push(Delta::Fragment(call.into_fragment(position)));
            }
        }
        // Some sites write an empty reason, or the word, into every chunk where others write null.
        let Some(reason) = self.finish_reason.filter(|reason| !matches!(reason.as_str(), "" | "null")) else {
            return Ok(());
        };
        out.push(Delta::Finish(Finish::parse(&reason).ok_or(Fault::Cut)?));
        Ok(())
    }
}

impl CallPart<'_> {
    fn into_fragment(self, position: Option<u64>) -> Fragment {
        let function = self.function.unwrap_or_default();
        Fragment {
            index: position.or_else(|| self.index.and_then(number)),
            id: self.id.and_then(text),
            name: function.name.and_then(text),
            arguments: function.arguments.map(arguments).unwrap_or_default(),
        }
    }
}

/// A text that says something; ids and names of other types are none.
fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok().filter(|text: &String| !text.is_empty())
}

fn number(raw: &RawValue) -> Option<u64> {
    raw.get().trim_matches('"').parse().ok()
}

/// The JSON text of arguments, which some sites send as the object itself.
fn arguments(raw: &RawValue) -> String {
    match raw.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw.get()).unwrap_or_default(),
        Some(b'n') | None => String::new(),
        Some(_) => raw.get().to_owned(),
    }
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
