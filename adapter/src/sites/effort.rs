//! How much a model is to think: the client's word, as the site knows it.

use std::{borrow::Cow, collections::BTreeMap};

use latchkey_shared::site::{Site, chat::effort::EffortRules};
use serde_json::{Map, Value, value::RawValue};

use crate::{openai::request::raw, prompt::Prompt};

/// Where a chat says it.
const FIELD: &str = "reasoning_effort";

type Fields = BTreeMap<String, Box<RawValue>>;

/// What a declared site is told: its own word, else the client's, else null.
pub(super) fn of(site: &Site, prompt: &Prompt) -> Value {
    match &site.chat.effort {
        Some(rules) => rules.told(prompt.effort).cloned().unwrap_or_default(),
        None => prompt.effort.map_or(Value::Null, |effort| effort.as_str().into()),
    }
}

/// The fields of a request, where the site's own stands in the place of the client's.
pub(super) fn rest<'a>(prompt: &'a Prompt, rules: Option<&EffortRules>) -> Cow<'a, Fields> {
    let Some(rules) = rules else { return Cow::Borrowed(&prompt.rest) };
    let mut rest = prompt.rest.clone();
    rest.remove(FIELD);
    if let (Some(told), Some((first, steps))) = (rules.told(prompt.effort), rules.field.split_first()) {
        let before = rest.get(first).and_then(|raw| serde_json::from_str(raw.get()).ok());
        rest.insert(first.clone(), raw(&with(before.unwrap_or_default(), steps, told)));
    }
    Cow::Owned(rest)
}

/// A value in which another one stands so deep.
fn with(value: Value, steps: &[String], told: &Value) -> Value {
    let Some((step, steps)) = steps.split_first() else { return told.clone() };
    let mut fields = match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let inner = fields.remove(step).unwrap_or_default();
    fields.insert(step.clone(), with(inner, steps, told));
    fields.into()
}
