//! Answers that the adapter gives before it has read a question, through the gateway: each arrives as it was meant,
//! however long the question is, and no other request is lost with it.
//!
//! The gateway writes a whole body before it reads, and keeps its connections. On the stand-in a few requests of each
//! kind; on a real one, where somebody has brought it, two hundred.

use std::time::Duration;

use axum::body::Bytes;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use support::{
    model::{CallEnd, Reply},
    new_api::{Console, NewApi, Real, Relaying, brought},
    wait,
    world::{AdapterClient, SHARED_SECRET, World},
};

use super::{cells::PREFIX, stage::channel};

const SIZES: [usize; 6] = [1 << 10, 100 << 10, 400 << 10, 1536 << 10, 5 << 20, 12 << 20];
const SOON: Duration = Duration::from_secs(20);
/// Four of twelve megabytes took a minute on two cores with other work.
const LIMIT: Duration = Duration::from_secs(300);
/// Requests at once.
const AT_ONCE: usize = 4;
/// Below the smallest size, and above an innocent question.
const BODY_LIMIT: &str = "1000";

/// An early answer, and the model whose channel leads to it.
const ANSWERS: [(&str, u16); 3] = [("a-wrong-secret", 401), ("too-long", 400), ("full", 503)];
/// The model of innocent requests, which go to the same adapter as the first two.
const INNOCENT: &str = "innocent";

/// Written once: twelve megabytes take a while.
fn question(model: &str, size: usize) -> Bytes {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "x".repeat(size)}]});
    body.to_string().into()
}

async fn status(console: &Console, body: &Bytes) -> u16 {
    let asked = console.asks("/v1/chat/completions", &Value::Null).body(body.clone());
    let answer = asked.timeout(LIMIT).send().await.unwrap();
    let status = answer.status().as_u16();
    answer.text().await.unwrap();
    status
}

/// The one answer that the adapter of this world has room for.
async fn filled(world: &World) -> reqwest::Response {
    world.practice.model().will(Reply::text("a").hold());
    let held = world.adapter().open(&AdapterClient::question("hi")).await;
    assert_eq!(held.status(), 200);
    wait::until(SOON, || world.practice.model().count(CallEnd::Held) == 1).await;
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_before_the_body_is_read_arrives_and_harms_nobody() {
    through("the stand-in", Relaying::StandIn(NewApi::start().await), 4).await;
    if let Some(binary) = brought() {
        through("the real one", Relaying::Real(Box::new(Real::start(&binary).await)), 200).await;
    }
}

async fn through(name: &str, gateway: Relaying, times: usize) {
    let start = || World::start().without_broker().with_session("alice");
    let world = start().adapter_env("LATCHKEY_BODY_LIMIT", BODY_LIMIT).await;
    let full = start().adapter_env("LATCHKEY_STREAMS", "1").await;
    world.practice.model().always(Reply::text("yes"));
    let console = gateway.console();
    console.set("RetryTimes", "0").await;
    let base = |world: &World| format!("{}{PREFIX}", world.adapters[0].url.as_str().trim_end_matches('/'));
    let channels = [
        (ANSWERS[0].0, "a secret that is none", base(&world)),
        (ANSWERS[1].0, SHARED_SECRET, base(&world)),
        (ANSWERS[2].0, SHARED_SECRET, base(&full)),
        (INNOCENT, SHARED_SECRET, base(&world)),
    ];
    for (model, key, base) in channels {
        let mut channel = channel(1, model, &base);
        channel["key"] = key.into();
        console.add(&channel).await;
    }

    let mut wrong = Vec::new();
    for (model, meant) in ANSWERS {
        for size in SIZES {
            // One for each row: a turn has an end, and two hundred long questions take minutes.
            let held = filled(&full).await;
            let early = &question(model, size);
            let innocent = &question(INNOCENT, 1);
            let console = &console;
            let pairs = stream::iter(0..times)
                .map(|_| async move { (status(console, early).await, status(console, innocent).await) });
            let told: Vec<(u16, u16)> = pairs.buffer_unordered(AT_ONCE).collect().await;
            let meant_so = told.iter().filter(|(early, _)| *early == meant).count();
            let lost = told.iter().filter(|(_, innocent)| *innocent != 200).count();
            let line = format!(
                "{name}, {model}, {size} bytes: {meant_so} of {times} are {meant}, {lost} others lost"
            );
            super::print(&line);
            if (meant_so, lost) != (times, 0) {
                wrong.push(line);
            }
            drop(held);
            wait::until(SOON, || full.practice.model().count(CallEnd::Held) == 0).await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
