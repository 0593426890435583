//! The walls of the whole repository, as tests over its text. Each failure names file and line and says what to do.
//!
//! Every rule is a pure function over sources, and is itself tested with a planted violation.

use self::source::{Finding, Source};

mod names;
mod planted;
mod source;
mod text;
mod walls;

/// A rule: what breaks it, in these sources.
type Rule = fn(&[Source]) -> Vec<Finding>;

#[test]
fn every_file_says_what_it_is_and_stays_small() {
    hold(&[text::headers, text::lengths, text::no_mod_rs]);
}

#[test]
fn no_text_is_unfinished_or_belongs_to_one_machine() {
    hold(&[text::spaces, text::unfinished, text::machines]);
}

#[test]
fn the_top_level_is_what_the_readme_shows() {
    hold(&[text::top_level]);
}

#[test]
fn packages_know_only_whom_they_may() {
    hold(&[walls::dependencies]);
}

#[test]
fn each_outside_thing_has_one_door() {
    hold(&[walls::doors]);
}

#[test]
fn imports_point_one_way() {
    hold(&[walls::imports]);
}

#[test]
fn every_variable_is_in_the_table_and_in_a_readme() {
    hold(&[names::variables, names::documented_variables]);
}

#[test]
fn every_redis_key_is_in_the_table() {
    hold(&[names::redis_keys, names::redis_keys_elsewhere]);
}

fn hold(rules: &[Rule]) {
    let sources = source::repository();
    let findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(&sources)).collect();
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn a_planted_violation_of_each_rule_is_found() {
    for (name, rule, path, text) in planted::violations() {
        let findings = rule(&[Source::new(path, &text)]);

        assert!(!findings.is_empty(), "the planted violation {name:?} was not found");
    }
}

#[test]
fn what_only_looks_like_a_violation_is_not_one() {
    let fine = Source::new(
        "adapter/src/sites/openai.rs",
        "//! Not chromiumoxide::Page, crate::pool or redis::Client.\nuse crate::stream::sse;\nconst A: &str = \"axum\";\n",
    );
    let rules: &[Rule] = &[text::headers, text::spaces, walls::doors, walls::imports];

    for rule in rules {
        assert_eq!(rule(std::slice::from_ref(&fine)).len(), 0);
    }
}
