//! How much a model is to think: the client's word, as the site knows it.

use std::{borrow::Cow, collections::BTreeMap};

use latchkey_shared::site::{
    Site,
    chat::effort::{Effort, EffortRules},
};
use serde_json::{Map, Value, value::RawValue};

use crate::{openai::request::raw, prompt::Prompt};

/// Where a chat says it.
const FIELD: &str = "reasoning_effort";

/// What a declared site is told: its own word, else the client's, else null.
pub(super) fn of(site: &Site, prompt: &Prompt) -> Value {
    match &site.chat.effort {
        Some(rules) => rules.told(prompt.effort).cloned().unwrap_or_default(),
        None => prompt.effort.map_or(Value::Null, |effort| effort.as_str().into()),
    }
}

/// Puts the site's own field in the place of the client's.
pub(super) fn tell<'a>(
    fields: &mut BTreeMap<&'a str, Cow<'a, RawValue>>,
    effort: Option<Effort>,
    rules: Option<&'a EffortRules>,
) {
    let Some(rules) = rules else { return };
    fields.remove(FIELD);
    if let (Some(told), Some((first, steps))) = (rules.told(effort), rules.field.split_first()) {
        let before = fields.get(first.as_str()).and_then(|raw| serde_json::from_str(raw.get()).ok());
        fields.insert(first, Cow::Owned(raw(&with(before.unwrap_or_default(), steps, told))));
    }
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
