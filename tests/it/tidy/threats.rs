//! The published threats name tests that there are.

use std::collections::BTreeSet;

use super::source::{Finding, Source};

const THREATS: &str = "broker/THREATS.md";

/// Each control of the table has a test, and each test that it names is one.
pub(super) fn threats(sources: &[Source]) -> Vec<Finding> {
    let tests: BTreeSet<&str> = sources.iter().filter(|source| source.is("rs")).flat_map(tests).collect();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path == THREATS) {
        let rows = source.lines().skip_while(|(_, line)| *line != "| threat | control | tests |").skip(2);
        for (number, row) in rows.take_while(|(_, line)| line.starts_with('|')) {
            let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
            let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
            if named.is_empty() {
                findings.push(source.finding(number, "name the test that fails without this control"));
            }
            let unknown = named.into_iter().filter(|name| !tests.contains(name));
            findings.extend(unknown.map(|name| source.finding(number, format!("there is no test {name}"))));
        }
    }
    findings
}

/// The functions of a file that are tests.
fn tests(source: &Source) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for (_, line) in source.lines() {
        let line = line.trim_start();
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) else { continue };
        names.extend(rest.split('(').next());
        is_test = false;
    }
    names
}
