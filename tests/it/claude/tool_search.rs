//! A real Claude Code that searches for its tools: what is deferred is offered once it was found.

use serde_json::{Value, json};
use support::{claude, model::Reply, opencode::Project, world::World};

use super::asked::{ModelRequest, pieces};

const SITE_FILE: &str = include_str!("../../../shared/sites/practice.toml");
const FOUND: &str = "mcp__notes__keep";
/// Only the tool's own declaration says it.
const ABOUT: &str = "Keeps a note.";
const NOTE: &str = "<b>\"Oslo\"</b> & 'x'";
const DONE: &str = "Done: the note is kept.";

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_is_found_is_offered_and_works() {
    for takes_tools in [true, false] {
        let site = SITE_FILE.replace("tools = true", &format!("tools = {takes_tools}"));
        let world = World::start().without_broker().site_file(site).with_session("alice").await;
        let model = world.practice.model();
        model.always_with(answer);
        let project = Project::new(&[]);

        let url = &world.adapters[0].url;
        let env = [("ENABLE_TOOL_SEARCH", "true")];
        let mut notes = claude::notes(&project);
        notes.push("--allowedTools=mcp__notes__keep".to_owned());
        let run = claude::run_with(url, "practice-1", &project, "Keep a note", &env, &notes).await;

        let asked: Vec<String> = model.calls().iter().map(|call| call.body.to_string()).collect();
        let files = project.files();
        let told = format!("{:?} {}", run.events, run.stderr);
        assert!(run.success && run.result() == DONE, "{told}");
        assert_eq!(files.get("notes.txt").map(String::as_str), Some(NOTE), "{told}");
        assert_eq!(run.refused(), Vec::<String>::new());
        let offers: Vec<bool> = asked.iter().map(|body| body.contains(ABOUT)).collect();
        assert_eq!(offers, [false, true, true], "tools = {takes_tools}");
        assert!(asked.iter().all(|body| !body.contains("DeferredToolPlaceholder")));
        assert!(asked[1].contains("Tool found: mcp__notes__keep"), "the result says what was found");
        world.stop().await;
    }
}

fn answer(request: &Value) -> Reply {
    let read = ModelRequest::read(request);
    let calls = [("ToolSearch", json!({"query": format!("select:{FOUND}")})), (FOUND, json!({"text": NOTE}))];
    match calls.get(read.results) {
        Some(call) if !read.again => read.call(std::slice::from_ref(call)),
        _ => pieces(DONE),
    }
}
