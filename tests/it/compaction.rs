//! Conversations that grow past what a site takes: real agents make them shorter and go on.
//!
//! The site's model talks at length in each answer, which nothing here may cut; it is done once it is shown what it
//! summed up.

use serde_json::{Value, json};
use support::{
    claude, codex,
    model::{Reply, ScriptedModel},
    opencode::{self, Project},
    world::{SHARED_SECRET, World},
};

use crate::{claude::asked::ModelRequest, opencode::dialect::Dialect};

const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");
const LIMIT_BYTES: usize = 200_000;
/// How long the model talks, and how long near the end: what overflows with the agent's tools must fit without them.
const TALK_BYTES: [usize; 2] = [30_000, 9_000];
const NEAR_BYTES: usize = 130_000;
const MODEL: &str = "practice-1";
const SUMMED_UP: &str = "Summed up: all files were read, say that the work is done.";
const DONE: &str = "Done: the work is over.";
const PROMPT: &str = "Do the work";

#[derive(Clone, Copy, Debug)]
enum TalkedAgent {
    OpenCode,
    ClaudeCode,
    Codex,
}

#[tokio::test(flavor = "multi_thread")]
async fn opencode_goes_on_when_its_conversation_outgrows_the_site() {
    goes_on(TalkedAgent::OpenCode).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_goes_on_when_its_conversation_outgrows_the_site() {
    goes_on(TalkedAgent::ClaudeCode).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_goes_on_when_its_conversation_outgrows_the_site() {
    goes_on(TalkedAgent::Codex).await;
}

async fn goes_on(agent: TalkedAgent) {
    let world = world().await;
    script(&world.practice.model(), agent);

    let ran = agent.run(&world).await;

    let lengths: Vec<usize> = world.practice.model().calls().iter().map(|call| length(&call.body)).collect();
    assert_eq!(ran, Ok(()), "prompts of {lengths:?} bytes");
    assert!(lengths.iter().all(|length| *length <= LIMIT_BYTES), "{lengths:?}");
    world.stop().await;
}

async fn world() -> World {
    let chat = format!("tools = false\nprompt_bytes = {LIMIT_BYTES}");
    let site = SITE_FILE.replace("tools = true", &chat);
    World::start().without_broker().site_file(site).with_session("alice").await
}

/// Has the model talk and call, over and over, until it is shown its summary.
fn script(model: &ScriptedModel, agent: TalkedAgent) {
    model.always_with(move |request| {
        let messages = request["messages"].as_array().unwrap();
        let said = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
        let last = messages.last().map(said).unwrap_or_default();
        let all: String = messages.iter().map(said).collect();
        if all.contains(SUMMED_UP) {
            return Reply::text(DONE);
        }
        if asks_for_a_summary(&last) {
            return Reply::text(SUMMED_UP);
        }
        let Some(dialect) = Dialect::read(&all) else { return Reply::text("A title") };
        let results = ModelRequest::read(request).results;
        let [far, near] = TALK_BYTES;
        let bytes = if all.len() < NEAR_BYTES { far } else { near };
        let talk = "I think about what I have read so far. ".repeat(bytes / 39);
        Reply::text(&format!("{talk}\n\n{}", dialect.calls(&[agent.read(results)])))
    });
}

/// Whether a client wants its conversation told in few words; it says so at the end, whatever else it says.
fn asks_for_a_summary(last: &str) -> bool {
    let last = last.to_lowercase();
    let words =
        ["create a detailed summary of", "handoff summary", "anchored summary", "create a new anchored"];
    words.iter().any(|words| last.contains(words))
}

fn length(request: &Value) -> usize {
    let messages = request["messages"].as_array().unwrap();
    messages.iter().filter_map(|message| message["content"].as_str()).map(str::len).sum()
}

impl TalkedAgent {
    /// A call that reads another line each time.
    fn read(self, number: usize) -> (&'static str, Value) {
        let line = (number + 1).to_string();
        match self {
            Self::OpenCode => ("read", json!({"filePath": "lines.txt", "offset": line, "limit": "1"})),
            Self::ClaudeCode => ("Read", json!({"file_path": "lines.txt", "offset": line, "limit": "1"})),
            Self::Codex => ("exec_command", json!({"cmd": format!("sed -n {line}p lines.txt")})),
        }
    }

    async fn run(self, world: &World) -> Result<(), String> {
        let lines: String = (1..=200).map(|line| format!("line {line}\n")).collect();
        let project = Project::new(&[("lines.txt", &lines)]);
        let url = &world.adapters[0].url;
        let (said, shown) = match self {
            Self::OpenCode => {
                let run = opencode::run(url, &project, PROMPT).await;
                let texts = run.events("text");
                let said = texts.last().and_then(|event| event["part"]["text"].as_str()).unwrap_or_default();
                (said.to_owned(), format!("{:?} {:?} {}", run.status, run.events.last(), run.stderr))
            }
            Self::ClaudeCode => {
                let run = claude::run(url, MODEL, &project, PROMPT, &[]).await;
                (run.result().to_owned(), format!("{:?} {}", run.events.last(), run.stderr))
            }
            Self::Codex => {
                // As `/v1/models` tells it: it shortens a running turn by that alone.
                let settings = ["model_context_window=40000".to_owned()];
                let run = codex::run_with(url, SHARED_SECRET, MODEL, &project, PROMPT, &settings).await;
                (run.result().to_owned(), format!("{:?} {}", run.events, run.stderr))
            }
        };
        match said.contains(DONE) {
            true => Ok(()),
            false => Err(format!("its last word is {said:.300?}: {shown:.9000}")),
        }
    }
}
