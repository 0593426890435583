//! OpenAI's and Anthropic's own libraries, as their users install them, read the adapter's answers.
//!
//! `scripts/sdks` installs them; the programs in `tests/support/sdk` ask each question as a whole answer, as raw
//! chunks, and through the library's streaming helper, which is stricter than either.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use support::{
    model::Reply,
    world::{SHARED_SECRET, World},
};
use tokio::process::Command;

/// In what ways each program asks.
const WAYS: [&str; 3] = ["plain", "raw", "helper"];

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

/// Runs a program that asks three questions, and returns what it printed for each.
async fn answers(world: &World, mut program: Command) -> Vec<Value> {
    let replies = [
        Reply::pieces(&["Fine", " weather", " \u{2014} \"mild\"."]),
        // In one piece: of a field that OpenAI does not have, openai-node's helper keeps the last piece only.
        Reply::new().reasoning("They ask for a sum.").piece("Four."),
        Reply::new().tool_call(0, "call_1", "weather", r#"{"city":"Oslo"}"#),
    ];
    for reply in replies {
        for _ in WAYS {
            world.practice.model().will(reply.clone().usage(11, 7));
        }
    }
    let url = world.adapter().url;
    program.env("OPENAI_BASE_URL", format!("{url}v1")).env("OPENAI_API_KEY", SHARED_SECRET);
    program.env("ANTHROPIC_BASE_URL", url.as_str()).env("ANTHROPIC_API_KEY", SHARED_SECRET);
    program.args(["practice-1", "text", "reasoning", "tool"]).stdin(Stdio::null()).kill_on_drop(true);
    let output = program.output().await.unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}\n{errors}");
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The words for the end of an answer, and of one that calls a tool.
const OPENAI: [&str; 2] = ["stop", "tool_calls"];
const ANTHROPIC: [&str; 2] = ["end_turn", "tool_use"];

fn assert_read_whole(answers: &[Value], [stop, calls]: [&str; 2]) {
    let tools = json!([["call_1", "weather", r#"{"city":"Oslo"}"#]]);
    let text = "Fine weather \u{2014} \"mild\".";
    let expected = [
        json!({"text": text, "reasoning": "", "tools": [], "finish": stop, "usage": [11, 7]}),
        json!({"text": "Four.", "reasoning": "They ask for a sum.", "tools": [], "finish": stop, "usage": [11, 7]}),
        json!({"text": "", "reasoning": "", "tools": tools, "finish": calls, "usage": [11, 7]}),
    ];

    assert_eq!(answers.len(), expected.len());
    for (answer, expected) in answers.iter().zip(&expected) {
        for way in WAYS {
            assert_eq!(&answer[way], expected, "{way}");
        }
    }
}

#[tokio::test]
async fn openai_python_reads_whole_and_streamed_answers() {
    let sdks = sdks().await;
    let world = World::start().without_broker().with_session("alice").await;

    let mut program = Command::new(sdks.join("bin/python"));
    program.arg(path(&["tests", "support", "sdk", "openai_python.py"]));
    let answers = answers(&world, program).await;

    assert_read_whole(&answers, OPENAI);
    world.stop().await;
}

#[tokio::test]
async fn openai_node_reads_whole_and_streamed_answers() {
    let sdks = sdks().await;
    let world = World::start().without_broker().with_session("alice").await;

    let mut program = Command::new("node");
    program.arg(path(&["tests", "support", "sdk", "openai_node.mjs"])).arg(sdks);
    let answers = answers(&world, program).await;

    assert_read_whole(&answers, OPENAI);
    world.stop().await;
}

#[tokio::test]
async fn anthropic_python_reads_whole_and_streamed_answers() {
    let sdks = sdks().await;
    let world = World::start().without_broker().with_session("alice").await;

    let mut program = Command::new(sdks.join("bin/python"));
    program.arg(path(&["tests", "support", "sdk", "anthropic_python.py"]));
    let answers = answers(&world, program).await;

    assert_read_whole(&answers, ANTHROPIC);
    world.stop().await;
}

#[tokio::test]
async fn anthropic_node_reads_whole_and_streamed_answers() {
    let sdks = sdks().await;
    let world = World::start().without_broker().with_session("alice").await;

    let mut program = Command::new("node");
    program.arg(path(&["tests", "support", "sdk", "anthropic_node.mjs"])).arg(sdks);
    let answers = answers(&world, program).await;

    assert_read_whole(&answers, ANTHROPIC);
    world.stop().await;
}
