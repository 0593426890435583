//! Reads JSON that holds whole calls: name and arguments under whatever keys models use for them.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{
    invalid::InvalidKind,
    keys,
    reader::{CallError, CallReader, RawArguments, ValidCall},
    repair, unique,
};
use crate::catalog::Catalog;

type JsonObject = BTreeMap<String, Box<RawValue>>;

const LISTS: &[&str] = &["tool_calls", "function_calls", "calls"];
const NAMES: &[&str] = &["name", "tool_name", "function_name", "tool", "function", "recipient_name"];
const ARGUMENTS: &[&str] = &["arguments", "parameters", "params", "args", "input", "tool_input"];
/// What belongs to a call and to no tool.
const ENVELOPE: &[&str] = &["id", "type", "index", "call_id", "tool_call_id"];

/// Reads all calls of a JSON text, mended if it must be.
pub(super) fn calls(reader: &CallReader<'_>, json: &str) -> Vec<Result<ValidCall, CallError>> {
    let refused = |detail: String| vec![Err(CallError::new(InvalidKind::Json, "", detail))];
    let (objects, repaired) = match objects(json) {
        Ok(objects) => (objects, false),
        Err(ListError::Doubled(key)) => {
            return refused(format!(
                "the key \"{key}\" is given twice in one object: write each call by itself"
            ));
        }
        Err(ListError::NoCalls) => {
            let mended = repair::mend(json, &known_keys(reader.catalog, json));
            match mended.and_then(|json| objects(&json).ok()) {
                Some(objects) => (objects, true),
                None => return refused("the call is not JSON".to_owned()),
            }
        }
    };
    let fitted = objects.into_iter().map(|object| one(reader, object));
    fitted.map(|call| call.map(|call| ValidCall { repaired: call.repaired | repaired, ..call })).collect()
}

/// All keys that may stand in a call: without them an unescaped quote could end a text too early.
fn known_keys(catalog: &Catalog, json: &str) -> keys::KnownKeys {
    let ours = [LISTS, NAMES, ARGUMENTS, ENVELOPE].concat().into_iter().map(str::to_owned);
    // What one tool takes is content in another's call: of a single call only its own tool counts.
    let single = ARGUMENTS.iter().map(|key| json.matches(&format!("\"{key}\"")).count()).sum::<usize>() == 1;
    let tool = named(json).filter(|_| single).and_then(|name| catalog.resolve(name));
    let (of_tools, required) = match tool {
        Some(tool) => (keys::keys(&tool.schema), keys::required(&tool.schema)),
        None => (catalog.tools().iter().flat_map(|tool| keys::keys(&tool.schema)).collect(), Vec::new()),
    };
    let known = of_tools.into_iter().chain(ours).collect();
    keys::KnownKeys { known, required }
}

/// The tool that a call names first.
fn named(json: &str) -> Option<&str> {
    let after = NAMES.iter().find_map(|key| json.split_once(&format!("\"{key}\"")))?.1;
    let value = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    value.split_once('"').map(|(name, _)| name)
}

/// Why a text holds no calls.
enum ListError {
    NoCalls,
    /// A key comes twice.
    Doubled(String),
}

/// The call objects of a text: one, several in a row with commas or without, a list, or a list under a key.
fn objects(json: &str) -> Result<Vec<JsonObject>, ListError> {
    let mut out = Vec::new();
    let mut rest = json.trim();
    while !rest.is_empty() {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Box<RawValue>>();
        let value = values.next().and_then(Result::ok).ok_or(ListError::NoCalls)?;
        rest = rest[values.byte_offset()..].trim_start();
        rest = rest.strip_prefix(',').map_or(rest, str::trim_start);
        if let Some(key) = unique::doubled(value.get()) {
            return Err(ListError::Doubled(key));
        }
        flatten(&value, &mut out).ok_or(ListError::NoCalls)?;
    }
    if out.is_empty() { Err(ListError::NoCalls) } else { Ok(out) }
}

fn flatten(value: &RawValue, out: &mut Vec<JsonObject>) -> Option<()> {
    if let Ok(list) = serde_json::from_str::<Vec<JsonObject>>(value.get()) {
        out.extend(list);
        return Some(());
    }
    let object: JsonObject = serde_json::from_str(value.get()).ok()?;
    match LISTS.iter().find_map(|key| object.get(*key)) {
        Some(list) => out.extend(serde_json::from_str::<Vec<JsonObject>>(list.get()).ok()?),
        None => out.push(object),
    }
    Some(())
}

fn one(reader: &CallReader<'_>, mut object: JsonObject) -> Result<ValidCall, CallError> {
    // OpenAI's own shape: the call stands inside `function`.
    if let Some(inner) =
        object.get("function").and_then(|raw| serde_json::from_str::<JsonObject>(raw.get()).ok())
    {
        object = inner;
    }
    let Some((key, name)) = NAMES.iter().find_map(|key| text(object.get(*key)?).map(|name| (*key, name)))
    else {
        return reader.fit("", RawArguments::Json(String::new()));
    };
    let given = ARGUMENTS.iter().find_map(|key| object.get(*key));
    let arguments = match given {
        Some(raw) if raw.get() == "null" => "{}".to_owned(),
        // Encoded twice.
        Some(raw) => text(raw).unwrap_or_else(|| raw.get().to_owned()),
        None => spilled(reader.catalog, &name, key, object)?,
    };
    reader.fit(&name, RawArguments::Json(arguments))
}

/// Arguments that stand beside the name: only if the tool knows all of them.
fn spilled(catalog: &Catalog, name: &str, key: &str, mut object: JsonObject) -> Result<String, CallError> {
    object.remove(key);
    object.retain(|key, _| !ENVELOPE.contains(&key.as_str()));
    let known = catalog.resolve(name).map(|tool| keys::properties(&tool.schema)).unwrap_or_default();
    if let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) {
        let detail = format!("the call has no arguments, and no parameter \"{unknown}\"");
        return Err(CallError::new(InvalidKind::Arguments, name, detail));
    }
    let fields: Vec<String> =
        object.iter().map(|(key, raw)| format!("{}:{}", quoted(key), raw.get())).collect();
    Ok(format!("{{{}}}", fields.join(",")))
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
