//! One declared tool, and whether arguments fit it.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;

use super::{
    check::{CheckedValue, SchemaCheck},
    cost,
};
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
    check: OnceLock<SchemaCheck>,
    /// Whether something was asked of the check that it left undone.
    unchecked: AtomicBool,
}

impl Tool {
    pub(super) fn new(declared: &Value) -> Option<Self> {
        let function = declared.get("function").unwrap_or(declared);
        let name = function.get("name")?.as_str().filter(|name| !name.is_empty())?.to_owned();
        let description = function.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        let schema = function.get("parameters").or_else(|| function.get("input_schema")).cloned();
        let schema = schema.filter(Value::is_object).unwrap_or_else(|| serde_json::json!({"type": "object"}));
        Some(Self { name, description, schema, check: OnceLock::new(), unchecked: AtomicBool::new(false) })
    }

    /// Compiles the schema now, as many will be needed or it is large.
    pub fn compile(&self) {
        self.check.get_or_init(|| SchemaCheck::new(&self.schema));
    }

    /// What is wrong with arguments, in sentences for the model; nothing if they fit as far as that can be checked.
    pub fn differences(&self, arguments: &Value) -> Vec<String> {
        let check = self.check.get_or_init(|| SchemaCheck::new(&self.schema));
        let tell = |error: &jsonschema::ValidationError<'_>| {
            let place = error.instance_path().to_string();
            let text = error.masked_with("the value").to_string();
            let text = if place.is_empty() { text } else { format!("{place}: {text}") };
            cut(text)
        };
        let checked = check.check(&self.schema, arguments, TOLD, tell);
        if !check.whole || matches!(checked, CheckedValue::TooCostly) {
            self.unchecked.store(true, Ordering::Relaxed);
        }
        match checked {
            CheckedValue::Fits | CheckedValue::TooCostly => Vec::new(),
            CheckedValue::Differs(told) => told,
        }
    }

    /// Whether arguments were let through that the schema may refuse: it has a pattern that is not linear, or costs too
    /// much.
    pub fn is_unchecked(&self) -> bool {
        self.unchecked.load(Ordering::Relaxed)
    }

    /// Whether a value may be held against the schema: else that costs too much.
    pub(crate) fn bears(&self, value: &Value) -> bool {
        cost::is_bearable(&self.schema, value)
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
