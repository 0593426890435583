//! `opencode run`: one prompt, as a person or a script types it.

use std::process::ExitStatus;

use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{LIMIT, MODEL, Project, home::Home};

const PROVIDER: &str = "latchkey";

/// How a run ended.
#[derive(Clone, Debug)]
pub struct OpencodeRun {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it printed, one event a line.
    pub events: Vec<Value>,
    /// The end of what it complained about.
    pub stderr: String,
}

/// Has OpenCode do what a prompt says, in a project, by the model behind an adapter.
///
/// # Panics
/// When it does not end in time.
pub async fn run(adapter: &Url, project: &Project, prompt: &str) -> OpencodeRun {
    run_with(adapter, project, prompt, &Value::Null).await
}

/// The same, with options of the provider.
///
/// # Panics
/// When it does not end in time.
pub async fn run_with(adapter: &Url, project: &Project, prompt: &str, options: &Value) -> OpencodeRun {
    let home = Home::with_options(&[(PROVIDER, adapter)], options);
    ended(&home, &model(), project, prompt, &[]).await
}

/// The same, with settings of its own, and more arguments.
///
/// # Panics
/// When it does not end in time.
pub async fn run_as(
    adapter: &Url,
    project: &Project,
    prompt: &str,
    settings: &Value,
    arguments: &[&str],
    env: &[(&str, &str)],
) -> OpencodeRun {
    let home = Home::with_settings(&[(PROVIDER, adapter)], &Value::Null, settings);
    let arguments = model().into_iter().chain(arguments.iter().map(|&argument| argument.to_owned()));
    ended(&home, &arguments.collect::<Vec<_>>(), project, prompt, env).await
}

/// The same by a file of settings that somebody else wrote, which says which model, and where the key is.
///
/// # Panics
/// When it does not end in time.
pub async fn run_told(settings: &Value, project: &Project, prompt: &str) -> OpencodeRun {
    ended(&Home::told(settings), &[], project, prompt, &[]).await
}

/// Says which model is asked.
fn model() -> [String; 2] {
    ["--model".to_owned(), format!("{PROVIDER}/{MODEL}")]
}

async fn ended(
    home: &Home,
    arguments: &[String],
    project: &Project,
    prompt: &str,
    env: &[(&str, &str)],
) -> OpencodeRun {
    let stdout = home.file("stdout");
    let stderr = home.file("stderr");
    let mut command = home.command().await;
    command
        .args(["run", "--pure", "--format", "json"])
        .args(arguments)
        .arg(prompt)
        .envs(env.iter().copied())
        .current_dir(project.path())
        .stdout(std::fs::File::create(&stdout).unwrap())
        .stderr(std::fs::File::create(stderr).unwrap());
    let mut group = Group::start(&mut command);
    let ended = tokio::time::timeout(LIMIT, group.child.wait()).await;
    let printed = std::fs::read_to_string(stdout).unwrap();
    let stderr = home.tail("stderr");
    let status =
        ended.unwrap_or_else(|_| panic!("OpenCode does not end:\n{printed}\n{stderr}")).expect("it is ours");
    let events = printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    OpencodeRun { status, events, stderr }
}

impl OpencodeRun {
    /// The events of one type.
    #[must_use]
    pub fn events(&self, name: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["type"] == name).collect()
    }
}

/// A process with all that it starts. Dropped, they are killed.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) child: Child,
    id: Pid,
}

impl Group {
    /// Starts a command, which must ask for a process group of its own.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.spawn().unwrap();
        let id = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).expect("it has just begun");
        Self { child, id }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // All may have ended by themselves.
        kill_process_group(self.id, Signal::KILL).unwrap_or_default();
    }
}
