//! A real Claude Code before an adapter: installed from npm once, offline but for that adapter, in a home of its own.

use std::{path::Path, process::Stdio};

use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    opencode::{Group, LIMIT, Project, client},
    world::SHARED_SECRET,
};

/// How Claude Code is kept from looking for anything but its model.
const OFFLINE: [(&str, &str); 2] =
    [("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"), ("DISABLE_AUTOUPDATER", "1")];

/// The variables that name a model; all name the same.
const MODELS: [&str; 4] = [
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
];

/// How a run ended.
#[derive(Clone, Debug)]
pub struct ClaudeRun {
    /// Whether it says that it succeeded.
    pub success: bool,
    /// What it printed, one event a line.
    pub events: Vec<Value>,
    /// The end of what it complained about.
    pub stderr: String,
}

/// What it may do in most tests.
const EDITS: [&str; 4] = ["--permission-mode", "acceptEdits", "--allowedTools", "Read,Edit,Write"];

/// Has Claude Code do what a prompt says, in a project, by a model behind an adapter.
///
/// # Panics
/// When it does not end in time.
pub async fn run(
    adapter: &Url,
    model: &str,
    project: &Project,
    prompt: &str,
    env: &[(&str, &str)],
) -> ClaudeRun {
    run_with(adapter, model, project, prompt, env, &EDITS.map(str::to_owned)).await
}

/// The same with these options in place of leave to edit.
///
/// # Panics
/// When it does not end in time.
pub async fn run_with(
    adapter: &Url,
    model: &str,
    project: &Project,
    prompt: &str,
    env: &[(&str, &str)],
    options: &[String],
) -> ClaudeRun {
    let home = home();
    let mut command = command(&home).await;
    command
        .env("ANTHROPIC_BASE_URL", adapter.as_str().trim_end_matches('/'))
        .env("ANTHROPIC_AUTH_TOKEN", SHARED_SECRET)
        .envs(MODELS.map(|name| (name, model)))
        .envs(env.iter().copied());
    ended(command, &home, project, prompt, options).await
}

/// The same by a file of settings that somebody else wrote, which says where the key is.
///
/// # Panics
/// When it does not end in time.
pub async fn run_told(settings: &str, project: &Project, prompt: &str) -> ClaudeRun {
    let home = home();
    let directory = home.path().join("config");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("settings.json"), settings).unwrap();
    let command = command(&home).await;
    ended(command, &home, project, prompt, &EDITS.map(str::to_owned)).await
}

async fn ended(
    mut command: Command,
    home: &TempDir,
    project: &Project,
    prompt: &str,
    options: &[String],
) -> ClaudeRun {
    let file = |name: &str| home.path().join(name);
    command
        .args(["-p", prompt, "--output-format", "stream-json", "--verbose"])
        .args(options)
        .current_dir(project.path())
        .stdout(std::fs::File::create(file("stdout")).unwrap())
        .stderr(std::fs::File::create(file("stderr")).unwrap());
    let mut group = Group::start(&mut command);
    let ended = tokio::time::timeout(LIMIT, group.child.wait()).await;
    let printed = std::fs::read_to_string(file("stdout")).unwrap();
    let stderr = tail(&file("stderr"));
    let status = ended
        .unwrap_or_else(|_| panic!("Claude Code does not end:\n{printed}\n{stderr}"))
        .expect("it is ours");
    let events = printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    ClaudeRun { success: status.success(), events, stderr }
}

/// The arguments that give it an MCP server with one tool, `keep`, which writes a text into a file of the project.
#[must_use]
pub fn notes(project: &Project) -> Vec<String> {
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/support/codex/notes.py");
    let server = json!({"command": "python3", "args": [server, project.path().join("notes.txt")]});
    let servers = json!({"mcpServers": {"notes": server}});
    vec!["--mcp-config".to_owned(), servers.to_string()]
}

impl ClaudeRun {
    /// The text of its last word.
    #[must_use]
    pub fn result(&self) -> &str {
        let last = self.events.iter().rfind(|event| event["type"] == "result");
        last.and_then(|event| event["result"].as_str()).unwrap_or_default()
    }

    /// Tool results that tell of a failure: calls that the client refused or could not carry out.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        let contents = self.events.iter().filter_map(|event| event["message"]["content"].as_array());
        let failed = contents.flatten().filter(|block| block["is_error"] == true);
        failed.map(|block| block["content"].to_string()).collect()
    }
}

fn home() -> TempDir {
    tempfile::Builder::new().prefix("latchkey-claude-").tempdir().unwrap()
}

async fn command(home: &TempDir) -> Command {
    let mut command = Command::new(client("claude").await);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home.path())
        .env("CLAUDE_CONFIG_DIR", home.path().join("config"))
        .envs(OFFLINE)
        .stdin(Stdio::null())
        .process_group(0);
    command
}

/// The end of a file, for messages.
fn tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(4096)..]).into_owned()
}
