//! A type has one name, and a name one type: whoever reads it knows which is meant.

use std::collections::BTreeMap;

use super::source::{Finding, Source};

/// Packages, the inner ones first.
const PACKAGES: [&str; 8] = [
    "adapter/bridge/",
    "adapter/",
    "broker/",
    "shared/site/",
    "shared/",
    "scripts/ops/",
    "tests/bench/",
    "tests/",
];
/// Names that say where they stand: each command has options, each service a state.
const MANY: [&str; 1] = ["Options"];
/// Where the types of a wire stand; the folder says whose they are.
const WIRES: [&str; 4] =
    ["adapter/src/openai/", "adapter/src/anthropic/", "adapter/src/responses/", "adapter/src/sites/"];

/// No two types of a package have one name.
pub(super) fn types(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.is("rs")) {
        let Some(package) = PACKAGES.iter().find(|package| source.path.starts_with(**package)) else {
            continue;
        };
        let is_wire = WIRES.iter().any(|folder| source.path.starts_with(folder));
        for (line, name) in source.code().filter_map(|(line, code)| Some((line, defined(code)?))) {
            if is_wire || MANY.contains(&name) {
                continue;
            }
            if let Some(first) = seen.insert((package, name), &source.path) {
                let remedy = format!("{name} is a type of {first} already; say which one this is");
                findings.push(source.finding(line, remedy));
            }
        }
    }
    findings
}

/// The type that a line defines. One within an `impl` is of its trait.
fn defined(code: &str) -> Option<&str> {
    let is_inner = code.starts_with(' ');
    let mut words = code.split_whitespace();
    let mut kind = words.next()?;
    if kind.starts_with("pub") {
        kind = words.find(|word| !word.ends_with(')') && !word.starts_with("crate"))?;
    }
    let is_type = matches!(kind, "struct" | "enum" | "trait" | "union") || (kind == "type" && !is_inner);
    let name = words.next().filter(|_| is_type)?;
    Some(name.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap_or(name))
}
