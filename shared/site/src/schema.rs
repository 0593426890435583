//! The published schema of site files, and what of a file does not fit it.
//!
//! The schema is for editors; here it gives the keys, kinds and examples that mistakes are told with, so that what a
//! person is told and what an editor shows are the same. What it says beyond that, the parser says in better words.

use std::sync::LazyLock;

use serde_json::Value;
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{duration::read_duration, mistake::SiteFileSource};
use crate::nearest::nearest;

mod words;

use words::{article, example, kind};

/// JSON Schema (draft 2020-12) of a site file.
pub const SCHEMA: &str = include_str!("../../site.schema.json");

static ROOT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(SCHEMA).expect("the schema is JSON: a test reads it"));

/// Keeps every mistake of the file's structure. What can be guessed is mended, so that the rest can be checked; a
/// section that cannot be is taken out.
pub(super) fn fit(source: &SiteFileSource<'_>, document: &mut Spanned<DeTable<'_>>) {
    let fitting = ValueTypes { source };
    // What the whole file lacks is missing at its end.
    let at = source.text.trim_end().len();
    let table = document.get_mut();
    fitting.keys(&ROOT, at, table);
    let sections: Vec<String> = table.keys().map(|name| name.get_ref().to_string()).collect();
    for name in sections {
        let Some(schema) = ROOT["properties"].get(&name) else {
            table.remove(name.as_str());
            continue;
        };
        let value = table.get_mut(name.as_str());
        if value.is_some_and(|value| !fitting.value(schema, &name, value)) {
            table.remove(name.as_str());
        }
    }
}

struct ValueTypes<'s, 'a> {
    source: &'s SiteFileSource<'a>,
}

impl ValueTypes<'_, '_> {
    /// Whether a value fits, or could be mended.
    fn value(&self, schema: &Value, name: &str, value: &mut Spanned<DeValue<'_>>) -> bool {
        let Some(rules) = rules(schema, value.get_ref()) else {
            return self.wrong_kind(schema, name, value);
        };
        if schema["$ref"] == "#/$defs/duration" {
            return self.duration(schema, name, value);
        }
        if let Some(words) = rules["enum"].as_array() {
            return self.word(words, value);
        }
        if let Some(wanted) = rules["const"].as_i64() {
            let fits =
                matches!(value.get_ref(), DeValue::Integer(given) if given.as_str() == wanted.to_string());
            return fits || self.wrong(value, format!("must be {wanted}; write {name} = {wanted}"));
        }
        let at = value.span().start;
        match (rules["type"].as_str(), value.get_mut()) {
            (Some("object"), DeValue::Table(table)) => self.table(rules, at, table),
            (Some("array"), DeValue::Array(items)) => self.array(schema, rules, name, at, items),
            (Some("integer"), DeValue::Integer(number)) => {
                let number = number.as_str().replace('_', "").parse::<i64>().ok();
                let fits = number.is_some_and(|number| in_range(rules, number));
                fits || self.wrong(value, range(rules))
            }
            (Some("string"), DeValue::String(_)) | (Some("boolean"), DeValue::Boolean(_)) | (None, _) => true,
            _ => self.wrong_kind(schema, name, value),
        }
    }

    fn table(&self, rules: &Value, at: usize, table: &mut DeTable<'_>) -> bool {
        let mut usable = self.keys(rules, at, table);
        for (name, value) in table.iter_mut() {
            let schema = &rules["properties"][name.get_ref().as_ref()];
            let schema = if schema.is_null() { &rules["additionalProperties"] } else { schema };
            if schema.is_object() {
                usable &= self.value(schema, name.get_ref(), value);
            }
        }
        usable
    }

    /// Whether a table has the keys that it must have and no others; a misspelt one is mended.
    fn keys(&self, rules: &Value, at: usize, table: &mut DeTable<'_>) -> bool {
        let Some(known) = rules["properties"].as_object() else { return true };
        let unknown: Vec<Spanned<String>> = table
            .keys()
            .filter(|name| !known.contains_key(name.get_ref().as_ref()))
            .map(|name| Spanned::new(name.span(), name.get_ref().to_string()))
            .collect();
        let mut usable = true;
        for name in unknown {
            let free = known.keys().map(String::as_str).filter(|key| !table.contains_key(*key));
            let near = nearest(name.get_ref(), free);
            let told = match near {
                Some(near) => format!("unknown key; did you mean `{near}`?"),
                None => format!("unknown key, expected {}", article(known.keys().map(String::as_str))),
            };
            self.source.keep::<()>(Err(self.source.mistake(name.span().start, told)));
            let value = table.remove(name.get_ref().as_str());
            match near.zip(value) {
                Some((near, value)) => {
                    table.insert(Spanned::new(name.span(), near.to_owned().into()), value);
                }
                None => usable = false,
            }
        }
        usable & self.required(rules, at, table)
    }

