//! Where schemas stand in a schema (JSON Schema, drafts 4 to 2020-12).

use serde_json::Value;

/// Keywords whose values are schemas by a name that is the client's.
const BY_NAME: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];

/// Keywords whose values are data.
const DATA: [&str; 4] = ["enum", "const", "default", "examples"];

/// Calls for each schema right below a keyword of this one.
pub(super) fn below<'a>(keyword: &str, value: &'a Value, mut each: impl FnMut(&'a Value)) {
    match value {
        Value::Object(named) if BY_NAME.contains(&keyword) => named.values().for_each(each),
        Value::Object(_) if !DATA.contains(&keyword) => each(value),
        Value::Array(schemas) if !DATA.contains(&keyword) => schemas.iter().for_each(each),
        _ => {}
    }
}

/// The same, to change them.
pub(super) fn below_mut(keyword: &str, value: &mut Value, mut each: impl FnMut(&mut Value)) {
    match value {
        Value::Object(named) if BY_NAME.contains(&keyword) => named.values_mut().for_each(each),
        Value::Object(_) if !DATA.contains(&keyword) => each(value),
        Value::Array(schemas) if !DATA.contains(&keyword) => schemas.iter_mut().for_each(each),
        _ => {}
    }
}
