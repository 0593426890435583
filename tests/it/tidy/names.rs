//! Rules about names that several files must agree on.

use std::collections::BTreeSet;

use latchkey_shared::env::{VARIABLES, Variable};

use super::source::{Finding, Source};

/// The table of variables.
const TABLE: &str = "shared/src/env/variables.rs";
/// Its reader, which plants wrong names in its own tests.
const READER: &str = "shared/src/env.rs";
const KEYS: &str = "shared/src/keys.rs";
const PREFIX: &str = concat!("LATCH", "KEY_");

/// Whoever names a variable names one that there is.
pub(super) fn variables(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_looked_at =
        |source: &&Source| ![TABLE, READER].contains(&&*source.path) && !source.path.starts_with("tests/it/");
    for source in sources.iter().filter(is_looked_at) {
        for (line, text) in source.lines() {
            let unknown = names(text).into_iter().filter(|name| !is_known(name));
            let remedy =
                |name| format!("{name} is no variable; add it to VARIABLES in {TABLE} or correct it");
            findings.extend(unknown.map(|name| source.finding(line, remedy(name))));
        }
    }
    findings
}

/// Every variable is explained in some README.
pub(super) fn documented_variables(sources: &[Source]) -> Vec<Finding> {
    let readmes = sources.iter().filter(|source| source.path.ends_with("README.md"));
    let explained: BTreeSet<String> = readmes.flat_map(|readme| names(&readme.text)).collect();
    let missing = VARIABLES.iter().filter(|variable| !explained.contains(variable.name));
    let table = Source::new(TABLE, "");
    missing.map(|variable| table.finding(1, format!("explain {} in a README.md", variable.name))).collect()
}

/// Every kind of Redis key is in the table above them.
pub(super) fn redis_keys(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path == KEYS) {
        let docs: String = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
        for (line, code) in source.code() {
            if let Some(key) = key_in(code)
                && !docs.contains(&format!("`{key}`"))
            {
                findings.push(source.finding(line, format!("add `{key}` to the table at the top")));
            }
        }
    }
    findings
}

/// Keys are spelled in one place.
pub(super) fn redis_keys_elsewhere(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_product() && source.path != KEYS) {
        let spelled = source.code().filter(|(_, code)| code.contains("\"lk:"));
        findings.extend(spelled.map(|(line, _)| source.finding(line, format!("take the key from {KEYS}"))));
    }
    findings
}

/// The variables that a text names.
fn names(text: &str) -> Vec<String> {
    let part = |letter: &char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || *letter == '_';
    let mut names = Vec::new();
    for (at, _) in text.match_indices(PREFIX) {
        let name: String = text[at..].chars().take_while(part).collect();
        if name != PREFIX {
            names.push(name);
        }
    }
    names
}

fn is_known(name: &str) -> bool {
    let spelled = |variable: &Variable| {
        let as_file = name.strip_suffix("_FILE").filter(|_| variable.secret);
        variable.name == name || as_file == Some(variable.name)
    };
    VARIABLES.iter().any(spelled)
}

/// The key that a line of code makes, as the table writes it.
fn key_in(code: &str) -> Option<String> {
    let literal = code.split('"').nth(1)?;
    if code.contains("of_account(id, \"") {
        return Some(format!("lk:{{id}}:{literal}"));
    }
    let whole = literal.starts_with("lk:") && literal != "lk:{{{id}}}:{what}";
    whole.then(|| literal.replace("{{{", "{").replace("}}}", "}"))
}
