//! A tool's signature in one line, and sample arguments that fit it.

use std::{cell::Cell, collections::HashSet};

use serde_json::{Map, Value, json};

use crate::catalog::Tool;

/// Deeper types are only called objects.
const DEPTH: usize = 5;

/// So many types are told of one tool. A schema that names itself tells each of its children at every depth.
const TYPES: usize = 500;

/// So long are all values of a tool that are told: a list of values may be referred to from everywhere.
const VALUES_BYTES: usize = 16 << 10;

/// Writes `name(parameter: type, optional?: type)`.
pub(super) fn of(tool: &Tool) -> String {
    let writer = TypePrinter::of(tool);
    let fields = writer.fields(&tool.schema, DEPTH).unwrap_or_default();
    format!("{}({})", tool.name, fields.join(", "))
}

/// Arguments for an example: all required ones, each of its type.
pub(super) fn sample(tool: &Tool) -> Map<String, Value> {
    let types = TypePrinter::of(tool);
    required_of(&tool.schema)
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), types.sample(name, schema, DEPTH)))
        .collect()
}

struct TypePrinter<'a> {
    root: &'a Value,
    left: Cell<usize>,
    /// Bytes of values that may still be told.
    values: Cell<usize>,
}

impl<'a> TypePrinter<'a> {
    fn of(tool: &'a Tool) -> Self {
        Self { root: &tool.schema, left: Cell::new(TYPES), values: Cell::new(VALUES_BYTES) }
    }

    /// Whether one more type may be told.
    fn goes_on(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }

    fn fields(&self, schema: &Value, depth: usize) -> Option<Vec<String>> {
        let schema = self.resolve(schema);
        let properties = schema.get("properties")?.as_object()?;
        let required: HashSet<&str> = required(schema).into_iter().collect();
        let field = |(name, schema): (&String, &Value)| {
            let optional = if required.contains(name.as_str()) { "" } else { "?" };
            format!("{name}{optional}: {}", self.name(schema, depth))
        };
        Some(properties.iter().map(field).collect())
    }

    fn name(&self, schema: &Value, depth: usize) -> String {
        let schema = self.resolve(schema);
        let Some(depth) = self.goes_on().then(|| depth.checked_sub(1)).flatten() else {
            return "any".to_owned();
        };
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.values(values);
        }
        if let Some(value) = schema.get("const") {
            return self.values(std::slice::from_ref(value));
        }
        if let Some(variants) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
        {
            return variants.iter().map(|schema| self.name(schema, depth)).collect::<Vec<_>>().join(" | ");
        }
        match schema.get("type") {
            Some(Value::String(kind)) => self.of_kind(kind, schema, depth),
            Some(Value::Array(kinds)) => {
                let kinds = kinds.iter().filter_map(Value::as_str);
                kinds.map(|kind| self.of_kind(kind, schema, depth)).collect::<Vec<_>>().join(" | ")
            }
            _ => "any".to_owned(),
        }
    }

    /// Values, as far as there is room for them; an ellipsis stands for the others.
    fn values(&self, values: &[Value]) -> String {
        let mut told = Vec::new();
        for value in values {
            let Some(value) = self.value(value) else {
                told.push("…".to_owned());
                break;
            };
            told.push(value);
        }
        told.join(" | ")
    }

    /// A value as JSON, if there is room for it; for none after it otherwise.
    fn value(&self, value: &Value) -> Option<String> {
        let room = self.values.replace(0);
        let value = (room > 0).then(|| value.to_string()).filter(|value| value.len() < room)?;
        self.values.set(room - value.len());
        Some(value)
    }

    fn of_kind(&self, kind: &str, schema: &Value, depth: usize) -> String {
        match kind {
            "array" => match schema.get("items").map(|items| self.name(items, depth)) {
                Some(items) if items.contains('|') => format!("({items})[]"),
                Some(items) => format!("{items}[]"),
                None => "any[]".to_owned(),
            },
            // Where nothing may be told any more, not even names are.
            "object" if self.left.get() == 0 => "object".to_owned(),
            "object" => match self.fields(schema, depth) {
                Some(fields) => format!("{{{}}}", fields.join(", ")),
                None => "object".to_owned(),
            },
            kind => kind.to_owned(),
        }
    }

    fn sample(&self, name: &str, schema: &Value, depth: usize) -> Value {
        let schema = self.resolve(schema);
        let Some(depth) = self.goes_on().then(|| depth.checked_sub(1)).flatten() else { return Value::Null };
        if let Some(value) = schema.get("const").or_else(|| schema.pointer("/enum/0")) {
            return self.value(value).map_or(Value::Null, |_| value.clone());
        }
        if let Some(variant) = schema.pointer("/anyOf/0").or_else(|| schema.pointer("/oneOf/0")) {
            return self.sample(name, variant, depth);
        }
        let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
        match kind {
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
            Some("boolean") => json!(true),
            Some("null") => Value::Null,
            Some("array") => {
                schema.get("items").map_or(json!([]), |items| json!([self.sample(name, items, depth)]))
            }
            Some("object") => {
                let fields = required_of(schema);
                fields
                    .into_iter()
                    .map(|(name, schema)| (name.to_owned(), self.sample(name, schema, depth)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            _ => Value::from(sample_text(name)),
        }
    }

    fn resolve<'b>(&'b self, schema: &'b Value) -> &'b Value {
        let reference =
            schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        reference.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }
}

/// The properties that a schema requires.
fn required_of(schema: &Value) -> Vec<(&str, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    required(schema).into_iter().filter_map(|name| Some((name, properties?.get(name)?))).collect()
}

fn required(schema: &Value) -> Vec<&str> {
    let required = schema.get("required").and_then(Value::as_array);
    required.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A plausible text for a parameter of this name.
fn sample_text(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let known = [
        ("path", "src/main.rs"),
        ("file", "src/main.rs"),
        ("command", "ls -la"),
        ("pattern", "TODO"),
        ("query", "TODO"),
        ("url", "https://example.com/"),
        ("content", "first line\nsecond line\n"),
        ("old", "let a = 1;"),
        ("new", "let a = 2;"),
    ];
    known.into_iter().find(|(part, _)| name.contains(part)).map_or("some text", |(_, text)| text)
}
