//! Reads one call: its name and its arguments towards a declared tool.

use serde_json::{Map, Value};

use super::{
    coerce, escapes,
    invalid::{InvalidCall, InvalidKind},
    keys, repair, unique,
};
use crate::{
    catalog::{Catalog, Tool},
    dialect::{is_plain, look_alike, tag::Lexicon},
    text::head,
};

/// A name is told no longer than this; no tool's is.
const NAME_BYTES: usize = 128;

/// A fault is told no longer than this.
const DETAIL_BYTES: usize = 1000;

/// A call that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidCall {
    /// The tool's declared name.
    pub name: String,
    /// A JSON object.
    pub arguments: String,
    /// Whether its JSON was mended.
    pub repaired: bool,
}

/// What is wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    kind: InvalidKind,
    name: String,
    detail: String,
    arguments: Option<String>,
}

/// Arguments before they are checked.
#[derive(Debug)]
pub(super) enum RawArguments {
    Fields(Vec<(String, String)>),
    Json(String),
}

impl CallError {
    /// What a model wrote where a name belongs may be megabytes, and is sent back to it.
    pub(super) fn new(kind: InvalidKind, name: &str, mut detail: String) -> Self {
        detail.truncate(head(&detail, DETAIL_BYTES).len());
        Self { kind, name: head(name, NAME_BYTES).to_owned(), detail, arguments: None }
    }

    /// With the markup that it was read from.
    pub fn into_invalid(self, raw: String) -> InvalidCall {
        let Self { kind, name, detail, arguments } = self;
        InvalidCall { kind, name, detail, raw, arguments }
    }
}

/// Reads calls of the tools that a request declares.
pub(super) struct CallReader<'a> {
    pub(super) catalog: &'a Catalog,
    /// Knows our tags; none where a site makes calls by itself.
    pub(super) lexicon: Option<Lexicon>,
}

impl CallReader<'_> {
    /// Resolves the name, then the arguments.
    pub(super) fn fit(&self, name: &str, given: RawArguments) -> Result<ValidCall, CallError> {
        let Some(tool) = self.catalog.resolve(name) else {
            return Err(CallError { arguments: self.as_written(given), ..unresolved(self.catalog, name) });
        };
        match given {
            RawArguments::Fields(fields) => self.check(tool, object(tool, fields)?, None),
            RawArguments::Json(json) => self.fit_json(tool, json),
        }
    }

    fn fit_json(&self, tool: &Tool, json: String) -> Result<ValidCall, CallError> {
        let json = if json.trim().is_empty() { "{}".to_owned() } else { json };
        if let Some(key) = unique::doubled(&json) {
            let detail = format!("the key \"{key}\" is given twice in one object");
            return Err(CallError::new(InvalidKind::Json, &tool.name, detail));
        }
        if let Ok(value) = serde_json::from_str::<Value>(&json) {
            return self.check(tool, value, Some(json));
        }
        let mended = repair::mend(&json, &keys::KnownKeys::of(&tool.schema));
        let Some(value) = mended.and_then(|json| serde_json::from_str(&json).ok()) else {
            let why =
                serde_json::from_str::<Value>(&json).err().map(|error| error.to_string()).unwrap_or_default();
            return Err(CallError::new(
                InvalidKind::Json,
                &tool.name,
                format!("the arguments are not JSON: {why}"),
            ));
        };
        Ok(ValidCall { repaired: true, ..self.check(tool, value, None)? })
    }

    /// The arguments of a tool that is not declared, where they have one meaning without a schema.
    fn as_written(&self, arguments: RawArguments) -> Option<String> {
        let lexicon = self.lexicon.as_ref()?;
        let (mut value, json) = match arguments {
            RawArguments::Fields(fields) => (plain_object(fields)?, None),
            RawArguments::Json(json) if unique::doubled(&json).is_some() => return None,
            RawArguments::Json(json) => (serde_json::from_str(&json).ok()?, Some(json)),
        };
        if !value.is_object() || holds(&value, lexicon) {
            return None;
        }
        let restored = unescape_markup(&mut value, lexicon);
        Some(json.filter(|_| !restored).map_or_else(|| value.to_string(), |json| json.trim().to_owned()))
    }

    /// Brings a value towards the schema and validates it. JSON that needs no change keeps its very bytes.
    fn check(&self, tool: &Tool, mut value: Value, json: Option<String>) -> Result<ValidCall, CallError> {
        let wrong = |detail: &str| CallError::new(InvalidKind::Arguments, &tool.name, detail.to_owned());
        let restored = match &self.lexicon {
            None => false,
            // Nobody but the model knows our nonce: a tag that holds it is markup, and the value is more than was meant.
            Some(lexicon) if holds(&value, lexicon) => {
                return Err(wrong(
                    "a value holds tags of the form itself: a tag before it is missing or wrong",
                ));
            }
            Some(lexicon) => unescape_markup(&mut value, lexicon),
        };
        if let Some(other) = self.merged(tool, &value) {
            return Err(wrong(&format!("it holds the parameters of {other} too: write each call by itself")));
        }
        let coerced = tool.bears(&value) && coerce::towards(&mut value, &tool.schema);
        if !value.is_object() {
            return Err(wrong("the arguments must be a JSON object"));
        }
        let differences = tool.differences(&value);
        if !differences.is_empty() {
            return Err(wrong(&differences.join("; ")));
        }
        if self.lexicon.is_some()
            && let Some(name) = escapes::in_a_command(&value)
        {
            return Err(wrong(&format!(
                "{name} holds &amp; or the like where a shell wants the letter itself"
            )));
        }
        let arguments = match json {
            Some(json) if !restored && !coerced => json.trim().to_owned(),
            Some(_) | None => value.to_string(),
        };
        Ok(ValidCall { name: tool.name.clone(), arguments, repaired: false })
    }

    /// The tool whose call stands in one with this tool's: all that it requires is there, and is not this tool's.
    fn merged(&self, tool: &Tool, value: &Value) -> Option<&str> {
        let given = value.as_object()?;
        let own = keys::properties(&tool.schema);
        if own.is_empty() || given.keys().all(|key| own.contains(&key.as_str())) {
            return None;
        }
        let stands_there = |other: &&Tool| {
            let required = other.schema.get("required").and_then(Value::as_array);
            let required: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
            required.iter().all(|key| given.contains_key(*key))
                && required.iter().any(|key| !own.contains(key))
        };
        self.catalog.tools().iter().find(stands_there).map(|other| other.name.as_str())
    }
}

