//! The walls of the whole repository, as tests over its text. Each failure names file and line and says what to do.
//!
//! Every rule is a pure function over sources, and is itself tested with a planted violation.

use self::source::{Finding, Source};

mod graph;
mod names;
mod planted;
mod source;
mod text;
mod threats;
mod types;
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
    hold(&[walls::imports, walls::rooms]);
}

#[test]
fn no_files_import_each_other() {
    hold(&[graph::circles]);
}

#[test]
fn a_name_of_a_type_is_given_once() {
    hold(&[types::types]);
}

#[test]
fn every_variable_is_in_the_table_and_in_a_readme() {
    hold(&[names::variables, names::documented_variables]);
}

#[test]
fn every_redis_key_is_in_the_table() {
    hold(&[names::redis_keys, names::redis_keys_elsewhere]);
}

#[test]
fn every_threat_has_a_test() {
    hold(&[threats::threats]);
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

#[test]
fn files_that_import_each_other_are_found_however_a_name_is_reached() {
    let leaf = Source::new("shared/src/a/leaf.rs", "//! Leaf.\nuse super::Top;\n");
    let imports = [
        "use leaf::Leaf;",
        "pub use leaf::Leaf;\nfn a(_: Leaf) {}",
        "fn a() { leaf::b() }",
        "fn a() { assert!(matches!(b, leaf::Leaf::C)); }",
        "use leaf::*;\nfn a(_: Leaf) {}",
        "use self::leaf::{D, Leaf as E};",
    ];
    for import in imports {
        let top =
            Source::new("shared/src/a.rs", &format!("//! Top.\nmod leaf;\n{import}\npub struct Top;\n"));
        let leaf = Source::new(&leaf.path, &format!("{}pub struct Leaf;\npub fn b() {{}}\n", leaf.text));

        assert_eq!(graph::circles(&[top, leaf]).len(), 2, "{import}");
    }

    // A re-export, a declaration and a test are none, and a name counts for the file that defines it.
    let fine = "mod leaf;\nmod low;\npub use leaf::Leaf;\npub use low::Top;\n#[cfg(test)]\nmod a { use super::leaf::b; }\n";
    let top = Source::new("shared/src/a.rs", &format!("//! Top.\n{fine}"));
    let low = Source::new("shared/src/a/low.rs", "//! Low.\npub struct Top;\n");
    let leaf = Source::new(&leaf.path, &format!("{}pub struct Leaf;\npub fn b() {{}}\n", leaf.text));

    assert_eq!(graph::circles(&[top, low, leaf]).len(), 0);
}
