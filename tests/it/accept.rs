//! The acceptance run: it passes what is right, and fails just the lines that are wrong of what is broken.

use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};
use support::{
    command::{self, CommandOutput},
    model::Reply,
    world::{SHARED_SECRET, World},
};
use tempfile::TempDir;

use stub::{Broken, Stub};

mod stub;

const LIMIT: Duration = Duration::from_secs(120);
/// What is slow takes longer than these, whatever else the machine does; what is not is not looked at.
const STRICT: &str = "
chat = { mean = 1.0, p95 = 1.0 }
stream = { mean = 1.0, p95 = 1.0, first_token = 1.0 }
tools = { mean = 1.0, p95 = 1.0, first_token = 1.0 }
endings = { mean = 1.0, p95 = 1.0, first_token = 1.0 }
claude = { mean = 1.0, p95 = 1.0, first_token = 1.0 }
codex = { mean = 1.0, p95 = 1.0, first_token = 1.0 }
";

/// No time matters: what is shown does not depend on what else the machine does.
const LOOSE: &str = "
chat = { mean = 900.0, p95 = 900.0 }
stream = { mean = 900.0, p95 = 900.0, first_token = 900.0 }
tools = { mean = 900.0, p95 = 900.0, first_token = 900.0 }
endings = { mean = 900.0, p95 = 900.0, first_token = 900.0 }
claude = { mean = 900.0, p95 = 900.0, first_token = 900.0 }
codex = { mean = 900.0, p95 = 900.0, first_token = 900.0 }
";

/// A run, and where its report is.
struct Accepted {
    ran: CommandOutput,
    directory: TempDir,
}

impl Accepted {
    async fn run(url: &Url, thresholds: &str, turns: &str, more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("key"), SHARED_SECRET).unwrap();
        std::fs::write(path("thresholds.toml"), thresholds).unwrap();
        let key = path("key");
        let report = path("report.html");
        let thresholds = path("thresholds.toml");
        let mut arguments =
            vec!["accept", "--url", url.as_str(), "--key-file", &key, "--model", "practice-1"];
        arguments.extend(["--report", &report, "--turns", turns, "--thresholds", &thresholds]);
        arguments.extend(more);
        // scripts/clients, which --clients runs, wants a home and Node.
        let environment = [("HOME", directory.path().to_str().unwrap())];
        let ran = command::run("latchkey-ops", &arguments, &environment, "", LIMIT).await;
        let accepted = Self { ran, directory };
        assert!(!accepted.report().contains(SHARED_SECRET), "the key is in the report");
        accepted
    }

    fn report(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("report.html")).unwrap_or_default()
    }

    /// The numbers that are not as they must be, each as `line number`.
    fn failed(&self) -> Vec<String> {
        let told: Value =
            serde_json::from_str(&self.ran.stdout).unwrap_or_else(|_| panic!("{}", self.ran.shown()));
        let failures = told["failures"].as_array().unwrap().iter().map(|failure| failure.as_str().unwrap());
        failures.map(|text| text.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
    }
}

/// What fails of a stub that is broken so.
async fn fails(broken: Broken, thresholds: &str, turns: &str) -> Vec<String> {
    let stub = Stub::start(broken).await;
    let accepted = Accepted::run(&stub.url, thresholds, turns, &["--json"]).await;
    let failed = accepted.failed();
    assert_eq!(accepted.ran.code, i32::from(!failed.is_empty()), "{}", accepted.ran.shown());
    failed
}

fn each(lines: &[&str], numbers: &[&str]) -> Vec<String> {
    lines.iter().flat_map(|line| numbers.iter().map(move |number| format!("{line} {number}"))).collect()
}

