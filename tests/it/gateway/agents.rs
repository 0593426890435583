//! Real OpenCode, Claude Code and Codex through the gateway, one channel for all: none loops, none ends by itself, and
//! the site is asked as often as it must be.
//!
//! On the stand-in times are short; where somebody has brought a real gateway, the long ones run on it too.

use std::{
    fmt::Write,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::future::join_all;
use serde_json::{Value, json};
use support::{
    claude, codex,
    model::{End, Reply, ScriptedModel},
    new_api::{Console, NewApi, Real, Relaying, brought},
    opencode::{self, Project},
    wait,
    world::World,
};

use super::stage::{PREFIX, channel};
use crate::claude::asked::Asked;

mod situations;

use situations::{Situation, Trouble};

const MODEL: &str = "practice-1";
const DONE: &str = "Done: the file is written.";
const FILE: (&str, &str) = ("a.txt", "Alpha beta\n");
/// Streams at once on the only account.
const PLACES: usize = 2;
/// How often the gateway asks before a client is told.
const TRIES: usize = 2;
/// A client's first start took 12 s on two busy cores; asking again, 20.
const SOON: Duration = Duration::from_secs(60);
/// Longer than an adapter keeps a turn for whoever asks again.
const FREE: Duration = Duration::from_secs(15);

/// A coding agent.
#[derive(Clone, Copy, Debug)]
enum Agent {
    ClaudeCode,
    OpenCode,
    Codex,
}

const AGENTS: [Agent; 3] = [Agent::ClaudeCode, Agent::OpenCode, Agent::Codex];

/// A gateway, the adapter behind it, and its site.
struct Stage {
    console: Console,
    world: World,
    model: ScriptedModel,
    _gateway: Relaying,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_agent_loops_or_ends_by_itself() {
    let mut red = every_situation("the stand-in", Relaying::StandIn(NewApi::start().await), false).await;
    if let Some(binary) = brought() {
        let real = Relaying::Real(Box::new(Real::start(&binary).await));
        red += &every_situation("the real one", real, true).await;
    }
    assert!(red.is_empty(), "{red}");
}

async fn every_situation(name: &str, gateway: Relaying, long: bool) -> String {
    let stage = Stage::start(gateway).await;
    super::print(&format!("{name:<32}{:>16}{:>16}{:>16}", "Claude Code", "OpenCode", "Codex"));
    let mut red = String::new();
    for situation in situations::all(long) {
        let mut row = format!("{:<32}", situation.name);
        for agent in AGENTS {
            let cell = stage.cell(agent, &situation).await;
            let shown =
                cell.as_ref().map_or("RED".to_owned(), |asked| format!("{asked} of {}", situation.least));
            write!(row, "{shown:>16}").unwrap();
            if let Err(why) = cell {
                writeln!(red, "{name}, {}, {agent:?}: {why}", situation.name).unwrap();
            }
        }
        super::print(&row);
    }
    stage.world.stop().await;
    red
}

impl Stage {
    async fn start(gateway: Relaying) -> Self {
        let start = World::start().without_broker().with_session("alice");
        let start = start.concurrency(u32::try_from(PLACES).unwrap());
        let start =
            situations::ADAPTER.iter().fold(start, |start, (name, value)| start.adapter_env(name, value));
        let world = start.await;
        let console = gateway.console();
        console.set("RetryTimes", "1").await;
        let base = format!("{}{PREFIX}", world.adapters[0].url.as_str().trim_end_matches('/'));
        console.add(&channel(60, MODEL, &base)).await;
        let model = world.practice.model();
        Self { console, world, model, _gateway: gateway }
    }

    /// One agent in one situation; how often the site was asked.
    async fn cell(&self, agent: Agent, situation: &Situation) -> Result<usize, String> {
        self.script(agent, situation);
        let project = Project::new(&[]);
        let outcome = match situation.trouble {
            Trouble::Interrupted => self.interrupt(agent, &project).await,
            Trouble::Full => self.full(agent, &project).await,
            Trouble::No | Trouble::First(_) => agent.run(&self.console, &project).await,
        };
        let outcome = match situation.trouble {
            Trouble::Interrupted => outcome,
            _ => outcome.and_then(|()| check(&project)),
        };
        // Whoever was cut off holds a place for a moment.
        let free = || self.model.count(End::Running) + self.model.count(End::Held) == 0;
        let outcome = match wait::holds_within(FREE, free).await {
            true => outcome,
            false => outcome.and(Err("a place stays taken".to_owned())),
        };
        let asked = self.model.calls().iter().filter(|call| has_tools(&call.body)).count();
        let outcome = outcome.and_then(|()| match asked <= situation.most {
            true => Ok(asked),
            false => Err(format!("{} are enough", situation.most)),
        });
        outcome.map_err(|why| format!("{why}; the site was asked {asked} times"))
    }

    /// Has the site's model be in a situation from now on.
    fn script(&self, agent: Agent, situation: &Situation) {
        self.model.reset();
        let (trouble, turns) = (situation.trouble, AtomicUsize::new(0));
        self.model.always_with(move |request| {
            if !has_tools(request) {
                return Reply::text("A title");
            }
            match trouble {
                Trouble::Interrupted => Reply::new().silence(),
                Trouble::First(reply) if turns.fetch_add(1, Ordering::SeqCst) == 0 => reply(agent),
                _ if Asked::read(request).results == 0 => agent.call(Reply::text("I write.\n\n")),
                _ => Reply::text(DONE),
            }
        });
    }

    /// Every place is taken until the client has been told so once.
    async fn full(&self, agent: Agent, project: &Project) -> Result<(), String> {
        let body =
            json!({"model": MODEL, "stream": true, "messages": [{"role": "user", "content": "Stay."}]});
        let before = self.failures().await;
        for _ in 0..PLACES {
            self.model.will(Reply::text("Here.").hold());
        }
        let holding = join_all((0..PLACES).map(|_| self.console.asks("/v1/chat/completions", &body).send()));
        let held = holding.await;
        wait::until(SOON, || self.model.count(End::Held) == PLACES).await;
        let refused = async {
            wait::until_some(SOON, async || (before + TRIES <= self.failures().await).then_some(())).await;
            self.model.release(PLACES);
        };
        let (ran, ()) = tokio::join!(agent.run(&self.console, project), refused);
        drop(held);
        ran
    }

    /// The agent's process dies before the site's first word: its place is free as soon as the gateway tells of it.
    async fn interrupt(&self, agent: Agent, project: &Project) -> Result<(), String> {
        let running = agent.run(&self.console, project);
        let asked = wait::until_some(SOON, async || {
            let turns = self.model.calls();
            turns.iter().any(|call| has_tools(&call.body)).then_some(())
        });
        tokio::select! {
            ended = running => return ended.and(Err("it ended by itself".to_owned())),
            () = asked => {}
        }
        match wait::holds_within(FREE, || self.model.count(End::Cancelled) > 0).await {
            true => Ok(()),
            false => Err("the site is never told".to_owned()),
        }
    }

    /// How many tries the gateway has logged as failed.
    async fn failures(&self) -> usize {
        self.console.log().await.iter().filter(|row| row["type"] == 5).count()
    }
}

/// Whether a request is a turn of an agent.
fn has_tools(request: &Value) -> bool {
    request["tools"].as_array().is_some_and(|tools| !tools.is_empty())
}

fn check(project: &Project) -> Result<(), String> {
    let files = project.files();
    match files.get(FILE.0).map(String::as_str) == Some(FILE.1) {
        true => Ok(()),
        false => Err(format!("there are {files:?}")),
    }
}

impl Agent {
    /// An answer that writes the file, after what was said.
    fn call(self, said: Reply) -> Reply {
        let (path, content) = FILE;
        let (name, arguments) = match self {
            Self::ClaudeCode => ("Write", json!({"file_path": path, "content": content})),
            Self::OpenCode => ("write", json!({"filePath": path, "content": content})),
            Self::Codex => {
                ("exec_command", json!({"cmd": format!("echo '{}' > {path}", content.trim_end())}))
            }
        };
        said.tool_call(0, "call_1", name, &arguments.to_string())
    }

    /// Works on a project until it ends by itself; why that was not well.
    async fn run(self, gateway: &Console, project: &Project) -> Result<(), String> {
        let (url, key, prompt) = (&gateway.url, gateway.key.as_str(), "Write the file");
        let (success, said, shown) = match self {
            Self::ClaudeCode => {
                let env = [("ANTHROPIC_AUTH_TOKEN", key)];
                let run = claude::run(url, MODEL, project, prompt, &env).await;
                (run.success, run.result().to_owned(), format!("{:?} {}", run.events.last(), run.stderr))
            }
            Self::OpenCode => {
                let run = opencode::run_with(url, project, prompt, &json!({"apiKey": key})).await;
                let texts = run.events("text");
                let said = texts.last().and_then(|event| event["part"]["text"].as_str()).unwrap_or_default();
                (run.status.success(), said.to_owned(), format!("{:?} {}", run.events.last(), run.stderr))
            }
            Self::Codex => {
                let run = codex::run(url, key, MODEL, project, prompt).await;
                (run.success, run.result().to_owned(), format!("{:?} {}", run.events, run.stderr))
            }
        };
        match success && said.contains(DONE) {
            true => Ok(()),
            false => Err(format!("its last word is {said:?}: {shown}")),
        }
    }
}
