//! Brings a value towards a schema: only in form, never in content.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::{items, keys::properties};

/// How deep references and nesting are followed.
const DEPTH: usize = 32;

/// So many values and variants are looked at; what comes after stays as it is.
const LOOKED_AT: usize = 1_000_000;

/// Brings a value towards a schema; says whether anything changed.
pub(super) fn towards(value: &mut Value, schema: &Value) -> bool {
    Coercion { root: schema, left: Cell::new(LOOKED_AT) }.value(value, schema, DEPTH)
}

struct Coercion<'a> {
    /// Where local references point into.
    root: &'a Value,
    left: Cell<usize>,
}

impl Coercion<'_> {
    fn value(&self, value: &mut Value, schema: &Value, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let schema = self.resolve(schema);
        if !self.spend(schema) {
            return false;
        }
        if let Some(variants) = variants(schema) {
            return self.variant(value, variants, depth);
        }
        let wanted = types(schema);
        let mut changed = false;
        if !wanted.is_empty() && !wanted.iter().any(|wanted| is(value, wanted)) {
            changed = convert(value, &wanted) || self.listed(value, schema, &wanted);
        }
        changed | trim_enum(value, schema) | self.inside(value, schema, depth)
    }

    /// Whether there is time to look at all that a schema lists.
    fn spend(&self, schema: &Value) -> bool {
        let values = |schema: &Value| schema.get("enum").and_then(Value::as_array).map_or(1, Vec::len);
        let variants = variants(schema).into_iter().flatten();
        let listed = values(schema) + variants.map(|variant| values(self.resolve(variant))).sum::<usize>();
        let left = self.left.get().checked_sub(listed);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Reads a list that was written as elements.
    fn listed(&self, value: &mut Value, schema: &Value, wanted: &[&str]) -> bool {
        let Some(items) = schema.get("items").filter(|_| wanted.contains(&"array")) else { return false };
        let items = self.resolve(items);
        let (Value::String(text), false) = (&*value, items.get("anyOf").or(items.get("oneOf")).is_some())
        else {
            return false;
        };
        let is_object = types(items).contains(&"object") || items.get("properties").is_some();
        let properties = properties(items);
        if is_object && properties.is_empty() {
            return false;
        }
        let Some(list) = items::read(text, &properties) else { return false };
        *value = list;
        true
    }

    /// Tries the variants that take the value's form as it is, then those that it can be brought to.
    fn variant(&self, value: &mut Value, variants: &[Value], depth: usize) -> bool {
        if let Some(variant) = self.fitting(value, variants) {
            return self.value(value, variant, depth);
        }
        let wanted: Vec<&str> = variants.iter().flat_map(|variant| types(self.resolve(variant))).collect();
        if !convert(value, &wanted) {
            return false;
        }
        if let Some(variant) = self.fitting(value, variants) {
            self.value(value, variant, depth);
        }
        true
    }

    fn fitting<'b>(&self, value: &Value, variants: &'b [Value]) -> Option<&'b Value> {
        variants.iter().find(|variant| {
            let wanted = types(self.resolve(variant));
            wanted.is_empty() || wanted.iter().any(|wanted| is(value, wanted))
        })
    }

    fn inside(&self, value: &mut Value, schema: &Value, depth: usize) -> bool {
        match value {
            Value::Object(fields) => self.fields(fields, schema, depth),
            Value::Array(values) => match schema.get("items") {
                Some(items) => {
                    values.iter_mut().fold(false, |changed, value| self.value(value, items, depth) | changed)
                }
                None => false,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    fn fields(&self, fields: &mut Map<String, Value>, schema: &Value, depth: usize) -> bool {
        let before = fields.len();
        let known = schema.get("properties").and_then(Value::as_object);
        let patterns = schema.get("patternProperties").is_some();
        if let (Some(known), Some(Value::Bool(false)), false) =
            (known, schema.get("additionalProperties"), patterns)
        {
            fields.retain(|name, _| known.contains_key(name));
        }
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let none = Map::new();
        let known = known.unwrap_or(&none);
        // Some models write null, or nothing, for what they leave out.
        fields.retain(|name, value| {
            let schema = known.get(name);
            let left_out = value.is_null() || schema.is_some_and(|schema| self.is_left_out(value, schema));
            !left_out
                || required.contains(&name.as_str())
                || (value.is_null() && schema.is_none_or(|schema| self.takes_null(schema)))
        });
        let mut changed = fields.len() != before;
        for (name, value) in fields.iter_mut() {
            let schema = known.get(name).or_else(|| schema.get("additionalProperties"));
            changed |= schema.is_some_and(|schema| self.value(value, schema, depth));
        }
        changed
    }

    fn takes_null(&self, schema: &Value) -> bool {
        let all = self.all_types(schema);
        all.is_empty() || all.contains(&"null")
    }

    /// Whether a text says that nothing is given, where the schema wants something that no text is.
    fn is_left_out(&self, value: &Value, schema: &Value) -> bool {
        let says_nothing =
            value.as_str().is_some_and(|text| matches!(text.trim(), "" | "null" | "None" | "undefined"));
        let all = self.all_types(schema);
        says_nothing && !all.is_empty() && !all.contains(&"string")
    }

    /// The types that a schema and its variants allow; none where one of them does not say.
    fn all_types<'b>(&'b self, schema: &'b Value) -> Vec<&'b str> {
        let schema = self.resolve(schema);
        let Some(variants) = variants(schema) else { return types(schema) };
        let of_variants: Vec<Vec<&str>> =
            variants.iter().map(|variant| types(self.resolve(variant))).collect();
        if of_variants.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        types(schema).into_iter().chain(of_variants.into_iter().flatten()).collect()
    }

    /// Follows references into the same document.
    fn resolve<'b>(&'b self, mut schema: &'b Value) -> &'b Value {
        for _ in 0..DEPTH {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
            let Some(found) = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer))
            else {
                break;
            };
            schema = found;
        }
        schema
    }
}

