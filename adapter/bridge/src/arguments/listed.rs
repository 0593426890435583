//! Reads JSON that holds whole calls: name and arguments under whatever keys models use for them.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Fitting, Given, Misfit, coerce, fit, repair};
use crate::{catalog::Catalog, sieve::event::Kind};

type Object = BTreeMap<String, Box<RawValue>>;

const LISTS: &[&str] = &["tool_calls", "function_calls", "calls"];
const NAMES: &[&str] = &["name", "tool_name", "function_name", "tool", "function", "recipient_name"];
const ARGUMENTS: &[&str] = &["arguments", "parameters", "params", "args", "input", "tool_input"];
/// What belongs to a call and to no tool.
const ENVELOPE: &[&str] = &["id", "type", "index", "call_id", "tool_call_id"];

/// Reads all calls of a JSON text, mended if it must be.
pub(super) fn calls(catalog: &Catalog, json: &str) -> Vec<Result<Fitting, Misfit>> {
    let (objects, repaired) = match objects(json) {
        Some(objects) => (objects, false),
        None => match repair::mend(json, &known_keys(catalog)).as_deref().and_then(objects) {
            Some(objects) => (objects, true),
            None => {
                let detail = "the call is not JSON".to_owned();
                return vec![Err(Misfit::new(Kind::Json, "", detail))];
            }
        },
    };
    let fitted = objects.into_iter().map(|object| one(catalog, object));
    fitted.map(|call| call.map(|call| Fitting { repaired: call.repaired | repaired, ..call })).collect()
}

/// All keys that may stand in a call: without them an unescaped quote could end a text too early.
fn known_keys(catalog: &Catalog) -> Vec<String> {
    let of_tools = catalog.tools().iter().flat_map(|tool| coerce::keys(&tool.schema));
    let ours = [LISTS, NAMES, ARGUMENTS, ENVELOPE].concat();
    of_tools.chain(ours.into_iter().map(str::to_owned)).collect()
}

/// The call objects of a text: one, several in a row, a list, or a list under a key.
fn objects(json: &str) -> Option<Vec<Object>> {
    let values = serde_json::Deserializer::from_str(json).into_iter::<Box<RawValue>>();
    let mut out = Vec::new();
    for value in values {
        flatten(&value.ok()?, &mut out)?;
    }
    (!out.is_empty()).then_some(out)
}

fn flatten(value: &RawValue, out: &mut Vec<Object>) -> Option<()> {
    if let Ok(list) = serde_json::from_str::<Vec<Object>>(value.get()) {
        out.extend(list);
        return Some(());
    }
    let object: Object = serde_json::from_str(value.get()).ok()?;
    match LISTS.iter().find_map(|key| object.get(*key)) {
        Some(list) => out.extend(serde_json::from_str::<Vec<Object>>(list.get()).ok()?),
        None => out.push(object),
    }
    Some(())
}

fn one(catalog: &Catalog, mut object: Object) -> Result<Fitting, Misfit> {
    // OpenAI's own shape: the call stands inside `function`.
    if let Some(inner) = object.get("function").and_then(|raw| serde_json::from_str::<Object>(raw.get()).ok())
    {
        object = inner;
    }
    let Some((key, name)) = NAMES.iter().find_map(|key| text(object.get(*key)?).map(|name| (*key, name)))
    else {
        return fit(catalog, "", Given::Json(String::new()));
    };
    let given = ARGUMENTS.iter().find_map(|key| object.get(*key));
    let arguments = match given {
        Some(raw) if raw.get() == "null" => "{}".to_owned(),
        // Encoded twice.
        Some(raw) => text(raw).unwrap_or_else(|| raw.get().to_owned()),
        None => spilled(catalog, &name, key, object)?,
    };
    fit(catalog, &name, Given::Json(arguments))
}

/// Arguments that stand beside the name: only if the tool knows all of them.
fn spilled(catalog: &Catalog, name: &str, key: &str, mut object: Object) -> Result<String, Misfit> {
    object.remove(key);
    object.retain(|key, _| !ENVELOPE.contains(&key.as_str()));
    let known = catalog.resolve(name).map(|tool| coerce::properties(&tool.schema)).unwrap_or_default();
    if let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) {
        let detail = format!("the call has no arguments, and no parameter \"{unknown}\"");
        return Err(Misfit::new(Kind::Arguments, name, detail));
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
