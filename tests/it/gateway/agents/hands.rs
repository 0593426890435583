//! How each agent calls its tools, and how it is run.

use serde_json::{Value, json};
use support::{
    claude, codex,
    model::Reply,
    new_api::Console,
    opencode::{self, Project},
};

pub(super) const MODEL: &str = "practice-1";
/// The model's last word.
pub(super) const DONE: &str = "Done: the work is over.";
const PROMPT: &str = "Do the work";
const ALPHA: (&str, &str) = ("a.txt", "Alpha beta\n");
const EDITED: (&str, &str) = ("a.txt", "Alpha gamma\n");
const ONE: &[(&str, &str)] = &[ALPHA];
const THREE: &[(&str, &str)] = &[ALPHA, ("b.txt", "Beta\n"), ("c.txt", "Gamma\n")];

/// A coding agent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Agent {
    ClaudeCode,
    OpenCode,
    Codex,
}

/// What it is to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// Writes a file.
    One,
    /// Writes three by calls of one answer.
    Three,
    /// Reads a file, then edits it.
    Edit,
}

impl Work {
    /// What the project holds before.
    pub(super) fn before(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::One | Self::Three => &[],
            Self::Edit => ONE,
        }
    }

    /// What it holds after.
    pub(super) fn after(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::One => ONE,
            Self::Three => THREE,
            Self::Edit => &[EDITED],
        }
    }
}

impl Agent {
    /// The model's next answer behind what it has said already, once so many results are there.
    pub(super) fn answer(self, said: Reply, work: Work, results: usize) -> Reply {
        let calls = match (work, results) {
            (Work::One | Work::Three, 0) => work.after().iter().map(|file| self.write(file)).collect(),
            (Work::Edit, 0) => vec![self.read(ALPHA.0)],
            (Work::Edit, 1) => vec![self.edit()],
            _ => return said.piece(DONE),
        };
        calls.iter().zip(0u32..).fold(said, |reply, ((name, arguments), index)| {
            reply.tool_call(index, &format!("call_{results}_{index}"), name, &arguments.to_string())
        })
    }

    /// An answer that breaks off within its call.
    pub(super) fn half_a_call(self) -> Reply {
        let (name, arguments) = self.write(&ALPHA);
        let arguments = arguments.to_string();
        let function = json!({"name": name, "arguments": arguments[..arguments.len() / 2]});
        let call = json!([{"index": 0, "id": "call_half", "type": "function", "function": function}]);
        Reply::text("I write.\n\n").tool_calls(&call).cut()
    }

    fn write(self, (path, content): &(&str, &str)) -> (&'static str, Value) {
        match self {
            Self::ClaudeCode => ("Write", json!({"file_path": path, "content": content})),
            Self::OpenCode => ("write", json!({"filePath": path, "content": content})),
            Self::Codex => shell(&format!("echo '{}' > {path}", content.trim_end())),
        }
    }

    fn read(self, path: &str) -> (&'static str, Value) {
        match self {
            Self::ClaudeCode => ("Read", json!({"file_path": path})),
            Self::OpenCode => ("read", json!({"filePath": path})),
            Self::Codex => shell(&format!("cat {path}")),
        }
    }

    fn edit(self) -> (&'static str, Value) {
        let path = ALPHA.0;
        let old = "beta";
        let new = "gamma";
        match self {
            Self::ClaudeCode => ("Edit", json!({"file_path": path, "old_string": old, "new_string": new})),
            Self::OpenCode => ("edit", json!({"filePath": path, "oldString": old, "newString": new})),
            Self::Codex => shell(&format!("sed -i s/{old}/{new}/ {path}")),
        }
    }

    /// Works on a project until it ends by itself; why that was not well.
    pub(super) async fn run(self, gateway: &Console, project: &Project) -> Result<(), String> {
        let url = &gateway.url;
        let key = gateway.key.as_str();
        let (success, said, shown) = match self {
            Self::ClaudeCode => {
                let env = [("ANTHROPIC_AUTH_TOKEN", key)];
                let run = claude::run(url, MODEL, project, PROMPT, &env).await;
                (run.success, run.result().to_owned(), format!("{:?} {}", run.events.last(), run.stderr))
            }
            Self::OpenCode => {
                let run = opencode::run_with(url, project, PROMPT, &json!({"apiKey": key})).await;
                let texts = run.events("text");
                let said = texts.last().and_then(|event| event["part"]["text"].as_str()).unwrap_or_default();
                (run.status.success(), said.to_owned(), format!("{:?} {}", run.events.last(), run.stderr))
            }
            Self::Codex => {
                let run = codex::run(url, key, MODEL, project, PROMPT).await;
                (run.success, run.result().to_owned(), format!("{:?} {}", run.events, run.stderr))
            }
        };
        match success && said.contains(DONE) {
            true => Ok(()),
            false => Err(format!("its last word is {said:?}: {shown}")),
        }
    }
}

/// Codex has a shell and no other hands.
fn shell(command: &str) -> (&'static str, Value) {
    ("exec_command", json!({"cmd": command}))
}
