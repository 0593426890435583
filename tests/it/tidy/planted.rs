//! One violation of each rule, so that a rule that finds nothing is known to look.

use super::{Rule, names, text, threats, types, walls};

/// Name, rule, and path and text of a source that breaks it.
type Planted = (&'static str, Rule, &'static str, String);

/// All of them. Words that this repository forbids are put together here.
pub(super) fn violations() -> Vec<Planted> {
    let source = |text: &str| format!("//! A.\n{text}\n");
    let long = |first: &str| format!("{first}\n{}", "#\n".repeat(400));
    let manifest = |name: &str| format!("[dependencies]\n{name}.workspace = true\n");
    let key = "fn a() { of_account(id, \"planted\") }";
    let mut all = of_texts(&source, &long);
    all.extend([
        rule("dependency", walls::dependencies, "adapter/Cargo.toml", manifest("latchkey-broker")),
        rule("dependency of shared", walls::dependencies, "shared/Cargo.toml", manifest("axum")),
        rule("dependency of a site file", walls::dependencies, "shared/site/Cargo.toml", manifest("tokio")),
        rule("dependency of the bridge", walls::dependencies, "adapter/bridge/Cargo.toml", manifest("tokio")),
        rule("redis door", walls::doors, "adapter/src/pool.rs", source("use redis::Client;")),
        rule("environment door", walls::doors, "broker/src/a.rs", source("fn a() { std::env::var(A); }")),
        rule("browser door", walls::doors, "broker/src/login.rs", source("fn a(_: chromiumoxide::Page) {}")),
        rule("unknown room", walls::rooms, "adapter/src/attic/box.rs", source("")),
        rule("import", walls::imports, "adapter/src/sites/openai.rs", source("use crate::pool::Pool;")),
        rule(
            "grouped",
            walls::imports,
            "broker/src/login.rs",
            source("use crate::{\n    admin::A,\n    b,\n};"),
        ),
        rule(
            "type",
            types::types,
            "broker/src/a.rs",
            source("struct Planted;\nmod b {\n    pub(super) enum Planted {}\n}"),
        ),
        rule("variable", names::variables, "scripts/up", concat!("echo $LATCH", "KEY_REDS_URL\n").to_owned()),
        rule(
            "threat",
            threats::threats,
            "broker/THREATS.md",
            "| threat | control | tests |\n| --- | --- | --- |\n| a | b | `planted_test` |\n".to_owned(),
        ),
        rule("README", names::documented_variables, "README.md", "nothing\n".to_owned()),
        rule("key", names::redis_keys, "shared/src/keys.rs", source(key)),
        rule(
            "key elsewhere",
            names::redis_keys_elsewhere,
            "adapter/src/a.rs",
            source("const A: &str = \"lk:a\";"),
        ),
    ]);
    all
}

fn of_texts(source: &dyn Fn(&str) -> String, long: &dyn Fn(&str) -> String) -> Vec<Planted> {
    let unfinished = concat!("fn a() { to", "do!() }");
    let sleepy = concat!("fn a() { std::thread::sl", "eep(b) }");
    let machine = concat!("// see /wo", "rk/shared");
    vec![
        rule("header", text::headers, "shared/src/a.rs", "use std::fmt;\n".to_owned()),
        rule("length", text::lengths, "shared/src/a.rs", long("//! Long.")),
        rule("length of a script", text::lengths, "scripts/up", long("#!/bin/bash")),
        rule("mod.rs", text::no_mod_rs, "shared/src/a/mod.rs", source("")),
        rule("trailing space", text::spaces, "README.md", "a \n".to_owned()),
        rule("no newline", text::spaces, "README.md", "a".to_owned()),
        rule("unfinished", text::unfinished, "shared/src/a.rs", source(unfinished)),
        rule("sleep", text::unfinished, "tests/it/a.rs", source(sleepy)),
        rule("machine", text::machines, "shared/src/a.rs", source(machine)),
        rule(
            "registry",
            text::machines,
            "Cargo.lock",
            "source = \"registry+https://example.org\"\n".to_owned(),
        ),
        rule("top level", text::top_level, "justfile", "a:\n".to_owned()),
    ]
}

fn rule(name: &'static str, rule: Rule, path: &'static str, text: String) -> Planted {
    (name, rule, path, text)
}