fn variants(schema: &Value) -> Option<&Vec<Value>> {
    ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)).and_then(Value::as_array)
}

/// The types that a schema allows; none if it does not say.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => match (schema.get("enum").and_then(Value::as_array), schema.get("const")) {
            (Some(values), _) => values.iter().map(type_of).collect(),
            (None, Some(value)) => vec![type_of(value)],
            (None, None) => Vec::new(),
        },
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() && number.as_f64().is_some_and(|n| n.fract() != 0.0) => {
            "number"
        }
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is(value: &Value, wanted: &str) -> bool {
    let found = type_of(value);
    found == wanted || (found == "integer" && wanted == "number")
}

/// Brings a value to one of the wanted types, if it plainly says the same.
fn convert(value: &mut Value, wanted: &[&str]) -> bool {
    let converted = match value {
        Value::String(text) => parse(text, wanted),
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            wanted.contains(&"string").then(|| Value::String(value.to_string()))
        }
    };
    converted.map(|converted| *value = converted).is_some()
}

/// What a text says when it is read as JSON or Python.
fn parse(text: &str, wanted: &[&str]) -> Option<Value> {
    let text = text.trim();
    let literal = match text {
        "True" | "TRUE" => "true",
        "False" | "FALSE" => "false",
        "None" => "null",
        _ => text,
    };
    let parsed = serde_json::from_str(literal)
        .ok()
        .or_else(|| super::repair::mend(text, &super::repair::KnownKeys::default())?.parse().ok());
    parsed.filter(|value| wanted.iter().any(|wanted| is(value, wanted)))
}

/// A word of a list with blanks around it.
fn trim_enum(value: &mut Value, schema: &Value) -> bool {
    let Some(allowed) = schema.get("enum").and_then(Value::as_array) else { return false };
    let Value::String(text) = value else { return false };
    let trimmed = Value::from(text.trim());
    if text.trim().len() == text.len() || !allowed.contains(&trimmed) {
        return false;
    }
    *value = trimmed;
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn coerced(schema: &Value, mut value: Value) -> Value {
        towards(&mut value, schema);
        value
    }

    #[test]
    fn texts_become_what_the_schema_wants() {
        let schema = json!({"properties": {
            "n": {"type": "integer"}, "f": {"type": "number"}, "b": {"type": "boolean"}, "s": {"type": "string"},
            "l": {"type": "array", "items": {"type": "integer"}}, "o": {"type": ["object", "null"]},
            "e": {"enum": ["a", "b"]}, "v": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "r": {"$ref": "#/$defs/r"}}, "$defs": {"r": {"type": "boolean"}}});

        let value = json!({"n": " 10\n", "f": "1.5", "b": "True", "s": "{\"a\": 1}", "l": "[1, \"2\"]",
            "o": "{'a': 1}", "e": "a\n", "v": "3", "r": "false"});

        let expected = json!({"n": 10, "f": 1.5, "b": true, "s": "{\"a\": 1}", "l": [1, 2], "o": {"a": 1},
            "e": "a", "v": 3, "r": false});
        assert_eq!(coerced(&schema, value), expected);
    }

    #[test]
    fn what_says_something_else_stays() {
        let schema =
            json!({"properties": {"n": {"type": "integer"}, "s": {"type": "string"}}, "required": ["s"]});

        assert_eq!(
            coerced(&schema, json!({"n": "ten", "s": null, "x": 1})),
            json!({"n": "ten", "s": null, "x": 1})
        );
        assert_eq!(coerced(&schema, json!({"n": null, "s": {"a": 1}})), json!({"s": "{\"a\":1}"}));
    }

    #[test]
    fn unknown_keys_go_only_where_they_are_forbidden() {
        let closed = json!({"properties": {"a": {}}, "additionalProperties": false});

        assert_eq!(coerced(&closed, json!({"a": 1, "b": 2})), json!({"a": 1}));
        assert_eq!(
            coerced(&json!({"properties": {"a": {}}}), json!({"a": 1, "b": 2})),
            json!({"a": 1, "b": 2})
        );
    }
}
