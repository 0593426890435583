//! A real Codex works with all of its tools through the adapter: patches, an MCP server's tool, its search for tools and its
//! scripts, whether the site's model knows tools or only text.
//!
//! Which tools it declares, and how, depends on the model's name: it knows some.

use std::fmt::Write;

use serde_json::{Value, json};
use support::{
    codex,
    model::Reply,
    opencode::Project,
    world::{SHARED_SECRET, World},
};

use crate::claude::asked::{ModelRequest, pieces};

const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");
const DONE: &str = "Done: the note is kept.";
const NOTE: &str = "<b>\"Oslo\"</b> & 'x'";
const BEFORE: &str = "Hello, world!\n";
const AFTER: &str = "Hello, \"Oslo\" & <b>`x`</b>!\n";

/// What the model calls, one after the other; the last word follows.
struct CodexWork {
    /// A name that makes Codex declare its tools in one way.
    model: &'static str,
    shown: &'static str,
    calls: fn() -> Vec<(&'static str, Value)>,
    edits: bool,
}

const WORKS: [CodexWork; 3] = [
    CodexWork {
        model: "practice-1",
        shown: "namespaces",
        calls: || vec![("mcp__notes__keep", json!({"text": NOTE}))],
        edits: false,
    },
    CodexWork {
        model: "gpt-5.5",
        shown: "a patch, a search for tools",
        calls: || {
            vec![
                ("apply_patch", json!({"input": patch()})),
                ("tool_search", json!({"query": "keep a note"})),
                ("mcp__notes__keep", json!({"text": NOTE})),
            ]
        },
        edits: true,
    },
    CodexWork {
        model: "gpt-6-sol",
        shown: "scripts, tools among the items",
        calls: || vec![("exec", json!({"input": script()}))],
        edits: true,
    },
];

fn patch() -> String {
    format!("*** Begin Patch\n*** Update File: greeting.txt\n@@\n-{BEFORE}+{AFTER}*** End Patch\n")
}

fn script() -> String {
    let patch = json!(patch());
    let note = json!({"text": NOTE});
    format!("await tools.apply_patch({patch});\nawait tools.mcp__notes__keep({note});\ntext(\"both\");\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_its_tools_work_at_a_site_that_takes_tools() {
    every_work("a site that takes tools", true, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_its_tools_work_at_a_site_that_takes_text() {
    every_work("a site that takes text", false, &[]).await;
}

async fn every_work(site: &str, takes_tools: bool, settings: &[String]) {
    let mut table = format!("Codex, {site}\n");
    let mut red = String::new();
    for work in &WORKS {
        let cell = cell(work, takes_tools, settings).await;
        let shown = cell.as_ref().map_or("RED".to_owned(), |asked| format!("{asked} requests to the site"));
        writeln!(table, "{:<12}{:<36}{shown}", work.model, work.shown).unwrap();
        if let Err(why) = cell {
            writeln!(red, "{}: {why}", work.model).unwrap();
        }
    }
    print(&table);
    assert!(red.is_empty(), "{table}\n{red}");
}

async fn cell(work: &CodexWork, takes_tools: bool, settings: &[String]) -> Result<usize, String> {
    let site = SITE_FILE.replace("\"practice-1\"", &format!("{:?}", work.model));
    let site = site.replace("tools = true", &format!("tools = {takes_tools}"));
    let world = World::start().without_broker().site_file(site).with_session("alice").await;
    let model = world.practice.model();
    let calls = (work.calls)();
    model.always_with(move |request| answer(&calls, request));
    let project = Project::new(&[("greeting.txt", BEFORE)]);
    let settings = [codex::notes(&project), settings.to_vec()].concat();

    let url = &world.adapters[0].url;
    let run = codex::run_with(url, SHARED_SECRET, work.model, &project, "Keep a note", &settings).await;

    let asked = model.calls().len();
    let files = project.files();
    world.stop().await;
    let holds = |name: &str, content: &str| files.get(name).is_some_and(|is| is == content);
    let edited = holds("greeting.txt", if work.edits { AFTER } else { BEFORE });
    match run.success && run.result().contains(DONE) && holds("notes.txt", NOTE) && edited {
        true => Ok(asked),
        false => Err(format!("there are {files:?} after {asked} requests: {:?} {}", run.events, run.stderr)),
    }
}

fn answer(calls: &[(&'static str, Value)], request: &Value) -> Reply {
    let read = ModelRequest::read(request);
    match calls.get(read.results) {
        Some(call) if !read.again => read.call(std::slice::from_ref(call)),
        _ => pieces(DONE),
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this test shows")]
fn print(table: &str) {
    println!("{table}");
}
