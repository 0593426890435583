//! From what a block held to a call that fits its tool, or to a sentence that says why not.
//!
//! Never invents a value: what is missing or ambiguous goes back to the model.

use serde_json::{Map, Value};

use crate::{
    catalog::{Catalog, Tool},
    dialect::words,
    sieve::event::{Invalid, Kind},
    text::head,
};

mod coerce;
mod listed;
pub mod repair;

/// A name is told no longer than this; no tool's is.
const NAME_BYTES: usize = 128;

/// A fault is told no longer than this.
const DETAIL_BYTES: usize = 1000;

/// What a reader found; its closer was seen, or its JSON is whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The tool as the model names it, if the markup and not the JSON does so.
    pub name: Option<String>,
    /// What the block held.
    pub body: Body,
}

/// What a block held.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Parameters as text.
    Fields(Vec<(String, String)>),
    /// JSON of the arguments.
    Arguments(String),
    /// JSON of one or more calls.
    Calls(String),
    /// Nothing readable, and why.
    Malformed(&'static str),
}

/// A call that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitting {
    /// The tool's declared name.
    pub name: String,
    /// A JSON object.
    pub arguments: String,
    /// Whether its JSON was mended.
    pub repaired: bool,
}

/// What is wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    kind: Kind,
    name: String,
    detail: String,
}

/// Arguments before they are checked.
#[derive(Debug)]
enum Given {
    Fields(Vec<(String, String)>),
    Json(String),
}

impl Found {
    /// Makes calls of what was found.
    pub fn fit(self, catalog: &Catalog) -> Vec<Result<Fitting, Misfit>> {
        let name = self.name.unwrap_or_default();
        match self.body {
            Body::Fields(fields) => vec![fit(catalog, &name, Given::Fields(fields))],
            Body::Arguments(json) => vec![fit(catalog, &name, Given::Json(json))],
            Body::Calls(json) => listed::calls(catalog, &json),
            Body::Malformed(detail) => vec![Err(Misfit::new(Kind::Malformed, &name, detail.to_owned()))],
        }
    }
}

impl Misfit {
    /// What a model wrote where a name belongs may be megabytes, and is sent back to it.
    fn new(kind: Kind, name: &str, mut detail: String) -> Self {
        detail.truncate(head(&detail, DETAIL_BYTES).len());
        Self { kind, name: head(name, NAME_BYTES).to_owned(), detail }
    }

    /// With the markup that it was read from.
    pub fn into_invalid(self, raw: String) -> Invalid {
        Invalid { kind: self.kind, name: self.name, detail: self.detail, raw }
    }
}

/// Resolves the name, then the arguments.
fn fit(catalog: &Catalog, name: &str, given: Given) -> Result<Fitting, Misfit> {
    let Some(tool) = catalog.resolve(name) else { return Err(unresolved(catalog, name)) };
    match given {
        Given::Fields(fields) => check(tool, object(tool, fields)?, None),
        Given::Json(json) => fit_json(tool, json),
    }
}

fn unresolved(catalog: &Catalog, name: &str) -> Misfit {
    if name.trim().is_empty() {
        // Terse, and without a catalogue: models copy the list back.
        return Misfit::new(Kind::NoName, "", "the call names no tool".to_owned());
    }
    let name = head(name, NAME_BYTES);
    let nearest = catalog.nearest(name).join(", ");
    let detail = format!("there is no tool \"{name}\"; the nearest are: {nearest}");
    Misfit::new(Kind::UnknownTool, name, detail)
}

/// Parameters as an object of texts; the schema makes numbers of them later.
fn object(tool: &Tool, fields: Vec<(String, String)>) -> Result<Value, Misfit> {
    let mut object = Map::new();
    for (name, text) in fields {
        if object.insert(name.clone(), Value::String(text)).is_some() {
            let detail = format!("the parameter \"{name}\" is given twice");
            return Err(Misfit::new(Kind::Arguments, &tool.name, detail));
        }
    }
    Ok(Value::Object(object))
}

fn fit_json(tool: &Tool, json: String) -> Result<Fitting, Misfit> {
    let json = if json.trim().is_empty() { "{}".to_owned() } else { json };
    if let Ok(value) = serde_json::from_str::<Value>(&json) {
        return check(tool, value, Some(json));
    }
    let mended = repair::mend(&json, &coerce::keys(&tool.schema));
    let Some(value) = mended.and_then(|json| serde_json::from_str(&json).ok()) else {
        let why =
            serde_json::from_str::<Value>(&json).err().map(|error| error.to_string()).unwrap_or_default();
        return Err(Misfit::new(Kind::Json, &tool.name, format!("the arguments are not JSON: {why}")));
    };
    Ok(Fitting { repaired: true, ..check(tool, value, None)? })
}

/// Brings a value towards the schema and validates it. JSON that needs no change keeps its very bytes.
fn check(tool: &Tool, mut value: Value, json: Option<String>) -> Result<Fitting, Misfit> {
    let restored = restore(&mut value);
    let coerced = coerce::towards(&mut value, &tool.schema);
    if !value.is_object() {
        let detail = "the arguments must be a JSON object".to_owned();
        return Err(Misfit::new(Kind::Arguments, &tool.name, detail));
    }
    let differences = tool.differences(&value);
    if !differences.is_empty() {
        return Err(Misfit::new(Kind::Arguments, &tool.name, differences.join("; ")));
    }
    let arguments = match json {
        Some(json) if !restored && !coerced => json.trim().to_owned(),
        Some(_) | None => value.to_string(),
    };
    Ok(Fitting { name: tool.name.clone(), arguments, repaired: false })
}

/// Takes the dots out of all texts.
fn restore(value: &mut Value) -> bool {
    match value {
        Value::String(text) => match words::restore(text) {
            Some(restored) if restored != *text => {
                *text = restored;
                true
            }
            Some(_) | None => false,
        },
        Value::Array(values) => values.iter_mut().fold(false, |changed, value| restore(value) | changed),
        Value::Object(fields) => fields.values_mut().fold(false, |changed, value| restore(value) | changed),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
