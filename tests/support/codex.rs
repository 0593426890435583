//! A real Codex before an adapter or a gateway: installed from npm once, offline but for that, in a home of its own.

use std::process::Stdio;

use reqwest::Url;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    http::NOWHERE,
    opencode::{Group, LIMIT, Project, client},
};

/// The variable that its settings take the key from.
const KEY: &str = "CODEX_KEY";

/// How a run ended.
#[derive(Clone, Debug)]
pub struct CodexRun {
    /// Whether it says that it succeeded.
    pub success: bool,
    /// What it printed, one event a line.
    pub events: Vec<Value>,
    /// The end of what it complained about.
    pub stderr: String,
}

/// Has Codex do what a prompt says, in a project, by a model behind an adapter or a gateway.
///
/// # Panics
/// When it does not end in time.
pub async fn run(base: &Url, key: &str, model: &str, project: &Project, prompt: &str) -> CodexRun {
    run_with(base, key, model, project, prompt, &[]).await
}

/// The same with more settings, each a line of its configuration.
///
/// # Panics
/// When it does not end in time.
pub async fn run_with(
    base: &Url,
    key: &str,
    model: &str,
    project: &Project,
    prompt: &str,
    settings: &[String],
) -> CodexRun {
    ended(&home(base, model), Some(key), project, prompt, settings).await
}

/// The same by a file of settings that somebody else wrote, which says where the key is.
///
/// # Panics
/// When it does not end in time.
pub async fn run_told(file: &str, project: &Project, prompt: &str) -> CodexRun {
    let home = tempfile::Builder::new().prefix("latchkey-codex-").tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), file).unwrap();
    ended(&home, None, project, prompt, &[]).await
}

async fn ended(
    home: &TempDir,
    key: Option<&str>,
    project: &Project,
    prompt: &str,
    settings: &[String],
) -> CodexRun {
    let file = |name: &str| home.path().join(name);
    let mut group = start(home, key, project, prompt, settings).await;
    let ended = tokio::time::timeout(LIMIT, group.child.wait()).await;
    let printed = std::fs::read_to_string(file("stdout")).unwrap();
    let bytes = std::fs::read(file("stderr")).unwrap();
    let stderr = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(4096)..]).into_owned();
    let status =
        ended.unwrap_or_else(|_| panic!("Codex does not end:\n{printed}\n{stderr}")).expect("it is ours");
    let events = printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    CodexRun { success: status.success(), events, stderr }
}

impl CodexRun {
    /// The text of its last word.
    #[must_use]
    pub fn result(&self) -> &str {
        let items = self.events.iter().rev().filter(|event| event["type"] == "item.completed");
        let mut said = items.filter(|event| event["item"]["type"] == "agent_message");
        said.next().and_then(|event| event["item"]["text"].as_str()).unwrap_or_default()
    }

    /// Commands that failed.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        let items = self.events.iter().filter(|event| event["type"] == "item.completed");
        let commands = items.filter(|event| event["item"]["type"] == "command_execution");
        let failed = commands.filter(|event| event["item"]["exit_code"] != 0);
        failed.map(|event| event["item"].to_string()).collect()
    }
}

/// The settings that give it an MCP server with one tool, `keep`, which writes a text into a file of the project.
#[must_use]
pub fn notes(project: &Project) -> Vec<String> {
    let [server, file] = notes_server(project);
    vec![
        r#"mcp_servers.notes.command="python3""#.to_owned(),
        format!("mcp_servers.notes.args=[{server:?}, {file:?}]"),
    ]
}

/// What python3 runs as that server, and the file of the project.
#[must_use]
pub fn notes_server(project: &Project) -> [String; 2] {
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/support/codex/notes.py");
    [server.to_owned(), project.path().join("notes.txt").display().to_string()]
}

async fn start(
    home: &TempDir,
    key: Option<&str>,
    project: &Project,
    prompt: &str,
    settings: &[String],
) -> Group {
    let mut command = Command::new(client("codex").await);
    command
        .args(["exec", "--json", "--skip-git-repo-check", prompt])
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home.path())
        .env("CODEX_HOME", home.path())
        .envs(key.map(|key| (KEY, key)))
        .env("HTTPS_PROXY", NOWHERE)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(home.path().join("stdout")).unwrap())
        .stderr(std::fs::File::create(home.path().join("stderr")).unwrap())
        .current_dir(project.path())
        .process_group(0);
    Group::start(&mut command)
}

/// A home whose only model is this one. The project's own process is the sandbox.
fn home(base: &Url, model: &str) -> TempDir {
    let home = tempfile::Builder::new().prefix("latchkey-codex-").tempdir().unwrap();
    let api = format!("{}/v1", base.as_str().trim_end_matches('/'));
    let settings = format!(
        r#"model = "{model}"
model_provider = "latchkey"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false

[model_providers.latchkey]
name = "Latchkey"
base_url = "{api}"
env_key = "{KEY}"
wire_api = "responses"

[analytics]
enabled = false
"#
    );
    std::fs::write(home.path().join("config.toml"), settings).unwrap();
    home
}