    fn required(&self, rules: &Value, at: usize, table: &DeTable<'_>) -> bool {
        let required = rules["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut usable = true;
        for name in required.filter(|name| !table.contains_key(*name)) {
            let schema = &rules["properties"][name];
            let told = format!("is missing{}", example(&ROOT, schema, name));
            self.source.keep::<()>(Err(self.source.mistake_about(at, name, told)));
            usable = false;
        }
        usable
    }

    fn array(&self, schema: &Value, rules: &Value, name: &str, at: usize, items: &mut DeArray<'_>) -> bool {
        if items.len() < usize::try_from(rules["minItems"].as_u64().unwrap_or(0)).unwrap_or(usize::MAX) {
            let told = format!("is empty{}", example(&ROOT, schema, name));
            self.source.keep::<()>(Err(self.source.mistake(at, told)));
            return false;
        }
        let mut usable = true;
        for item in items.iter_mut() {
            usable &= self.value(&rules["items"], name, item);
        }
        usable
    }

    fn word(&self, words: &[Value], value: &mut Spanned<DeValue<'_>>) -> bool {
        let words = || words.iter().filter_map(Value::as_str);
        let DeValue::String(given) = value.get_ref() else {
            return self.wrong(value, format!("is {}, expected {}", kind(value.get_ref()), article(words())));
        };
        if words().any(|word| word == given) {
            return true;
        }
        let Some(near) = nearest(given, words()).map(str::to_owned) else {
            return self.wrong(value, format!("{given:?} is unknown, expected {}", article(words())));
        };
        let told = format!("{given:?} is unknown; did you mean {near:?}? (expected {})", article(words()));
        self.wrong(value, told);
        *value.get_mut() = DeValue::String(near.into());
        true
    }

    fn duration(&self, schema: &Value, name: &str, value: &mut Spanned<DeValue<'_>>) -> bool {
        let DeValue::String(given) = value.get_ref() else { return self.wrong_kind(schema, name, value) };
        match read_duration(given) {
            Ok(_) => true,
            Err(why) => self.wrong(value, why),
        }
    }

    /// Tells that a value is of another kind than it should be; text where a list is expected is mended.
    fn wrong_kind(&self, schema: &Value, name: &str, value: &mut Spanned<DeValue<'_>>) -> bool {
        let wanted = words::wanted(&ROOT, schema);
        let given = kind(value.get_ref());
        let listed = wanted == "a list";
        let heading = self.source.key(value.span().start).to_owned();
        match value.get_mut() {
            DeValue::String(text) if listed => {
                let text = std::mem::take(text);
                self.wrong(value, format!("is one text, expected a list; write {name} = [{text:?}]"));
                let item = Spanned::new(value.span(), DeValue::String(text));
                *value.get_mut() = DeValue::Array(std::iter::once(item).collect());
                true
            }
            DeValue::Table(_) if listed => self.wrong(
                value,
                format!("is one table, expected a list; write its heading with two brackets: [[{heading}]]"),
            ),
            DeValue::Array(_) if wanted == "a table" => self.wrong(
                value,
                format!("is a list, expected one table; write its heading with single brackets: [{heading}]"),
            ),
            DeValue::Integer(number) if wanted == "a duration" => {
                let secs = format!("{number}s");
                self.wrong(value, format!("is {given}, expected a duration; write {name} = {secs:?}"));
                let is_one = read_duration(&secs).is_ok();
                *value.get_mut() = DeValue::String(secs.into());
                is_one
            }
            _ => self.wrong(value, format!("is {given}, expected {wanted}{}", example(&ROOT, schema, name))),
        }
    }

    /// Keeps a mistake of a value that cannot be mended here.
    fn wrong(&self, value: &Spanned<DeValue<'_>>, told: String) -> bool {
        self.source.keep::<()>(Err(self.source.mistake(value.span().start, told)));
        false
    }
}

/// The rules for a value of this kind, through references and alternatives; `None` where no alternative is for it.
fn rules<'r>(schema: &'r Value, value: &DeValue<'_>) -> Option<&'r Value> {
    let schema = words::resolved(&ROOT, schema);
    let alternatives = schema["oneOf"].as_array().filter(|_| schema["type"].is_null());
    let Some(alternatives) = alternatives else { return Some(schema) };
    let of_kind = if matches!(value, DeValue::Table(_)) { "object" } else { "string" };
    let fits = |schema: &&Value| schema["type"] == of_kind && (of_kind == "object") == value.is_table();
    let is_text = matches!(value, DeValue::String(_) | DeValue::Table(_));
    alternatives.iter().map(|each| words::resolved(&ROOT, each)).find(fits).filter(|_| is_text)
}

fn in_range(rules: &Value, number: i64) -> bool {
    let at_least = rules["minimum"].as_i64().is_none_or(|least| least <= number);
    at_least && rules["maximum"].as_i64().is_none_or(|most| number <= most)
}

fn range(rules: &Value) -> String {
    match (rules["minimum"].as_i64(), rules["maximum"].as_i64()) {
        (Some(least), Some(most)) => format!("must be a number from {least} to {most}"),
        (Some(least), None) => format!("must be at least {least}"),
        (None, _) => "must be a whole number".to_owned(),
    }
}

#[cfg(test)]
mod tests;
