//! What the tools of one request may hold: more than any client declares, less than what holds a thread up.
//!
//! The largest client measured is Claude Code 2.1.332: 28 tools, 84 kB, 11 patterns. The limits leave room for dozens of
//! MCP servers beside it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::text::head;

/// Tools of one request.
const TOOLS: usize = 1024;

/// Bytes of all declarations, as JSON.
const BYTES: usize = 1 << 20;

/// Patterns in all schemas, each of them compiled.
const PATTERNS: usize = 1024;

/// References in all schemas.
const REFERENCES: usize = 4096;

/// Above either of these, schemas are too much for a thread that serves others.
const HEAVY_BYTES: usize = 256 << 10;
const HEAVY_COUNT: usize = 128;

/// A name is told no longer than this.
const NAME_BYTES: usize = 64;

/// The tools of a request hold more than is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tools[{index}] ({name}): {limit} in all tools")]
pub struct CatalogTooLarge {
    index: usize,
    name: String,
    /// What is taken.
    pub limit: CatalogLimit,
}

/// What is taken at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected at most {most} {what}")]
pub struct CatalogLimit {
    most: usize,
    what: &'static str,
}

/// What the schemas of a request hold so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SchemaTotals {
    tools: usize,
    bytes: usize,
    patterns: usize,
    references: usize,
}

/// Whether a thread that serves others should leave these declarations to another one; each is JSON as it came.
pub fn is_heavy<'a>(declared: impl Iterator<Item = &'a str>) -> bool {
    let (mut bytes, mut count) = (0, 0);
    for json in declared {
        bytes += json.len();
        // An escape may hide a keyword. No client has need of one there.
        count += ["\"pattern", "\"$ref", "\\u"].map(|mark| json.matches(mark).count()).iter().sum::<usize>();
    }
    HEAVY_BYTES < bytes || HEAVY_COUNT < count
}

impl CatalogTooLarge {
    pub(super) fn new(index: usize, json: &str, limit: CatalogLimit) -> Self {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            name: Option<Cow<'a, str>>,
            #[serde(borrow)]
            function: Option<Box<Named<'a>>>,
        }
        let named: Option<Named<'_>> = serde_json::from_str(json).ok();
        let name = named.and_then(|tool| tool.function.map_or(tool.name, |function| function.name));
        Self { index, name: head(&name.unwrap_or_default(), NAME_BYTES).to_owned(), limit }
    }
}

impl SchemaTotals {
    /// Adds a declaration and reads it.
    pub(super) fn add(&mut self, json: &str) -> Result<Value, CatalogLimit> {
        self.tools += 1;
        self.bytes += json.len();
        within(self.tools, TOOLS, "tools")?;
        within(self.bytes, BYTES, "bytes")?;
        let tool = serde_json::from_str(json).unwrap_or_default();
        self.count(&tool);
        within(self.patterns, PATTERNS, "patterns")?;
        within(self.references, REFERENCES, "references")?;
        Ok(tool)
    }

    fn count(&mut self, schema: &Value) {
        match schema {
            Value::Object(fields) => {
                self.patterns += usize::from(fields.get("pattern").is_some_and(Value::is_string));
                let patterns = fields.get("patternProperties").and_then(Value::as_object);
                self.patterns += patterns.map_or(0, serde_json::Map::len);
                self.references += usize::from(fields.get("$ref").is_some_and(Value::is_string));
                fields.values().for_each(|inner| self.count(inner));
            }
            Value::Array(inner) => inner.iter().for_each(|inner| self.count(inner)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn within(held: usize, most: usize, what: &'static str) -> Result<(), CatalogLimit> {
    if most < held { Err(CatalogLimit { most, what }) } else { Ok(()) }
}
