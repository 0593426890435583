//! Holds the schema and the parser together: what one knows or accepts, the other does too.
//!
//! Whoever adds a key to the parser adds it to the schema, and to a file below `examples` or a built-in one.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::{super::file::RawFile, ROOT, words};
use crate::{BUILT_IN, SiteUrls, check};

/// Files in which every key of the format stands somewhere.
const EXAMPLES: [(&str, &str); 7] = [
    ("bearer-cookie.toml", include_str!("examples/bearer-cookie.toml")),
    ("bearer-session_storage.toml", include_str!("examples/bearer-session_storage.toml")),
    ("every-key.toml", include_str!("examples/every-key.toml")),
    ("given.toml", include_str!("examples/given.toml")),
    ("http.toml", include_str!("examples/http.toml")),
    ("socketio.toml", include_str!("examples/socketio.toml")),
    ("websocket.toml", include_str!("examples/websocket.toml")),
];

const UNKNOWN: &str = "zz-unknown";

fn files() -> Vec<(&'static str, Value)> {
    let json = |text: &str| serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
    EXAMPLES.into_iter().chain(BUILT_IN).map(|(name, text)| (name, json(text))).collect()
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&ROOT).unwrap()
}

/// A document as a file.
fn written(document: &Value) -> String {
    let lines = document.as_object().unwrap().iter();
    lines.map(|(key, value)| format!("{key} = {}\n", words::toml(value))).collect()
}

fn accepted(document: &Value) -> bool {
    check("x", &written(document), &SiteUrls::new()).is_ok()
}

