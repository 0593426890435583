//! A client whose stream broke asks the same again, and nothing is generated twice.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use support::{
    breaker::Breaker,
    claude,
    hunt::Hunter,
    model::{CallEnd, Reply, ScriptedModel},
    opencode::{Project, run},
    wait,
    world::{AdapterClient, World, WorldBuilder},
};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::chat::log::LogBuffer;

/// Longer than a turn waits for its client.
const SOON: Duration = Duration::from_secs(20);
const SESSION: &str = "x-claude-code-session-id";

fn start() -> WorldBuilder {
    World::start().without_broker().with_session("alice")
}

/// A question of a coding agent: it has tools.
fn question() -> Value {
    let tool = json!({"name": "Read", "input_schema": {"type": "object"}});
    json!({"model": "practice-1", "max_tokens": 32000, "messages": [{"role": "user", "content": "hi"}], "tools": [tool]})
}

/// The same question once more, as Claude Code asks when its stream broke.
fn without_stream() -> Value {
    let mut body = question();
    body["max_tokens"] = 21_000.into();
    body
}

async fn ask(adapter: &AdapterClient, body: &Value) -> String {
    let answer = adapter.send(Method::POST, "/v1/messages", Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["content"].as_array().unwrap().iter().filter_map(|block| block["text"].as_str()).collect()
}

/// Asks with a stream, and reads it to its end.
async fn stream(adapter: &AdapterClient) -> String {
    let mut body = question();
    body["stream"] = true.into();
    adapter.send(Method::POST, "/v1/messages", Some(&body)).await.body
}

/// Asks with a stream in a session, and goes when the text has begun; comes back when the adapter has noticed.
async fn leave(adapter: &AdapterClient) {
    let log = log();
    let mut body = question();
    body["stream"] = true.into();
    let request = adapter.request(Method::POST, "/v1/messages", Some(&body)).header(SESSION, "one");
    let mut response = request.send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("text_delta") {
        seen += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
    }
    drop(response);
    noticed(&log).await;
}

/// What the adapter says of clients that go.
fn log() -> LogBuffer {
    let log = LogBuffer::default();
    tracing_subscriber::registry().with(log.layer("latchkey_adapter=debug")).init();
    log
}

/// Waits until the adapter knows that its client has gone. Who comes back sooner is somebody else, who asks the same.
async fn noticed(log: &LogBuffer) {
    wait::until(SOON, || !log.ids_of("the client has gone; its turn waits for a moment").is_empty()).await;
}

/// An answer of which half comes now, and half when it is released.
fn halves(model: &ScriptedModel) {
    model.will(Reply::text("One, ").hold().piece("two."));
    model.always(Reply::text("Bought again."));
}

async fn resent(adapter: &AdapterClient, how: &str) -> bool {
    adapter.get("/metrics").await.body.contains(&format!("latchkey_adapter_resent_total{{how=\"{how}\"}} 1"))
}

#[tokio::test]
async fn an_answer_that_is_over_is_given_once_more_by_any_replica() {
    let world = start().adapters(2).await;
    let model = world.practice.model();
    model.will(
        Reply::new()
            .reasoning("Hm.")
            .piece("Secretly sung.")
            .tool_call(0, "call_1", "Read", "{}")
            .usage(11, 7),
    );
    model.always(Reply::text("Bought again."));

    let streamed = stream(&world.adapter()).await;
    assert!(streamed.contains("message_stop"), "{streamed}");
    let held = wait::until_some(SOON, async || redis_with_answer(&world).await).await;
    let again = world.adapter_at(1).send(Method::POST, "/v1/messages", Some(&without_stream())).await.json();

    let mut hunter = Hunter::default();
    hunter.secret("the answer", "Secretly sung.");
    assert_eq!(hunter.hunt("Redis", &held), []);
    assert_eq!(again["content"][1]["text"], "Secretly sung.");
    assert_eq!((&again["content"][2]["id"], &again["stop_reason"]), (&json!("call_1"), &json!("tool_use")));
    assert_eq!((&again["usage"]["input_tokens"], &again["usage"]["output_tokens"]), (&json!(11), &json!(7)));
    assert!(streamed.contains(again["id"].as_str().unwrap()) && resent(&world.adapter_at(1), "kept").await);
    assert_eq!(model.calls().len(), 1);
    assert_eq!(ask(&world.adapter(), &without_stream()).await, "Bought again.", "it is given once");
    world.stop().await;
}

/// What Redis holds, once an answer is there.
async fn redis_with_answer(world: &World) -> Option<Vec<u8>> {
    let held = world.redis.dump().await;
    String::from_utf8_lossy(&held).contains("lk:answer:").then_some(held)
}

#[tokio::test]
async fn a_turn_that_runs_goes_on_without_a_stream() {
    let world = start().await;
    let model = world.practice.model();
    halves(&model);
    leave(&world.adapter()).await;

    let adapter = world.adapter();

    let body = without_stream();
    let request = adapter.request(Method::POST, "/v1/messages", Some(&body)).header(SESSION, "one");
    model.release(1);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();

    assert_eq!(answer["content"], json!([{"type": "text", "text": "One, two."}]));
    assert!(resent(&world.adapter(), "joined").await && model.calls().len() == 1);
    world.stop().await;
}

#[tokio::test]
async fn a_turn_that_runs_goes_on_in_another_stream() {
    let world = start().await;
    let log = log();
    let model = world.practice.model();
    halves(&model);
    let mut body = AdapterClient::question("hi");
    body["tools"] = json!([{"type": "function", "function": {"name": "read"}}]);
    let mut response = world.adapter().open(&body).await;
    let mut seen = String::new();
    while !seen.contains("One, ") {
        seen += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
    }
    drop(response);
    noticed(&log).await;

    model.release(1);
    let again = world.adapter().stream(&body).await;

    assert_eq!((again.text().as_str(), again.finish_reason(), again.done), ("One, two.", "stop", true));
    assert_eq!(model.calls().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn nobody_waits_for_a_client_that_does_not_come_back() {
    let world = start().await;
    let model = world.practice.model();
    halves(&model);

    leave(&world.adapter()).await;

    wait::until(SOON, || model.count(CallEnd::Cancelled) == 1).await;
    assert_eq!(ask(&world.adapter(), &without_stream()).await, "Bought again.");
    world.stop().await;
}

#[tokio::test]
async fn a_session_that_asks_something_else_has_given_its_turn_up() {
    let world = start().concurrency(1).await;
    let model = world.practice.model();
    halves(&model);
    leave(&world.adapter()).await;

    let mut other = without_stream();
    other["messages"][0]["content"] = "something else".into();
    let adapter = world.adapter();
    let request = adapter.request(Method::POST, "/v1/messages", Some(&other)).header(SESSION, "one");
    let answer: Value = request.send().await.unwrap().json().await.unwrap();

    assert_eq!(answer["content"][0]["text"], "Bought again.");
    assert_eq!(model.count(CallEnd::Cancelled), 1);
    world.stop().await;
}

#[tokio::test]
async fn whoever_wants_another_answer_gets_one() {
    let world = start().await;
    let off = start().adapter_env("LATCHKEY_RESEND", "off").await;
    for world in [&world, &off] {
        world.practice.model().will(Reply::text("First."));
        world.practice.model().always(Reply::text("Bought again."));
        stream(&world.adapter()).await;
    }

    assert!(stream(&world.adapter()).await.contains("Bought again."), "a stream that was whole");
    let mut plain = question();
    plain.as_object_mut().unwrap().remove("tools");
    let chats = [ask(&world.adapter(), &plain).await, ask(&world.adapter(), &plain).await];
    assert_eq!(
        (chats, world.practice.model().calls().len()),
        (["Bought again.", "Bought again."].map(str::to_owned), 4)
    );
    assert_eq!(ask(&off.adapter(), &without_stream()).await, "Bought again.");
    world.stop().await;
    off.stop().await;
}

#[tokio::test]
async fn titles_are_made_here_where_the_operator_wants_it() {
    let local = start().adapter_env("LATCHKEY_TITLES", "local").await;
    let site = start().await;
    let system = "You are a title generator. You output only a title.";
    let messages = json!([
        {"role": "system", "content": system}, {"role": "user", "content": "Generate a title for this conversation:"},
        {"role": "user", "content": "Rename the function"},
    ]);
    let body = json!({"model": "practice-1", "messages": messages});

    let title = local.adapter().stream(&body).await;
    site.adapter().stream(&body).await;

    assert_eq!(
        (title.text().as_str(), title.finish_reason(), title.done),
        ("Rename the function", "stop", true)
    );
    assert!(title.usage()["prompt_tokens"].as_u64() > Some(10));
    assert_eq!((local.practice.model().calls().len(), site.practice.model().calls().len()), (0, 1));
    local.stop().await;
    site.stop().await;
}

/// The model of both real clients: a call that writes a file, then a last word.
fn writes(world: &World, tool: &'static str, path: &'static str) {
    world.practice.model().always_with(move |request| {
        let messages = request["messages"].as_array().unwrap();
        let arguments = json!({path: "a.txt", "content": "written\n"});
        match messages.iter().any(|message| message["role"] == "tool") {
            _ if !request["tools"].is_array() => Reply::text("A title"),
            true => Reply::text("Done."),
            false => Reply::text("I write the file.").wait(Duration::from_millis(300)).tool_call(
                0,
                "call_1",
                tool,
                &arguments.to_string(),
            ),
        }
    });
}

/// What the site was asked with tools.
fn asked(world: &World) -> usize {
    world.practice.model().calls().iter().filter(|call| call.body["tools"].is_array()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_asks_again_and_the_site_is_not() {
    let world = start().await;
    writes(&world, "Write", "file_path");
    let breaker = Breaker::start(&world.adapters[0].url, "I write the file.").await;
    let project = Project::new(&[]);

    let run = claude::run(&breaker.url, "practice-1", &project, "Write the file", &[]).await;

    assert!(run.success && breaker.broke(), "{run:#?}");
    assert_eq!(project.files().get("a.txt").map(String::as_str), Some("written\n"));
    assert_eq!(asked(&world), 2, "a turn with the call, and one with its result");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opencode_asks_again_and_the_site_is_not() {
    let world = start().await;
    writes(&world, "write", "filePath");
    let breaker = Breaker::start(&world.adapters[0].url, "I write the file.").await;
    let project = Project::new(&[]);

    let run = run(&breaker.url, &project, "Write the file").await;

    assert!(run.status.success() && breaker.broke(), "{run:#?}");
    assert_eq!(project.files().get("a.txt").map(String::as_str), Some("written\n"));
    assert_eq!(asked(&world), 2, "a turn with the call, and one with its result");
    world.stop().await;
}
