//! Takes out of a schema what cannot be checked. The rest takes every value that the whole takes.

use serde_json::{Map, Value};

use super::walk;

/// Keywords that may refuse a value because another schema takes it: they cannot stay where one takes more than it did.
const REVERSED: [&str; 6] = ["not", "if", "then", "else", "maxContains", "additionalProperties"];

/// Those that go by what other schemas have looked at.
const UNEVALUATED: [&str; 2] = ["unevaluatedProperties", "unevaluatedItems"];

/// Takes out every pattern that is not `taken`, and whatever would be stricter without it.
pub(super) fn loosen(schema: &mut Value, taken: &impl Fn(&str) -> bool) {
    let Value::Object(fields) = schema else { return };
    if fields.get("pattern").and_then(Value::as_str).is_some_and(|pattern| !taken(pattern)) {
        fields.remove("pattern");
    }
    let patterns = fields.get_mut("patternProperties").and_then(Value::as_object_mut);
    let patterns_lost = patterns.is_some_and(|patterns| {
        let before = patterns.len();
        patterns.retain(|pattern, _| taken(pattern));
        patterns.len() < before
    });
    let strict_names = fields.get("additionalProperties") == Some(&Value::Bool(false));
    for keyword in REVERSED.iter().chain(&UNEVALUATED) {
        // Names that are refused stay refused where no pattern for names is gone.
        if *keyword != "additionalProperties" || patterns_lost || !strict_names {
            fields.remove(*keyword);
        }
    }
    one_of_is_any_of(fields);
    for (keyword, value) in fields.iter_mut() {
        walk::below_mut(keyword, value, |schema| loosen(schema, taken));
    }
}

/// Two variants may take what one of them took.
fn one_of_is_any_of(fields: &mut Map<String, Value>) {
    if let Some(variants) = fields.remove("oneOf")
        && !fields.contains_key("anyOf")
    {
        fields.insert("anyOf".to_owned(), variants);
    }
}