fn unresolved(catalog: &Catalog, name: &str) -> CallError {
    if name.trim().is_empty() {
        // Terse, and without a catalogue: models copy the list back.
        return CallError::new(InvalidKind::NoName, "", "the call names no tool".to_owned());
    }
    let name = head(name, NAME_BYTES);
    let nearest = catalog.nearest(name).join(", ");
    let detail = format!("there is no tool \"{name}\"; the nearest are: {nearest}");
    CallError::new(InvalidKind::UnknownTool, name, detail)
}

/// Parameters as an object of texts; the schema makes numbers of them later.
fn object(tool: &Tool, fields: Vec<(String, String)>) -> Result<Value, CallError> {
    let mut object = Map::new();
    let known = keys::properties(&tool.schema);
    for (name, text) in fields {
        if name.trim().is_empty() {
            let detail = "a parameter has no name".to_owned();
            return Err(CallError::new(InvalidKind::Malformed, &tool.name, detail));
        }
        let is_odd = name.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '[' | ']' | '"'));
        if is_odd && !known.is_empty() && !known.contains(&name.as_str()) {
            let detail = format!("there is no parameter \"{}\"", head(&name, NAME_BYTES));
            return Err(CallError::new(InvalidKind::Malformed, &tool.name, detail));
        }
        if object.insert(name.clone(), Value::String(text)).is_some() {
            let detail = format!("the parameter \"{name}\" is given twice");
            return Err(CallError::new(InvalidKind::Arguments, &tool.name, detail));
        }
    }
    Ok(Value::Object(object))
}

/// Parameters of a tool that is not declared, each by a plain name and once.
fn plain_object(fields: Vec<(String, String)>) -> Option<Value> {
    let mut object = Map::new();
    for (name, text) in fields {
        if !is_plain(&name) || object.insert(name, Value::String(text)).is_some() {
            return None;
        }
    }
    Some(Value::Object(object))
}

/// Whether a text in a value holds a tag of ours.
fn holds(value: &Value, lexicon: &Lexicon) -> bool {
    match value {
        Value::String(text) => lexicon.marks(text),
        Value::Array(values) => values.iter().any(|value| holds(value, lexicon)),
        Value::Object(fields) => {
            fields.iter().any(|(key, value)| lexicon.marks(key) || holds(value, lexicon))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Takes our marks out of all texts.
fn unescape_markup(value: &mut Value, lexicon: &Lexicon) -> bool {
    match value {
        Value::String(text) => match look_alike::restore(text, lexicon.nonce()) {
            Some(restored) if restored != *text => {
                *text = restored;
                true
            }
            Some(_) | None => false,
        },
        Value::Array(values) => {
            values.iter_mut().fold(false, |changed, value| unescape_markup(value, lexicon) | changed)
        }
        Value::Object(fields) => {
            fields.values_mut().fold(false, |changed, value| unescape_markup(value, lexicon) | changed)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
