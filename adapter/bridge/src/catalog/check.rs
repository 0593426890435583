//! A compiled schema that costs no more than it may, whatever it says and whatever is held against it.
//!
//! What cannot be checked within that is left unchecked: an honest schema with a look-ahead must not end an agent.

use std::collections::HashSet;

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Value, json};

use super::{cost, loosen::loosen, walk};

/// Bytes of a compiled pattern; `^[\w-]{1,64}$` has 3 kB.
const PATTERN_BYTES: usize = 64 << 10;

/// Schemas below schemas, references followed: each is a frame of the compiler's stack.
const DEPTH: usize = 1000;

/// Keywords that change what a reference means: its cost cannot be told beforehand.
const FOREIGN: [&str; 7] =
    ["$id", "id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"];

/// A compiled schema.
pub(super) struct SchemaCheck {
    /// None where the schema is none, or nothing of it can be checked.
    validator: Option<Validator>,
    /// Whether all of the schema is in the validator.
    pub whole: bool,
}

/// What came of a check.
pub(super) enum CheckedValue {
    Fits,
    /// In sentences for the model.
    Differs(Vec<String>),
    /// It would have cost too much to find out.
    TooCostly,
}

impl SchemaCheck {
    pub(super) fn new(schema: &Value) -> Self {
        let unchecked = Self { validator: None, whole: false };
        if !ReferenceGraph::new(schema).is_followed() {
            return unchecked;
        }
        if let Ok(validator) = compile(schema) {
            return Self { validator: Some(validator), whole: true };
        }
        let mut rest = schema.clone();
        loosen(&mut rest, &|pattern| compile(&json!({"pattern": pattern})).is_ok());
        Self { validator: compile(&rest).ok(), ..unchecked }
    }

    /// At most `most` differences, each told by `tell`.
    pub(super) fn check(
        &self,
        schema: &Value,
        value: &Value,
        most: usize,
        tell: impl Fn(&ValidationError<'_>) -> String,
    ) -> CheckedValue {
        let Some(validator) = &self.validator else { return CheckedValue::Fits };
        if !cost::is_bearable(schema, value) {
            return CheckedValue::TooCostly;
        }
        let told: Vec<String> = validator.iter_errors(value).take(most).map(|error| tell(&error)).collect();
        if told.is_empty() { CheckedValue::Fits } else { CheckedValue::Differs(told) }
    }
}

/// With an engine whose time is linear in the text: it knows neither look-around nor back-references.
fn compile(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    let engine = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    jsonschema::options().should_validate_formats(false).with_pattern_options(engine).build(schema)
}

/// The references of a schema, followed as the compiler does: each target once.
struct ReferenceGraph<'a> {
    root: &'a Value,
    seen: HashSet<&'a str>,
    /// Targets whose schemas are still to be looked at.
    open: Vec<&'a Value>,
}

impl<'a> ReferenceGraph<'a> {
    fn new(root: &'a Value) -> Self {
        Self { root, seen: HashSet::new(), open: vec![root] }
    }

    /// Whether all of it can be followed, and no way through it is too deep: none is deeper than all targets, one below
    /// the other.
    fn is_followed(&mut self) -> bool {
        let mut depth = 0;
        while let Some(target) = self.open.pop() {
            let Some(height) = self.height(target) else { return false };
            depth += height;
        }
        depth <= DEPTH
    }

    /// How many schemas stand below one another in this one, itself included.
    fn height(&mut self, schema: &'a Value) -> Option<usize> {
        let Value::Object(fields) = schema else { return Some(1) };
        let is_root = std::ptr::eq(schema, self.root);
        let is_named = |keyword: &&str| fields.get(*keyword).is_some_and(Value::is_string);
        if !is_root && FOREIGN.iter().any(is_named) {
            return None;
        }
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str)
            && self.seen.insert(reference)
        {
            let pointer = reference.strip_prefix('#')?;
            self.open.push(self.root.pointer(pointer)?);
        }
        let mut highest = Some(0);
        for (keyword, value) in fields {
            walk::below(keyword, value, |schema| {
                highest = highest.and_then(|highest| Some(self.height(schema)?.max(highest)));
            });
        }
        highest.map(|highest| highest + 1)
    }
}
