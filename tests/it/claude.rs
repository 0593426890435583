//! A real Claude Code edits files through the adapter, whether the site's model knows tools or only text.
//!
//! One table: situation by site. The model answers by looking at the request, never by its order.

use std::fmt::Write;

use serde_json::Value;
use support::{
    claude::{self, ClaudeRun},
    opencode::Project,
    wait,
    world::World,
};

use asked::ModelRequest;
use situations::{ClaudeSituation, ClaudeTrouble};

pub(crate) mod asked;
mod chainlit;
mod given_up;
mod situations;
mod tool_search;

const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");
/// Shorter than the silence of the situation that has one, longer than the adapter's heartbeat.
const IDLE: (&str, &str) = ("CLAUDE_STREAM_IDLE_TIMEOUT_MS", "4000");

/// What the site's chat takes.
#[derive(Clone, Copy, Debug)]
enum Takes {
    Tools,
    Text,
}

/// Two accounts and no broker: a session that ends is not replaced.
async fn world(takes: Takes) -> World {
    let site = match takes {
        Takes::Tools => SITE_FILE.to_owned(),
        Takes::Text => SITE_FILE.replace("tools = true", "tools = false"),
    };
    let options = support::practice::PracticeOptions::with_accounts(&["alice", "bob"]);
    let start = World::start().without_broker().practice(options).site_file(site);
    start.with_session("alice").with_session("bob").adapter_env("LATCHKEY_HEARTBEAT", "1s").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_ends_well_at_a_site_that_takes_tools() {
    every_situation(Takes::Tools).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_ends_well_at_a_site_that_takes_text() {
    every_situation(Takes::Text).await;
}

async fn every_situation(takes: Takes) {
    let mut table = format!("Claude Code, a site that takes {takes:?}\n");
    let mut red = String::new();
    let fits = |situation: &ClaudeSituation| matches!(takes, Takes::Text) || !situation.of_text;
    for situation in situations::all().into_iter().filter(fits) {
        let cell = cell(takes, &situation).await;
        let shown = cell.as_ref().map_or("RED".to_owned(), |asked| format!("{asked} requests to the site"));
        writeln!(table, "{:<32}{shown}", situation.name).unwrap();
        if let Err(why) = cell {
            writeln!(red, "{}: {why}", situation.name).unwrap();
        }
    }
    print(&table);
    assert!(red.is_empty(), "{table}\n{red}");
}

async fn cell(takes: Takes, situation: &ClaudeSituation) -> Result<usize, String> {
    let world = world(takes).await;
    let model = world.practice.model();
    if let ClaudeTrouble::First(reply) = &situation.trouble {
        model.will(reply());
    }
    let answer = situation.answer;
    model.always_with(move |request| answer(&ModelRequest::read(request)));
    let project = Project::new(&[("greeting.txt", "Hello, world!\n")]);

    let url = &world.adapters[0].url;
    let running = claude::run(url, "practice-1", &project, "Write the files", &[IDLE]);
    let (run, ()) = tokio::join!(running, meanwhile(&world, &situation.trouble));

    let asked = model.calls().len();
    let outcome = check(&run, &project, situation).map(|()| asked);
    world.stop().await;
    outcome.map_err(|why| format!("{why}; the site was asked {asked} times; {}", run.stderr))
}

/// The account that serves loses its session in the middle of Claude Code's.
async fn meanwhile(world: &World, trouble: &ClaudeTrouble) {
    if !matches!(trouble, ClaudeTrouble::Expiry) {
        return;
    }
    let model = world.practice.model();
    wait::until(std::time::Duration::from_secs(60), || !model.calls().is_empty()).await;
    world.practice.expire(model.calls()[0].header("x-practice-user"));
}

fn check(run: &ClaudeRun, project: &Project, situation: &ClaudeSituation) -> Result<(), String> {
    if !run.success {
        return Err(format!("it says that it failed: {:?}", run.events.last()));
    }
    let refused = run.refused();
    if !refused.is_empty() {
        return Err(format!("a call was refused: {refused:?}"));
    }
    let files = project.files();
    for (name, content) in situation.after {
        if files.get(*name).map(String::as_str) != Some(content) {
            return Err(format!("{name} holds {:?}", files.get(*name)));
        }
    }
    if files.len() != situation.after.len() {
        return Err(format!("there are {:?}", files.keys()));
    }
    if !run.result().contains(situations::DONE) {
        return Err(format!("its last word is {:?}", run.result()));
    }
    Ok(())
}

/// The arguments of a call that writes a file.
fn file(path: &str, content: &str) -> Value {
    serde_json::json!({"file_path": path, "content": content})
}

#[expect(clippy::print_stdout, reason = "the table is what this test shows")]
fn print(table: &str) {
    println!("{table}");
}
