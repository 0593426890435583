//! Rules about files as texts.

use super::source::{Finding, Source};

const LONGEST: usize = 400;

/// What may stand at the top level besides dot-files.
const TOP_LEVEL: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "README.md", "adapter", "broker", "shared", "scripts", "tests", "compose"];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Every Rust file opens with what it is.
pub(super) fn headers(sources: &[Source]) -> Vec<Finding> {
    let opens_well = |text: &str| text.starts_with("//! ") || text.starts_with("#![doc = include_str!(");
    let bad = sources.iter().filter(|source| source.is("rs") && !opens_well(&source.text));
    bad.map(|source| source.finding(1, "begin with `//! ` and one sentence on what the file is")).collect()
}

/// No source is longer than a reader bears.
pub(super) fn lengths(sources: &[Source]) -> Vec<Finding> {
    let counted = |source: &&Source| {
        ["rs", "sh", "js", "mjs", "ts", "css", "py"].iter().any(|extension| source.is(extension))
            || source.text.starts_with("#!/")
    };
    let mut findings = Vec::new();
    for source in sources.iter().filter(counted) {
        let lines = source.text.lines().count();
        if LONGEST < lines {
            findings
                .push(source.finding(lines, format!("has {lines} lines; split by noun, at most {LONGEST}")));
        }
    }
    findings
}

/// Modules are `foo.rs` and `foo/`.
pub(super) fn no_mod_rs(sources: &[Source]) -> Vec<Finding> {
    let bad = sources.iter().filter(|source| source.path.ends_with("/mod.rs"));
    bad.map(|source| source.finding(1, "name it after its directory, beside it")).collect()
}

/// Lines end where they end, and so do files.
pub(super) fn spaces(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Recorded bytes stay as they came.
    let written = |source: &&Source| !source.is("snap") && !source.path.contains("/fixtures/");
    for source in sources.iter().filter(written).filter(|source| !source.text.is_empty()) {
        let trailing = source.lines().filter(|(_, line)| line.ends_with([' ', '\t', '\r']));
        findings.extend(trailing.map(|(line, _)| source.finding(line, "take the space at the end away")));
        if !source.text.ends_with('\n') || source.text.ends_with("\n\n") {
            findings.push(source.finding(source.text.lines().count(), "end the file with one newline"));
        }
    }
    findings
}

/// Nothing is left for later, skipped, or guessed by the clock.
pub(super) fn unfinished(sources: &[Source]) -> Vec<Finding> {
    let words = [
        (concat!("to", "do!("), "write it"),
        (concat!("unimpl", "emented!("), "write it"),
        (concat!("#[ign", "ore"), "fix the test or delete it"),
        (concat!("thread::sl", "eep"), "wait for a condition with a deadline: support::wait"),
        (concat!("FIX", "ME"), "fix it"),
    ];
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is("rs")) {
        for (line, text) in source.lines() {
            let found = words.iter().filter(|(word, _)| text.contains(word));
            findings.extend(found.map(|(word, remedy)| source.finding(line, format!("{word}: {remedy}"))));
        }
    }
    findings
}

/// Nothing names a directory or a package registry of one machine.
pub(super) fn machines(sources: &[Source]) -> Vec<Finding> {
    let words =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("--index", "-url")];
    let mut findings = Vec::new();
    for source in sources {
        for (line, text) in source.lines() {
            let found = words.iter().filter(|word| text.contains(*word));
            findings
                .extend(found.map(|word| {
                    source.finding(line, format!("{word} is of one machine; name it otherwise"))
                }));
            let registry =
                source.path == "Cargo.lock" && text.starts_with("source = ") && !text.contains(CRATES_IO);
            if registry {
                findings.push(source.finding(line, "every crate comes from crates.io"));
            }
        }
    }
    findings
}

/// The top level stays what the README shows.
pub(super) fn top_level(sources: &[Source]) -> Vec<Finding> {
    let name = |source: &Source| source.path.split('/').next().unwrap_or_default().to_owned();
    let bad = sources.iter().filter(|source| {
        let name = name(source);
        !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str())
    });
    bad.map(|source| source.finding(1, "move it below one of the directories that there are")).collect()
}
