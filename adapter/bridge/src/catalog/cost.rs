//! What it may cost to hold a value against a schema, found out before it is done.
//!
//! References and variants let a schema of a few hundred bytes cost years (each of forty definitions names the next one
//! twice). Counted is every schema that would be applied to every part of the value: never less than the validator does.

use serde_json::{Map, Value};

use super::walk;

/// Steps of about 20 ns.
const BUDGET: usize = 300_000;

/// Schemas below schemas, references followed: each is a frame of the validator's stack.
const DEPTH: usize = 256;

/// A compiled pattern with a repetition may have so many states for each byte of text.
const REPEATED: usize = 1000;

/// To look whether an item is among others that were hashed.
const UNIQUE: usize = 8;

/// Keywords whose schemas apply to the same value.
const SAME: [&str; 10] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
    "contentSchema",
];

/// Keywords whose schemas apply to each item.
const ITEMS: [&str; 5] = ["items", "prefixItems", "additionalItems", "contains", "unevaluatedItems"];

/// Keywords whose schemas may apply to each member.
const MEMBERS: [&str; 3] = ["patternProperties", "additionalProperties", "unevaluatedProperties"];

/// Whether it costs no more than it may.
pub(super) fn is_bearable(schema: &Value, value: &Value) -> bool {
    CostEstimate { root: schema, left: BUDGET }.apply(schema, value, DEPTH).is_some()
}

struct CostEstimate<'a> {
    /// Where references point into.
    root: &'a Value,
    left: usize,
}

impl CostEstimate<'_> {
    fn spend(&mut self, steps: usize) -> Option<()> {
        self.left = self.left.checked_sub(steps)?;
        Some(())
    }

    /// None when it costs too much.
    fn apply(&mut self, schema: &Value, value: &Value, depth: usize) -> Option<()> {
        self.spend(1)?;
        let Value::Object(fields) = schema else { return Some(()) };
        let depth = depth.checked_sub(1)?;
        self.spend(own(fields, value))?;
        // These look at what all others have looked at, which is found out by asking them once more.
        let unevaluated = ["unevaluatedProperties", "unevaluatedItems"];
        let times = if unevaluated.iter().any(|keyword| fields.contains_key(*keyword)) { 2 } else { 1 };
        for _ in 0..times {
            self.applied(fields, value, depth)?;
        }
        Some(())
    }

    fn applied(&mut self, fields: &Map<String, Value>, value: &Value, depth: usize) -> Option<()> {
        if let Some(reference) = fields.get("$ref") {
            let target = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
            let root = self.root;
            self.apply(root.pointer(target?)?, value, depth)?;
        }
        for schema in schemas(fields, &SAME) {
            self.apply(schema, value, depth)?;
        }
        match value {
            Value::Object(members) => {
                let properties = fields.get("properties").and_then(Value::as_object);
                let of_any = schemas(fields, &MEMBERS);
                let of_names = fields.get("propertyNames");
                for (name, member) in members {
                    let own = properties.and_then(|properties| properties.get(name));
                    for schema in own.into_iter().chain(of_any.iter().copied()) {
                        self.apply(schema, member, depth)?;
                    }
                    if let Some(schema) = of_names {
                        self.apply(schema, &Value::from(name.as_str()), depth)?;
                    }
                }
            }
            Value::Array(items) => {
                let schemas = schemas(fields, &ITEMS);
                for item in items {
                    for schema in &schemas {
                        self.apply(schema, item, depth)?;
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Some(())
    }
}

/// What the keywords cost that apply no schema.
fn own(fields: &Map<String, Value>, value: &Value) -> usize {
    let listed = ["enum", "required"].iter().filter_map(|keyword| fields.get(*keyword)?.as_array());
    let listed: usize = listed.map(Vec::len).sum();
    let texts = match value {
        Value::String(text) => fields.get("pattern").map_or(0, |pattern| matching(pattern.as_str(), text)),
        Value::Object(members) => {
            let patterns = fields.get("patternProperties").and_then(Value::as_object);
            let patterns = patterns.into_iter().flat_map(Map::keys);
            patterns.flat_map(|pattern| members.keys().map(|name| matching(Some(pattern), name))).sum()
        }
        Value::Array(items) if fields.contains_key("uniqueItems") => items.len().saturating_mul(UNIQUE),
        _ => 0,
    };
    listed.saturating_add(texts)
}

/// What it costs to look for a pattern in a text, at worst: so many states for each of its bytes.
fn matching(pattern: Option<&str>, text: &str) -> usize {
    let Some(pattern) = pattern else { return 0 };
    let states = if pattern.contains('{') { REPEATED.max(pattern.len()) } else { pattern.len() };
    states.saturating_mul(text.len()) / 8
}

/// The schemas below some keywords.
fn schemas<'a>(fields: &'a Map<String, Value>, keywords: &[&str]) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for keyword in keywords {
        if let Some(value) = fields.get(*keyword) {
            walk::below(keyword, value, |schema| found.push(schema));
        }
    }
    found
}
