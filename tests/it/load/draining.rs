//! The end of an adapter as a process: how long its open streams go on, and what ends that.

use std::time::Duration;

use support::{
    binaries::Binary,
    http,
    model::{CallEnd, Reply},
    practice::PracticeOptions,
    processes, wait,
    world::{AdapterClient, SHARED_SECRET, World},
};

const SOON: Duration = Duration::from_secs(60);

/// An adapter with a stream that hangs, and that stream.
async fn streaming(drain: &str) -> (World, Binary, reqwest::Response) {
    hanging(drain, Reply::text("begun, ").hold().piece("ended")).await
}

/// The same with an answer of this kind.
async fn hanging(drain: &str, reply: Reply) -> (World, Binary, reqwest::Response) {
    let start =
        World::start().without_broker().practice(PracticeOptions::with_accounts(&["alice"])).adapters(0);
    let world = start.with_session("alice").await;
    world.practice.model().will(reply);
    let directory = world.directory.path().join("adapter");
    std::fs::create_dir(&directory).unwrap();
    let url = format!("practice={}", world.practice.url);
    let mut env = world.keys.common(&world.redis.url(), &url);
    env.extend(world.keys.adapter());
    env.push(("LATCHKEY_DRAIN".to_owned(), drain.to_owned()));
    env.push(("LATCHKEY_BEGIN_AFTER".to_owned(), "1ms".to_owned()));
    let adapter = Binary::adapter(&directory, &env).await;
    let mut question = AdapterClient::question("hi");
    question["stream"] = true.into();
    let url = adapter.url.join("/v1/chat/completions").unwrap();
    let mut response =
        http::client().post(url).bearer_auth(SHARED_SECRET).json(&question).send().await.unwrap();
    response.chunk().await.unwrap();
    wait::until(SOON, || world.practice.model().count(CallEnd::Held) == 1).await;
    (world, adapter, response)
}

/// Whether nobody is let in any more: the door is closed.
async fn closed(adapter: &Binary) {
    let url = adapter.url.join("/livez").unwrap();
    let http = http::client();
    wait::until_some(SOON, async || http.get(url.clone()).send().await.is_err().then_some(())).await;
}

async fn rest(mut response: reqwest::Response) -> String {
    let mut text = String::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    text
}

#[tokio::test]
async fn a_stream_goes_on_while_the_door_is_closed() {
    let (world, mut adapter, response) = streaming("55m").await;

    processes::terminate(adapter.pid());
    closed(&adapter).await;
    world.practice.model().release(1);
    let rest = rest(response).await;
    adapter.ended().await;

    assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
    assert!(!adapter.output().contains("cut"), "{}", adapter.output());
}

#[tokio::test]
async fn a_second_signal_ends_a_long_drain_at_once() {
    let (world, mut adapter, response) = streaming("55m").await;

    processes::terminate(adapter.pid());
    closed(&adapter).await;
    processes::terminate(adapter.pid());
    let rest = rest(response).await;
    adapter.ended().await;

    assert!(rest.contains("overloaded_error") && !rest.contains("[DONE]"), "{rest}");
    assert_eq!(world.store.leases(world.account("alice")).await.unwrap(), 0);
    assert!(adapter.output().contains("told to stop once more"), "{}", adapter.output());
}

#[tokio::test]
async fn a_stream_without_a_word_yet_is_told_of_the_end_as_well() {
    let (world, mut adapter, response) = hanging("300ms", Reply::new().hold()).await;

    processes::terminate(adapter.pid());
    let rest = rest(response).await;
    adapter.ended().await;

    assert!(rest.contains("overloaded_error") && !rest.contains("chat.completion"), "{rest}");
    assert_eq!(world.store.leases(world.account("alice")).await.unwrap(), 0);
}

#[tokio::test]
async fn a_drain_is_as_long_as_its_variable_says() {
    let (world, mut adapter, response) = streaming("300ms").await;

    processes::terminate(adapter.pid());
    let rest = rest(response).await;
    adapter.ended().await;

    assert!(rest.contains("overloaded_error"), "{rest}");
    assert_eq!(world.store.leases(world.account("alice")).await.unwrap(), 0);
    assert!(adapter.output().contains("did not end in time"), "{}", adapter.output());
}
