//! The newest Claude Code and OpenCode work at a site whose model knows only text: with an MCP server, a list of things to
//! do, a plan, a page of the web, a picture and a large file. A matrix says how often the site was asked, beside the least
//! possible: once for each call, and once for the last word.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::{
    claude, codex,
    model::{Reply, ScriptedModel},
    opencode::{self, Project},
    parts::PICTURE,
    world::World,
};

use crate::opencode::ask::{Ask, RequestedStep};
use page::Page;

mod page;

const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");
const DONE: &str = "Done: everything is as it was asked for.";
const PLAN: &str = "The plan:\n\n1. Read the greeting\n2. Greet Oslo in it";
const NOTE: &str = "<b>\"Oslo\"</b> & 'x'";
const GREETING: &str = "Hello, world!\n";
/// What the page says.
const WEATHER: &str = "It rains in Oslo on 4711 days.";
const LARGE_BYTES: usize = 600_000;

/// A client.
#[derive(Clone, Copy, Debug)]
enum AgentClient {
    ClaudeCode,
    OpenCode,
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AgentWork {
    Mcp,
    Todo,
    Plan,
    Web,
    Picture,
    Large,
    /// Claude Code names tools that it does not declare. A model that calls one at once is asked again once, since another
    /// client's would be a slip, and the call is passed on as it is.
    McpAtOnce,
    WebAtOnce,
}

/// How often the site was asked: with tools, and for what clients ask besides.
struct AskedOfSite {
    turns: usize,
    others: usize,
}

impl AgentWork {
    const ALL: [Self; 8] = [
        Self::Mcp,
        Self::Todo,
        Self::Plan,
        Self::Web,
        Self::Picture,
        Self::Large,
        Self::McpAtOnce,
        Self::WebAtOnce,
    ];

    fn is_of(self, agent: AgentClient) -> bool {
        matches!(agent, AgentClient::ClaudeCode) || !self.is_at_once()
    }

    fn is_at_once(self) -> bool {
        matches!(self, Self::McpAtOnce | Self::WebAtOnce)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Mcp => "a tool of an MCP server",
            Self::Todo => "a list of things to do",
            Self::Plan => "a plan, after a file was read",
            Self::Web => "a page of the web",
            Self::Picture => "a picture that a tool reads",
            Self::Large => "a file of 600 kB",
            Self::McpAtOnce => "a tool of an MCP server, at once",
            Self::WebAtOnce => "a page of the web, at once",
        }
    }

    /// What the model says at last.
    fn last_word(self) -> &'static str {
        if matches!(self, Self::Plan) { PLAN } else { DONE }
    }

    /// What the model calls, one after the other.
    fn calls(self, agent: AgentClient, project: &Project, page: &Page) -> Vec<(&'static str, Value)> {
        let path = |name: &str| project.path().join(name).display().to_string();
        let find = |names: &str| ("ToolSearch", json!({"query": format!("select:{names}")}));
        let keep = ("mcp__notes__keep", json!({"text": NOTE}));
        let fetch = ("WebFetch", json!({"url": page.url, "prompt": "How is the weather?"}));
        let todo = json!([{"content": "Greet", "status": "pending", "priority": "high"}]);
        match (agent, self) {
            (AgentClient::ClaudeCode, Self::Mcp) => vec![find(keep.0), keep],
            (AgentClient::ClaudeCode, Self::McpAtOnce) => vec![keep],
            (AgentClient::ClaudeCode, Self::Todo) => vec![
                find("TaskCreate,TaskUpdate"),
                ("TaskCreate", json!({"subject": "Greet", "description": "Greet Oslo."})),
                ("TaskUpdate", json!({"taskId": "1", "status": "completed"})),
            ],
            (AgentClient::ClaudeCode, Self::Plan) => {
                vec![("Read", json!({"file_path": path("greeting.txt")}))]
            }
            (AgentClient::ClaudeCode, Self::Web) => vec![find(fetch.0), fetch],
            (AgentClient::ClaudeCode, Self::WebAtOnce) => vec![fetch],
            (AgentClient::ClaudeCode, Self::Picture) => {
                vec![("Read", json!({"file_path": path("pixel.png")}))]
            }
            (AgentClient::ClaudeCode, Self::Large) => {
                vec![("Write", json!({"file_path": path("large.txt"), "content": large()}))]
            }
            (AgentClient::OpenCode, Self::Mcp | Self::McpAtOnce) => {
                vec![("notes_keep", json!({"text": NOTE}))]
            }
            (AgentClient::OpenCode, Self::Todo) => vec![("todowrite", json!({"todos": todo}))],
            (AgentClient::OpenCode, Self::Plan) => vec![("read", json!({"filePath": path("greeting.txt")}))],
            (AgentClient::OpenCode, Self::Web | Self::WebAtOnce) => {
                vec![("webfetch", json!({"url": page.url, "format": "text"}))]
            }
            (AgentClient::OpenCode, Self::Picture) => vec![("read", json!({"filePath": path("pixel.png")}))],
            (AgentClient::OpenCode, Self::Large) => {
                vec![("write", json!({"filePath": path("large.txt"), "content": large()}))]
            }
        }
    }
}

