//! OpenAI's and Anthropic's own libraries, and the one on which OpenCode stands, read every kind of answer.
//!
//! `scripts/sdks` installs them; the programs in `tests/support/sdk` ask each question as a whole answer, as raw
//! chunks, and through the library's streaming helper, which is stricter than either.

use std::{path::PathBuf, process::Stdio, time::Duration};

use serde_json::{Value, json};
use support::{
    model::Reply,
    world::{SHARED_SECRET, World},
};
use tokio::process::Command;

/// In what ways each program asks.
const WAYS: [&str; 3] = ["plain", "raw", "helper"];
/// What it asks for; the model's replies are in this order.
const KINDS: [&str; 7] = ["text", "reasoning", "call", "calls", "failure", "half", "length"];

fn path(parts: &[&str]) -> PathBuf {
    let root = [env!("CARGO_MANIFEST_DIR"), ".."];
    root.iter().chain(parts).collect()
}

/// Where the libraries are; installs them if they are not there.
async fn sdks() -> PathBuf {
    let output = Command::new(path(&["scripts", "sdks"])).stdin(Stdio::null()).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().into()
}

fn replies() -> [Reply; 7] {
    let error = json!({"error": {"message": "boom"}});
    let one = Reply::new().tool_call(0, "call_1", "weather", r#"{"city":"Oslo"}"#);
    [
        Reply::pieces(&["Fine", " weather", " \u{2014} \"mild\"."]),
        // In one piece: of a field that OpenAI does not have, openai-node's helper keeps the last piece only.
        Reply::new().reasoning("They ask for a sum.").piece("Four."),
        one.clone(),
        one.tool_call(1, "call_2", "weather", r#"{"city":"Rome"}"#),
        Reply::status(500, &error),
        // The pause makes two reads of it: the first is on its way to the client before the second fails.
        Reply::text("Half").wait(Duration::from_millis(100)).bytes(format!("data: {error}\n\n")),
        Reply::text("Cut").finish("length"),
    ]
}

/// Runs a program that asks every question, and returns what it printed for each.
async fn answers(world: &World, mut program: Command) -> Vec<Value> {
    for reply in replies() {
        for _ in WAYS {
            world.practice.model().will(reply.clone());
        }
    }
    let url = world.adapter().url;
    program.env("OPENAI_BASE_URL", format!("{url}v1")).env("OPENAI_API_KEY", SHARED_SECRET);
    program.env("ANTHROPIC_BASE_URL", url.as_str()).env("ANTHROPIC_API_KEY", SHARED_SECRET);
    program.arg("practice-1").args(KINDS).stdin(Stdio::null()).kill_on_drop(true);
    let output = program.output().await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a library calls the ends of answers.
struct Words {
    stop: &'static str,
    calls: &'static str,
    length: &'static str,
    /// How a stream that fails in the middle is told: by an error, or as an answer with this end.
    half: Option<&'static str>,
    /// Whether the helper makes an error of a length.
    length_is_an_error: bool,
}

const OPENAI: Words =
    Words { stop: "stop", calls: "tool_calls", length: "length", half: None, length_is_an_error: false };
const ANTHROPIC: Words = Words { stop: "end_turn", calls: "tool_use", length: "max_tokens", ..OPENAI };
const RESPONSES: Words = Words {
    stop: "completed",
    calls: "completed",
    length: "incomplete",
    half: Some("failed"),
    length_is_an_error: false,
};
const AI_SDK: Words = Words { calls: "tool-calls", ..OPENAI };

impl Words {
    /// What a way of asking for one kind of answer must have come to; the usage is compared apart.
    fn expected(&self, kind: &str, way: &str) -> Value {
        let said = |text: &str, reasoning: &str, tools: &Value, finish: &str| json!({"text": text, "reasoning": reasoning, "tools": tools, "finish": finish});
        let none = json!([]);
        let oslo = json!(["call_1", "weather", r#"{"city":"Oslo"}"#]);
        let rome = json!(["call_2", "weather", r#"{"city":"Rome"}"#]);
        match (kind, way) {
            ("text", _) => said("Fine weather \u{2014} \"mild\".", "", &none, self.stop),
            ("reasoning", _) => said("Four.", "They ask for a sum.", &none, self.stop),
            ("call", _) => said("", "", &json!([oslo]), self.calls),
            ("calls", _) => said("", "", &json!([oslo, rome]), self.calls),
            ("failure", _) | ("half", "plain") => json!({"error": 502}),
            ("half", _) => match self.half {
                Some(finish) => said("Half", "", &none, finish),
                None => json!({"error": "in the stream"}),
            },
            ("length", "helper") if self.length_is_an_error => json!({"error": "length"}),
            (_, _) => said("Cut", "", &none, self.length),
        }
    }

    fn assert_read(&self, answers: &[Value]) {
        assert_eq!(answers.len(), KINDS.len());
        for (kind, answer) in KINDS.iter().zip(answers) {
            for way in WAYS {
                let mut read = answer[way].clone();
                let fields = read.as_object_mut().unwrap();
                fields.remove("message");
                let usage = fields.remove("usage").unwrap_or_default();
                assert_eq!(read, self.expected(kind, way), "{kind}, {way}: {answer}");
                let counted = usage.as_array().is_some_and(|counts| counts.iter().all(Value::is_u64));
                assert_eq!(
                    counted,
                    read["finish"].is_string() && read["finish"] != "failed",
                    "{kind}, {way}: {answer}"
                );
            }
        }
    }
}

async fn read_by_python(program: &str, words: &Words) {
    let sdks = sdks().await;
    let mut command = Command::new(sdks.join("bin/python"));
    command.arg(path(&["tests", "support", "sdk", program]));
    read_by(command, words).await;
}

async fn read_by_node(program: &str, words: &Words) {
    let sdks = sdks().await;
    let mut command = Command::new("node");
    command.arg(path(&["tests", "support", "sdk", program])).arg(sdks);
    read_by(command, words).await;
}

async fn read_by(command: Command, words: &Words) {
    let world = World::start().without_broker().with_session("alice").await;

    words.assert_read(&answers(&world, command).await);

    world.stop().await;
}

#[tokio::test]
async fn openai_python_reads_every_kind_of_answer() {
    read_by_python("openai_python.py", &Words { length_is_an_error: true, ..OPENAI }).await;
}

#[tokio::test]
async fn openai_node_reads_every_kind_of_answer() {
    read_by_node("openai_node.mjs", &Words { length_is_an_error: true, ..OPENAI }).await;
}

#[tokio::test]
async fn openai_python_reads_every_kind_of_response() {
    read_by_python("responses_python.py", &RESPONSES).await;
}

#[tokio::test]
async fn openai_node_reads_every_kind_of_response() {
    read_by_node("responses_node.mjs", &RESPONSES).await;
}

#[tokio::test]
async fn anthropic_python_reads_every_kind_of_answer() {
    read_by_python("anthropic_python.py", &ANTHROPIC).await;
}

#[tokio::test]
async fn anthropic_node_reads_every_kind_of_answer() {
    read_by_node("anthropic_node.mjs", &ANTHROPIC).await;
}

#[tokio::test]
async fn the_ai_sdk_reads_every_kind_of_answer() {
    read_by_node("ai_sdk.mjs", &AI_SDK).await;
}

/// Its default sends no item again that it was answered: it names them.
#[tokio::test]
async fn the_ai_sdk_carries_out_a_loop_of_tools_in_its_default() {
    let sdks = sdks().await;
    let world = World::start().without_broker().with_session("alice").await;
    let model = world.practice.model();
    let call = |city: &str| {
        let arguments = json!({"city": city}).to_string();
        Reply::new().reasoning("Where?").piece("I look.").tool_call(
            0,
            &format!("call_{city}"),
            "weather",
            &arguments,
        )
    };
    for _ in 0..2 {
        model.will(call("Oslo"));
        model.will(call("Rome"));
        model.will(Reply::text("Mild in both."));
    }
    let mut program = Command::new("node");
    program.arg(path(&["tests", "support", "sdk", "ai_sdk_loop.mjs"])).arg(sdks).arg("practice-1");
    program.env("OPENAI_BASE_URL", format!("{}v1", world.adapter().url)).env("OPENAI_API_KEY", SHARED_SECRET);

    let output = program.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();

    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let printed = String::from_utf8_lossy(&output.stdout);
    let printed: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = json!({"text": "Mild in both.", "steps": 3});
    assert_eq!(printed, [expected.clone(), expected]);
    let messages = model.last_call().body["messages"].clone();
    assert_eq!(messages[1]["tool_calls"][0]["id"], "call_Oslo");
    assert_eq!(messages[4]["content"], "Mild in Rome.");
    world.stop().await;
}
