//! The whole chain but for the gateway: each real client before an adapter before each kind of site, in every situation.
//!
//! A broker signs in with Chromium, a real Claude Code or OpenCode edits files, and the site's model answers by looking
//! at the request. Each site is a table of its own: situation by client.

use std::{
    fmt::Write,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use support::{
    claude,
    model::{CallEnd, Reply},
    opencode::{self, Project},
    wait,
};

use crate::{claude::asked::ModelRequest, opencode::ask::Ask};
use situations::{ChainSituation, ChainTrouble};
use stage::ChainStage;

mod situations;
mod stage;

/// Shorter than the silence of the situation that has one, longer than the adapter's heartbeat.
const IDLE_MS: u64 = 4000;
/// A client's first start took 12 s on two busy cores.
const SOON: Duration = Duration::from_secs(60);

/// A coding agent.
#[derive(Clone, Copy, Debug)]
enum CodingAgent {
    ClaudeCode,
    OpenCode,
}

/// How an agent calls its tools.
#[derive(Clone, Copy, Debug)]
struct Hands {
    read: &'static str,
    write: &'static str,
    edit: &'static str,
    path: &'static str,
    old: &'static str,
    new: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_edit_files_over_a_site_that_takes_text() {
    every_situation(ChainStage::practice().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_edit_files_over_a_real_open_webui() {
    every_situation(ChainStage::open_webui().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_edit_files_over_a_real_gradio() {
    every_situation(ChainStage::gradio().await).await;
}

async fn every_situation(stage: ChainStage) {
    let mut table = format!("{:<28}{:>13}{:>13}\n", stage.name, "Claude Code", "OpenCode");
    let mut red = String::new();
    for situation in situations::all() {
        write!(table, "{:<28}", situation.name).unwrap();
        for client in [CodingAgent::ClaudeCode, CodingAgent::OpenCode] {
            let cell = cell(&stage, client, &situation).await;
            let shown = cell.as_ref().map_or("RED".to_owned(), |asked| format!("{asked} requests"));
            write!(table, "{shown:>13}").unwrap();
            if let Err(why) = cell {
                writeln!(red, "{}, {client:?}: {why}", situation.name).unwrap();
            }
        }
        table.push('\n');
    }
    print(&table);
    assert!(red.is_empty(), "{table}\n{red}");
    stage.stop().await;
}

async fn cell(stage: &ChainStage, client: CodingAgent, situation: &ChainSituation) -> Result<usize, String> {
    script(stage, client.hands(), situation);
    let project = Project::new(&[("greeting.txt", "Hello, world!\n")]);

    let running = client.run(stage, &project, situation.is_silent);
    let (ran, ()) = tokio::join!(running, meanwhile(stage, &situation.trouble));

    let asked = stage.model.calls().iter().filter(|call| has_tools(&call.body)).count();
    let outcome =
        ran.and_then(|said| check(&said, &project, situation)).and_then(|()| match situation.asked {
            Some(count) if count != asked => Err("a client gave up and asked again".to_owned()),
            _ => Ok(asked),
        });
    outcome.map_err(|why| format!("{why}; the site was asked {asked} times"))
}

/// Has the site's model be in a situation from now on.
fn script(stage: &ChainStage, hands: Hands, situation: &ChainSituation) {
    stage.model.reset();
    let answer = situation.answer;
    let trouble = situation.trouble;
    let troubled = AtomicBool::new(false);
    stage.model.always_with(move |request| {
        if !has_tools(request) {
            return Reply::text("A title");
        }
        match trouble {
            ChainTrouble::First(reply) if !troubled.swap(true, Ordering::SeqCst) => reply(),
            ChainTrouble::No | ChainTrouble::First(_) | ChainTrouble::Expiry => {
                answer(&ModelRequest::read(request), &hands)
            }
        }
    });
}

/// Whether a request is a turn of an agent, with its tools beside it or written out.
fn has_tools(request: &Value) -> bool {
    request["tools"].as_array().is_some_and(|tools| !tools.is_empty()) || Ask::read(request).is_some()
}

/// The session that serves ends while the first answer is on its way.
async fn meanwhile(stage: &ChainStage, trouble: &ChainTrouble) {
    if matches!(trouble, ChainTrouble::Expiry) {
        wait::until(SOON, || stage.model.count(CallEnd::Held) == 1).await;
        stage.world.spoil(stage.account).await;
        stage.model.release(1);
    }
}

fn check(said: &str, project: &Project, situation: &ChainSituation) -> Result<(), String> {
    let files = project.files();
    for (name, content) in situation.after {
        if files.get(*name).map(String::as_str) != Some(content) {
            return Err(format!("{name} holds {:?}; the last word is {said:?}", files.get(*name)));
        }
    }
    if files.len() != situation.after.len() {
        return Err(format!("there are {:?}", files.keys()));
    }
    if said.contains(situations::DONE) { Ok(()) } else { Err(format!("the last word is {said:?}")) }
}

impl CodingAgent {
    fn hands(self) -> Hands {
        match self {
            Self::ClaudeCode => Hands {
                read: "Read",
                write: "Write",
                edit: "Edit",
                path: "file_path",
                old: "old_string",
                new: "new_string",
            },
            Self::OpenCode => Hands {
                read: "read",
                write: "write",
                edit: "edit",
                path: "filePath",
                old: "oldString",
                new: "newString",
            },
        }
    }

    /// Works on a project; the client's last word, or why it failed.
    async fn run(self, stage: &ChainStage, project: &Project, impatient: bool) -> Result<String, String> {
        let adapter = &stage.world.adapters[0].url;
        let prompt = "Write the files";
        match self {
            Self::ClaudeCode => {
                let idle = IDLE_MS.to_string();
                let env: &[(&str, &str)] =
                    if impatient { &[("CLAUDE_STREAM_IDLE_TIMEOUT_MS", &idle)] } else { &[] };
                let run = claude::run(adapter, "practice-1", project, prompt, env).await;
                match (run.success, run.refused()) {
                    (true, refused) if refused.is_empty() => Ok(run.result().to_owned()),
                    (_, refused) => Err(format!("{refused:?}, {:?}, {}", run.events.last(), run.stderr)),
                }
            }
            Self::OpenCode => {
                let options = if impatient { json!({"chunkTimeout": IDLE_MS}) } else { json!({}) };
                let run = opencode::run_with(adapter, project, prompt, &options).await;
                let done = |event: &&Value| event["part"]["state"]["status"] == "completed";
                if !run.status.success() || !run.events("tool_use").iter().all(done) {
                    return Err(format!("{:?}, {}", run.events.last(), run.stderr));
                }
                let last = run.events("text").last().and_then(|event| event["part"]["text"].as_str());
                Ok(last.unwrap_or_default().to_owned())
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this test shows")]
fn print(table: &str) {
    println!("{table}");
}