#[tokio::test]
async fn what_is_right_is_accepted() {
    assert_eq!(fails(Broken::No, LOOSE, "4").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_dropped_finish_fails_every_line_that_streams() {
    let failed = fails(Broken::DropsFinish, LOOSE, "4").await;

    assert_eq!(failed, each(&["stream", "tools", "endings", "claude", "codex"], &["error_rate"]));
}

#[tokio::test]
async fn leaked_markup_fails_every_line_with_tools() {
    let failed = fails(Broken::LeaksMarkup, LOOSE, "4").await;

    let numbers = ["error_rate", "ended_by_itself", "tool_success"];
    assert_eq!(failed, each(&["tools", "endings", "claude", "codex"], &numbers));
}

#[tokio::test]
async fn an_early_end_fails_the_line_of_endings_alone() {
    assert_eq!(
        fails(Broken::EndsEarly, LOOSE, "4").await,
        each(&["endings"], &["ended_by_itself", "tool_success"])
    );
}

#[tokio::test]
async fn arguments_that_do_not_fit_fail_the_success_of_tools() {
    assert_eq!(
        fails(Broken::WrongArguments, LOOSE, "4").await,
        each(&["tools", "endings", "claude", "codex"], &["tool_success"])
    );
}

#[tokio::test]
async fn a_slow_answer_fails_the_times_of_every_line() {
    let failed = fails(Broken::Slow, STRICT, "1").await;

    let streamed = each(&["stream", "tools", "endings", "claude", "codex"], &["mean", "p95", "first_token"]);
    assert_eq!(failed, [each(&["chat"], &["mean", "p95"]), streamed].concat());
}

#[tokio::test]
async fn failures_fail_the_error_rate_of_every_line() {
    let lines = ["chat", "stream", "tools", "endings", "claude", "codex"];

    assert_eq!(fails(Broken::Fails, LOOSE, "4").await, each(&lines, &["error_rate"]));
}

#[tokio::test]
async fn the_table_and_the_report_name_what_failed_and_why() {
    let stub = Stub::start(Broken::EndsEarly).await;

    let accepted = Accepted::run(&stub.url, LOOSE, "4", &["--only", "endings"]).await;

    let told = &accepted.ran.stdout;

    let report = accepted.report();
    for text in [told, &report] {
        assert!(text.contains("endings tool_success 25.0 %, at least 95.0 %"), "{text}");
        assert!(text.contains("ended by itself, without the call"), "{text}");
    }
    assert!(told.contains("endings: 3 x ended by itself") && told.contains("not accepted"), "{told}");
    let is_alone = !report.contains("src=") && !report.contains("href=") && !report.contains("url(");
    assert!(is_alone && report.contains("<svg"), "the report needs something beside it");
}

#[tokio::test]
async fn a_real_adapter_is_accepted_whether_its_site_takes_tools_or_text() {
    let site_file = include_str!("../../shared/sites/practice.toml");
    for site in [site_file.to_owned(), site_file.replace("tools = true", "tools = false")] {
        let world = World::start().without_broker().with_session("alice").site_file(site).await;
        world.practice.model().always_with(writes);

        let accepted = Accepted::run(&world.adapters[0].url, LOOSE, "4", &[]).await;

        assert_eq!(accepted.ran.code, 0, "{}", accepted.ran.shown());
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_clients_take_the_turns_where_they_are_asked_to() {
    let world = World::start().without_broker().with_session("alice").await;
    world.practice.model().always_with(edits);

    let more = ["--clients", "--only", "tools,claude,codex"];
    let accepted = Accepted::run(&world.adapters[0].url, LOOSE, "1", &more).await;

    assert_eq!(accepted.ran.code, 0, "{}", accepted.ran.shown());
    world.stop().await;
}

/// A model that writes a file when it has a tool for it, natively or written out.
fn writes(request: &Value) -> Reply {
    let arguments = json!({"path": "a.txt", "content": "one\n"});
    match crate::opencode::ask::Ask::read(request) {
        Some(ask) => Reply::text(&format!("I write.\n\n{}", ask.dialect.calls(&[("write", arguments)]))),
        None if request["tools"].is_array() => {
            Reply::new().tool_call(0, "call_a", "write", &arguments.to_string())
        }
        None => Reply::text("It is four."),
    }
}

/// A model that reads, then edits, with the tools of whoever asks.
fn edits(request: &Value) -> Reply {
    let messages = request["messages"].as_array().unwrap();
    let results = messages.iter().filter(|message| message["role"] == "tool").count();
    let tools = request["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has = |name: &str| tools.iter().any(|tool| tool["function"]["name"] == name);
    let (names, fields) = match (has("Edit"), has("edit")) {
        (true, _) => (["Read", "Edit"], ["file_path", "old_string", "new_string"]),
        (_, true) => (["read", "edit"], ["filePath", "oldString", "newString"]),
        _ if has("exec_command") => return by_shell(results),
        _ => return Reply::text("A greeting for Oslo"),
    };
    let call = |name: &str, arguments: &Value| {
        Reply::new().tool_call(0, &format!("call_{results}"), name, &arguments.to_string())
    };
    match results {
        0 => call(names[0], &json!({fields[0]: "greeting.txt"})),
        1 => call(names[1], &json!({fields[0]: "greeting.txt", fields[1]: "world", fields[2]: "Oslo"})),
        _ => Reply::text("The greeting is for Oslo now."),
    }
}

/// What Codex does, who edits by its shell.
fn by_shell(results: usize) -> Reply {
    let command = json!({"cmd": "sed -i s/world/Oslo/ greeting.txt"}).to_string();
    match results {
        0 => Reply::new().tool_call(0, "call_0", "exec_command", &command),
        _ => Reply::text("The greeting is for Oslo now."),
    }
}