/// Lines of which each is like no other.
fn large() -> String {
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= LARGE_BYTES {
            break;
        }
        writeln!(text, "{number}: <b>\"x\"</b> & 'y' \\n").unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_does_every_kind_of_work_by_the_least_of_questions() {
    every_work(AgentClient::ClaudeCode).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opencode_does_every_kind_of_work_by_the_least_of_questions() {
    every_work(AgentClient::OpenCode).await;
}

async fn every_work(agent: AgentClient) {
    let page = Page::start(WEATHER).await;
    let mut table = format!("{agent:?}, a site that takes text\n");
    let mut red = String::new();
    for work in AgentWork::ALL.into_iter().filter(|work| work.is_of(agent)) {
        let cell = cell(agent, work, &page).await;
        let shown = cell.as_ref().map_or("RED", String::as_str);
        writeln!(table, "{:<36}{shown}", work.name()).unwrap();
        if let Err(why) = cell {
            writeln!(red, "{}: {why}", work.name()).unwrap();
        }
    }
    print(&table);
    assert!(red.is_empty(), "{table}\n{red}");
}

async fn cell(agent: AgentClient, work: AgentWork, page: &Page) -> Result<String, String> {
    let site = SITE_FILE.replace("tools = true", "tools = false");
    let world = World::start().without_broker().site_file(site).with_session("alice").await;
    let model = world.practice.model();
    let project = Project::new(&[("greeting.txt", GREETING)]);
    let (_, picture) = PICTURE.split_once(',').unwrap();
    std::fs::write(project.path().join("pixel.png"), STANDARD.decode(picture).unwrap()).unwrap();
    let calls = work.calls(agent, &project, page);
    let made = calls.len();
    let least = made + 1;
    model.always_with(move |request| answer(&calls, work, request));

    let said = match agent {
        AgentClient::ClaudeCode => claude_code(&world, work, &project, page).await,
        AgentClient::OpenCode => open_code(&world, work, &project, page).await,
    };

    let outcome = said.and_then(|said| check(work, &said, &project, &model, made));
    let AskedOfSite { turns, others } = asked(&model);
    world.stop().await;
    outcome.map_err(|why| format!("{why} (asked {turns} + {others} times)"))?;
    let shown = format!("ok   {turns} questions of {least}, and {others} without tools");
    let bound = least + usize::from(work.is_at_once());
    if turns == bound { Ok(shown) } else { Err(shown) }
}

/// The next call, or the last word. What is asked without tools is a title, or what a page says.
fn answer(calls: &[(&'static str, Value)], work: AgentWork, request: &Value) -> Reply {
    let Some(ask) = Ask::read(request) else { return Reply::text("Weather: rain.") };
    let goes_on = matches!(ask.step, RequestedStep::Begin | RequestedStep::GoOn(_));
    // It stays with a call that it is told to be none, as models do that were told of the tool.
    match calls.get(ask.results) {
        Some(call) if goes_on || work.is_at_once() => pieces(&ask.dialect.calls(std::slice::from_ref(call))),
        _ => pieces(work.last_word()),
    }
}

/// A text in pieces as large as sites send them.
fn pieces(text: &str) -> Reply {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(1 << 10).fold(Reply::new(), |reply, piece| reply.piece(&piece.iter().collect::<String>()))
}

fn asked(model: &ScriptedModel) -> AskedOfSite {
    let calls = model.calls();
    let turns = calls.iter().filter(|call| Ask::read(&call.body).is_some()).count();
    AskedOfSite { turns, others: calls.len() - turns }
}

/// The option that gives leave to call tools.
fn allowed(tools: &str) -> String {
    format!("--allowedTools={tools}")
}

async fn claude_code(
    world: &World,
    work: AgentWork,
    project: &Project,
    page: &Page,
) -> Result<String, String> {
    let [server, file] = codex::notes_server(project);
    let servers = json!({"mcpServers": {"notes": {"command": "python3", "args": [server, file]}}});
    let options = match work {
        AgentWork::Mcp | AgentWork::McpAtOnce => {
            vec!["--mcp-config".to_owned(), servers.to_string(), allowed("mcp__notes__keep")]
        }
        AgentWork::Plan => vec!["--permission-mode=plan".to_owned()],
        AgentWork::Web | AgentWork::WebAtOnce => {
            let settings = json!({"skipWebFetchPreflight": true});
            vec!["--settings".to_owned(), settings.to_string(), allowed("WebFetch")]
        }
        AgentWork::Todo | AgentWork::Picture | AgentWork::Large => {
            vec!["--permission-mode=acceptEdits".to_owned(), allowed("Read,Write,TaskCreate,TaskUpdate")]
        }
    };
    let env = [("NODE_EXTRA_CA_CERTS", page.authority.as_str())];
    let url = &world.adapters[0].url;
    let run = claude::run_with(url, "practice-1", project, "Do the work", &env, &options).await;
    let refused = run.refused();
    match run.success && refused.is_empty() {
        true => Ok(run.result().to_owned()),
        false => Err(format!("it failed: {refused:?} {:?} {}", run.events.last(), run.stderr)),
    }
}

async fn open_code(world: &World, work: AgentWork, project: &Project, page: &Page) -> Result<String, String> {
    let [server, file] = codex::notes_server(project);
    let servers = json!({"notes": {"type": "local", "command": ["python3", server, file], "enabled": true}});
    let sees = json!({"attachment": true, "modalities": {"input": ["text", "image"], "output": ["text"]}});
    let settings = match work {
        AgentWork::Mcp => json!({"mcp": servers}),
        AgentWork::Picture => json!({"provider": {"latchkey": {"models": {"practice-1": sees}}}}),
        _ => json!({}),
    };
    let arguments: &[&str] = if matches!(work, AgentWork::Plan) { &["--agent", "plan"] } else { &[] };
    let env = [("NODE_EXTRA_CA_CERTS", page.authority.as_str())];
    let url = &world.adapters[0].url;
    let run = opencode::run_as(url, project, "Do the work", &settings, arguments, &env).await;
    let failed: Vec<&Value> = run
        .events("tool_use")
        .into_iter()
        .filter(|event| event["part"]["state"]["status"] != "completed")
        .collect();
    let said = run
        .events("text")
        .iter()
        .filter_map(|event| event["part"]["text"].as_str())
        .collect::<Vec<_>>()
        .join("\n");
    match run.status.success() && failed.is_empty() {
        true => Ok(said),
        false => Err(format!("it failed: {failed:?} {:?} {}", run.events.last(), run.stderr)),
    }
}

/// What must be so after the work.
fn check(
    work: AgentWork,
    said: &str,
    project: &Project,
    model: &ScriptedModel,
    made: usize,
) -> Result<(), String> {
    let files = project.files();
    let asks = model.calls();
    let last = asks.iter().filter_map(|call| Ask::read(&call.body)).max_by_key(|ask| ask.results);
    let results = last.as_ref().map_or(0, |ask| ask.results);
    let told = |words: &str| asks.iter().any(|call| call.body.to_string().contains(words));
    let holds = match work {
        AgentWork::Mcp | AgentWork::McpAtOnce => files.get("notes.txt").is_some_and(|note| note == NOTE),
        AgentWork::Todo => true,
        AgentWork::Plan => told("Hello, world!"),
        AgentWork::Web | AgentWork::WebAtOnce => told(WEATHER),
        AgentWork::Picture => told("left out"),
        AgentWork::Large => files.get("large.txt").is_some_and(|text| *text == large()),
    };
    let kept = files.get("greeting.txt").is_some_and(|text| text == GREETING);
    if holds && kept && results == made && said.contains(work.last_word()) {
        return Ok(());
    }
    let end = last.map(|ask| {
        ask.prompt.chars().rev().take(600).collect::<Vec<_>>().into_iter().rev().collect::<String>()
    });
    Err(format!("there are {:?} after {results} results, its last word is {said:?}: {end:?}", files.keys()))
}

#[expect(clippy::print_stdout, reason = "the matrix is what this test shows")]
fn print(table: &str) {
    println!("{table}");
}
