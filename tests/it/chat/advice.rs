//! Two kinds of words: users are told what they can do, and nothing of accounts and settings; operators find the rest in
//! the log, under the id that the user's answer bears.

use serde_json::{Value, json};
use support::{
    model::{CallEnd, Reply},
    wait,
    world::{AdapterClient, HttpAnswer, World},
};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use super::{SOON, adapter, log::LogBuffer};

/// What no user can do anything about.
const OF_OPERATORS: [&str; 6] = ["broker", "latchkey_", "site file", "sign an", "sign one", "shared secret"];

fn logged() -> LogBuffer {
    let all = LogBuffer::default();
    tracing_subscriber::registry().with(all.layer("latchkey_adapter=debug")).init();
    all
}

/// What the log advises to whoever looks for an answer's id there.
async fn advice(log: &LogBuffer, answer: &HttpAnswer) -> String {
    let id = answer.header("x-oneapi-request-id").to_owned();
    let of_answer = |line: &Value| line["span"]["request.id"] == id.as_str();
    wait::until_some(SOON, async || {
        let text = log.text();
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let line = lines.find(|line| of_answer(line) && line["fields"]["advice"].is_string())?;
        line["fields"]["advice"].as_str().map(str::to_owned)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_told_what_they_can_do_and_operators_what_they_can() {
    let log = logged();
    let env =
        [("LATCHKEY_BODY_LIMIT", "2048"), ("LATCHKEY_QUEUE_DEADLINE", "1ms"), ("LATCHKEY_STREAMS", "2")];
    let start = env.iter().fold(adapter(), |start, (name, value)| start.adapter_env(name, value));
    let world = start.concurrency(1).await;
    let nobody = World::start().without_broker().await;
    let model = world.practice.model();
    let mut told = Vec::new();

    let ask = async |text: &str| world.adapter().ask(text).await;
    told.push(("a wrong secret", 401, world.adapter().with_secret("none of ours").ask("hi").await));
    told.push(("too long", 400, ask(&"x".repeat(4096)).await));
    told.push(("nobody is signed in", 503, nobody.adapter().ask("hi").await));
    model.will(Reply::raw("data: <html>\n\n"));
    told.push(("nonsense", 502, ask("nonsense").await));
    model.will(Reply::text("a").hold());
    let mut held = world.adapter().open(&AdapterClient::question("held")).await;
    wait::until(SOON, || model.count(CallEnd::Held) == 1).await;
    told.push(("a full account", 429, ask("full").await));
    model.release(1);
    while held.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
    world.practice.stop().await;
    told.push(("a site that is gone", 502, ask("gone").await));

    for (what, status, answer) in told {
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        let said = answer.body.to_lowercase();
        assert!(OF_OPERATORS.iter().all(|word| !said.contains(word)), "{what}: {said}");
        let advice = advice(&log, &answer).await;
        assert!(!advice.is_empty(), "{what}: an operator is told nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_secret_is_a_line_in_the_log_and_a_count_and_is_in_neither() {
    let log = logged();
    let world = adapter().await;
    let secret = "hush-hush-is-none-of-ours";
    let paths = ["/v1/chat/completions", "/claude/v1/messages", "/new-api/v1/responses"];

    for path in paths {
        let stranger = world.adapter().with_secret(secret);
        let answer = stranger.send(reqwest::Method::POST, path, Some(&json!({"model": "x"}))).await;
        assert_eq!(answer.status, 401, "{path}");
    }
    assert_eq!(world.adapter().with_secret(secret).get("/v1/models").await.status, 401);

    let lines = |word: &str| log.text().lines().filter(|line| line.contains(word)).count();
    assert_eq!(lines("requests had no shared secret, or a wrong one"), 1, "a flood is a line a minute");
    assert_eq!(lines(secret), 0);
    let metrics = world.adapter().get("/metrics").await.body;
    assert!(metrics.contains("latchkey_adapter_refused_total 4\n") && !metrics.contains(secret), "{metrics}");
    world.stop().await;
}