/// Calls `see` with each value of a document, where it is, and the schema's rules for it.
fn visit<'d>(schema: &'d Value, value: &'d Value, at: &str, see: &mut dyn FnMut(&str, &'d Value, &'d Value)) {
    let mut rules = words::resolved(&ROOT, schema);
    if let Some(each) = rules["oneOf"].as_array().filter(|_| rules["type"].is_null()) {
        let kind = if value.is_object() { "object" } else { "string" };
        rules =
            each.iter().map(|each| words::resolved(&ROOT, each)).find(|each| each["type"] == kind).unwrap();
    }
    see(at, value, rules);
    match value {
        Value::Array(items) if rules["items"].is_object() => {
            for (index, item) in items.iter().enumerate() {
                visit(&rules["items"], item, &format!("{at}/{index}"), see);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                let schema = Some(&rules["properties"][key]).filter(|schema| !schema.is_null());
                let schema = schema.unwrap_or(&rules["additionalProperties"]);
                if schema.is_object() {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    visit(schema, field, &format!("{at}/{key}"), see);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn the_schema_is_one_and_explains_every_key() {
    assert!(jsonschema::draft202012::meta::is_valid(&ROOT));

    let mut silent = Vec::new();
    let mut pending: Vec<(String, &Value)> = vec![("".to_owned(), &ROOT)];
    pending.extend(ROOT["$defs"].as_object().unwrap().iter().map(|(name, each)| (name.clone(), each)));
    while let Some((at, schema)) = pending.pop() {
        for (key, each) in
            schema["properties"].as_object().into_iter().flatten().filter(|_| !schema["type"].is_null())
        {
            let at = format!("{at}.{key}");
            let told =
                each["description"].is_string() || words::resolved(&ROOT, each)["description"].is_string();
            let has_example = [each, words::resolved(&ROOT, each)]
                .iter()
                .any(|schema| schema["examples"].is_array() || schema["type"] == "object");
            if !told || !has_example {
                silent.push(at.clone());
            }
            pending.push((at, each));
        }
        let open = schema["type"] == "object" && schema["additionalProperties"].is_null();
        assert!(!open, "{at}: a table says which keys it takes: additionalProperties");
    }
    assert!(silent.is_empty(), "keys without description or example: {silent:?}");
}

#[test]
fn every_example_fits_the_schema_and_is_accepted() {
    for (name, document) in files() {
        let errors: Vec<String> = validator().iter_errors(&document).map(|error| error.to_string()).collect();

        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert_eq!(check(name, &written(&document), &SiteUrls::new()).err(), None);
    }
}

#[test]
fn the_parser_and_the_schema_know_the_same_keys() {
    let mut used = BTreeSet::new();
    for (name, document) in files() {
        visit(&ROOT, &document, "", &mut |at, value, rules| {
            let Some(properties) = rules["properties"].as_object().filter(|_| value.is_object()) else {
                return;
            };
            let id = std::ptr::from_ref(rules) as usize;
            used.extend(value.as_object().unwrap().keys().map(|key| (id, key.clone())));
            let in_schema: BTreeSet<&str> = properties.keys().map(String::as_str).collect();

            let parsed = keys_of_the_parser(&document, at);

            assert_eq!(
                parsed.iter().map(String::as_str).collect::<BTreeSet<_>>(),
                in_schema,
                "{name}: table {at:?}"
            );
        });
    }
    let unused: Vec<String> = tables(&ROOT)
        .into_iter()
        .flat_map(|rules| {
            let id = std::ptr::from_ref(rules) as usize;
            let keys = rules["properties"].as_object().unwrap().keys();
            keys.filter(|key| !used.contains(&(id, (*key).clone()))).cloned().collect::<Vec<_>>()
        })
        .collect();
    assert!(unused.is_empty(), "no file below schema/examples has these keys: {unused:?}");
}

/// What the parser says that it expects in a table, when it finds a key that nobody knows.
fn keys_of_the_parser(document: &Value, at: &str) -> BTreeSet<String> {
    let mut document = document.clone();
    let table = document.pointer_mut(at).and_then(Value::as_object_mut).unwrap();
    table.insert(UNKNOWN.to_owned(), json!(1));
    let refused = toml::from_str::<RawFile>(&written(&document)).err();
    let refused = refused.unwrap_or_else(|| panic!("the parser takes any key at {at:?}"));
    let (unknown, expected) = refused.message().split_once(", expected ").unwrap();
    assert_eq!(unknown, format!("unknown field `{UNKNOWN}`"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every table of the schema whose keys are fixed.
fn tables(schema: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    match schema {
        Value::Object(fields) => {
            if schema["properties"].is_object() && schema["type"] == "object" {
                found.push(schema);
            }
            found.extend(fields.values().flat_map(tables));
        }
        Value::Array(items) => found.extend(items.iter().flat_map(tables)),
        _ => {}
    }
    found
}

/// A document with one value replaced, removed or added, for each key that is not among `seen`.
fn mutants(document: &Value, seen: &mut BTreeSet<String>) -> Vec<(String, Value)> {
    let mut places: Vec<(String, bool)> = Vec::new();
    visit(&ROOT, document, "", &mut |at, value, _| {
        let key = at.split('/').map(|part| if part.parse::<usize>().is_ok() { "0" } else { part });
        if seen.insert(key.collect::<Vec<_>>().join("/")) {
            places.push((at.to_owned(), value.is_object()));
        }
    });
    let mut mutants = Vec::new();
    for (at, is_table) in places.iter().filter(|(at, _)| !at.is_empty()) {
        let replacements =
            [json!(true), json!(-1), json!("text"), json!(""), json!("/a~b"), json!([]), json!({})];
        for replacement in replacements {
            let mut mutant = document.clone();
            *mutant.pointer_mut(at).unwrap() = replacement.clone();
            mutants.push((format!("{at} = {replacement}"), mutant));
        }
        let (parent, key) = at.rsplit_once('/').unwrap();
        let mut without = document.clone();
        match without.pointer_mut(parent).unwrap() {
            Value::Object(fields) => drop(fields.remove(&key.replace("~1", "/"))),
            Value::Array(items) => drop(items.remove(key.parse().unwrap())),
            other => unreachable!("{other} has nothing in it"),
        }
        mutants.push((format!("{at} removed"), without));
        if *is_table {
            let mut more = document.clone();
            let fields: &mut Map<String, Value> = more.pointer_mut(at).unwrap().as_object_mut().unwrap();
            fields.insert(UNKNOWN.to_owned(), json!("x"));
            mutants.push((format!("{at} with {UNKNOWN}"), more));
        }
    }
    mutants
}

#[test]
fn the_schema_refuses_what_cannot_be_read_and_nothing_that_is_accepted() {
    let validator = validator();
    let mut refused = 0;
    let mut kept = 0;
    let mut seen = BTreeSet::new();
    for (name, document) in files() {
        for (change, mutant) in mutants(&document, &mut seen) {
            let fits = validator.is_valid(&mutant);
            let is_read = toml::from_str::<RawFile>(&written(&mutant)).is_ok();
            let is_accepted = accepted(&mutant);
            assert!(is_read || !is_accepted, "{name}: {change}");
            assert!(fits || !is_accepted, "{name}: {change}: accepted, but the schema refuses it");
            // A missing section is the fit's own business.
            let sections = change.matches('/').count() == 1;
            assert!(!fits || is_read || sections, "{name}: {change}: cannot be read, but fits the schema");
            refused += u32::from(!fits);
            kept += u32::from(is_accepted);
        }
    }
    assert!(refused > 500 && kept > 100, "{refused} mutants refused, {kept} accepted");
}
