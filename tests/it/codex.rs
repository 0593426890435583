//! A real Codex works with all of its tools through the balancer and the adapter, by requests and over a WebSocket: patches, an MCP server's tool, its search for tools and its
//! scripts, whether the site's model knows tools or only text.
//!
//! Which tools it declares, and how, depends on the model's name: it knows some.

use std::{fmt::Write, time::Duration};

use serde_json::{Value, json};
use support::{
    balancer::Balancer,
    codex,
    model::Reply,
    opencode::Project,
    wait,
    world::{SHARED_SECRET, World},
};

use crate::claude::asked::{ModelRequest, pieces};

const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");
/// Until the balancer has told of a request that is over.
const LOGGED: Duration = Duration::from_secs(20);
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
    every_work("a site that takes tools", true, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_its_tools_work_at_a_site_that_takes_text() {
    every_work("a site that takes text", false, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_its_tools_work_over_a_websocket_at_a_site_that_takes_tools() {
    every_work("over WebSocket, a site that takes tools", true, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_its_tools_work_over_a_websocket_at_a_site_that_takes_text() {
    every_work("over WebSocket, a site that takes text", false, true).await;
}

async fn every_work(site: &str, takes_tools: bool, by_socket: bool) {
    let mut table = format!("Codex, {site}\n");
    let mut red = String::new();
    for work in &WORKS {
        let cell = cell(work, takes_tools, by_socket).await;
        let shown = cell.as_ref().map_or("RED".to_owned(), |asked| format!("{asked} requests to the site"));
        writeln!(table, "{:<12}{:<36}{shown}", work.model, work.shown).unwrap();
        if let Err(why) = cell {
            writeln!(red, "{}: {why}", work.model).unwrap();
        }
    }
    print(&table);
    assert!(red.is_empty(), "{table}\n{red}");
}

async fn cell(work: &CodexWork, takes_tools: bool, by_socket: bool) -> Result<usize, String> {
    let site = SITE_FILE.replace("\"practice-1\"", &format!("{:?}", work.model));
    let site = site.replace("tools = true", &format!("tools = {takes_tools}"));
    let world = World::start().without_broker().site_file(site).with_session("alice").await;
    let model = world.practice.model();
    let calls = (work.calls)();
    model.always_with(move |request| answer(&calls, request));
    let project = Project::new(&[("greeting.txt", BEFORE)]);
    let mut settings = codex::notes(&project);
    settings.extend(by_socket.then(|| "model_providers.latchkey.supports_websockets=true".to_owned()));
    // Its log says by which way Codex came, which else goes another one without a word.
    let balancer = Balancer::start(&[&world.adapters[0].url]).await;

    let run =
        codex::run_with(&balancer.url, SHARED_SECRET, work.model, &project, "Keep a note", &settings).await;

    let asked = model.calls().len();
    let ways = wait::until_some(LOGGED, async || {
        Some(balancer.requests()).filter(|requests| requests.contains(" /v1/responses "))
    })
    .await;
    let posted = ways.contains("POST /v1/responses ");
    if posted == by_socket || by_socket != ways.contains("\"GET /v1/responses HTTP/1.1\" 101") {
        return Err(format!("it came by another way: {ways}"));
    }
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
