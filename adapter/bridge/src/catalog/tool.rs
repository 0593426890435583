//! One declared tool, and whether arguments fit it.

use std::{fmt, sync::OnceLock};

use jsonschema::Validator;
use serde_json::Value;

use crate::text::head;

/// How many differences are told to a model at once.
const TOLD: usize = 3;

/// A difference longer than this is cut: schemas and values may be huge.
const TOLD_BYTES: usize = 240;

/// One tool.
pub struct Tool {
    /// As declared.
    pub name: String,
    /// As declared, or empty.
    pub description: String,
    /// JSON schema of its arguments.
    pub schema: Value,
    /// Compiled when first needed: most of a client's tools are not called in a turn.
    validator: OnceLock<Option<Validator>>,
}

impl Tool {
    pub(super) fn new(declared: &Value) -> Option<Self> {
        let function = declared.get("function").unwrap_or(declared);
        let name = function.get("name")?.as_str().filter(|name| !name.is_empty())?.to_owned();
        let description = function.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        let schema = function.get("parameters").or_else(|| function.get("input_schema")).cloned();
        let schema = schema.filter(Value::is_object).unwrap_or_else(|| serde_json::json!({"type": "object"}));
        Some(Self { name, description, schema, validator: OnceLock::new() })
    }

    /// What is wrong with arguments, in sentences for the model; nothing if they fit or the schema is unusable.
    pub fn differences(&self, arguments: &Value) -> Vec<String> {
        let compile = || jsonschema::options().should_validate_formats(false).build(&self.schema).ok();
        let Some(validator) = self.validator.get_or_init(compile) else { return Vec::new() };
        let tell = |error: jsonschema::ValidationError<'_>| {
            let place = error.instance_path().to_string();
            let text = error.masked_with("the value").to_string();
            let text = if place.is_empty() { text } else { format!("{place}: {text}") };
            cut(text)
        };
        validator.iter_errors(arguments).take(TOLD).map(tell).collect()
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TOLD_BYTES {
        text.truncate(head(&text, TOLD_BYTES).len());
        text.push('…');
    }
    text
}
