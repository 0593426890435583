//! Responses over a WebSocket: each turn has an end, each socket too, and what it holds is given back.

use std::time::Duration;

use latchkey_adapter::config::{Config, SocketLimits};
use latchkey_shared::{env::Env, shutdown::Tasks};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use support::{
    balancer::Balancer,
    model::{CallEnd, Reply},
    responses::ResponsesSocket,
    wait,
    world::{AdapterClient, SHARED_SECRET, World, WorldBuilder},
};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::{call, request};

const SOON: Duration = Duration::from_secs(10);
const QUESTION: &str = "How is it in Oslo?";

fn adapter() -> WorldBuilder {
    World::start().without_broker().with_session("alice")
}

async fn open(world: &World) -> ResponsesSocket {
    ResponsesSocket::open(&world.adapters[0].url, SHARED_SECRET).await.unwrap()
}

fn question() -> Value {
    json!({"model": "practice-1", "input": QUESTION})
}

fn text(event: &Value) -> &str {
    event["response"]["output"][0]["content"][0]["text"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_conversation_goes_on_by_the_id_of_its_last_response() {
    let world = adapter().await;
    let model = world.practice.model();
    let balancer = Balancer::start(&[&world.adapters[0].url]).await;
    for url in [&world.adapters[0].url, &balancer.url] {
        model.reset();
        model.will(call());
        model.will(Reply::text("Mild."));
        let mut socket = ResponsesSocket::open(url, SHARED_SECRET).await.unwrap();
        let mut first = request(&json!([]));

        first["input"] = json!([{"role": "user", "content": QUESTION}]);
        first["generate"] = false.into();
        let warm = socket.ask(&first).await;
        assert_eq!((&warm["type"], &warm["response"]["output"]), (&json!("response.completed"), &json!([])));
        assert!(model.calls().is_empty(), "nothing is asked as yet");
        let mut next = request(&json!([]));
        next["previous_response_id"] = warm["response"]["id"].clone();
        let asked = socket.ask(&next).await;
        assert_eq!(asked["response"]["output"][0]["name"], "weather");
        next["previous_response_id"] = asked["response"]["id"].clone();
        next["input"] = json!([{"type": "function_call_output", "call_id": "call_1", "output": "9 degrees"}]);
        let answered = socket.ask(&next).await;

        assert_eq!(text(&answered), "Mild.");
        let messages = model.last_call().body["messages"].clone();
        assert_eq!(
            messages[0]["content"][0]["text"].as_str().or(messages[0]["content"].as_str()),
            Some(QUESTION)
        );
        assert_eq!(messages[1]["tool_calls"][0]["function"]["arguments"], r#"{"city":"Oslo"}"#);
        assert_eq!(messages[2]["content"], "9 degrees");
    }
    drop(balancer);
    world.stop().await;
}

#[tokio::test]
async fn each_turn_has_an_end_and_the_next_one_is_answered() {
    let world = adapter().await;
    let model = world.practice.model();
    let mut socket = open(&world).await;
    let with = |field: &str, value: Value| {
        let mut event = question();
        event["type"] = "response.create".into();
        event[field] = value;
        event.to_string()
    };
    let refused = [
        ("{".to_owned(), 400, "invalid_request_error"),
        (with("type", "response.cancel".into()), 400, "invalid_request_error"),
        (with("stream_id", "a".into()), 400, "invalid_request_error"),
        (with("input", 1.into()), 400, "invalid_request_error"),
        (with("model", "none".into()), 400, "invalid_request_error"),
        (with("previous_response_id", "resp_other".into()), 400, "previous_response_not_found"),
    ];
    for (said, status, code) in refused {
        socket.say(&said).await;
        let event = socket.event().await.unwrap();
        assert_eq!((&event["type"], &event["status"]), (&json!("error"), &json!(status)), "{event}");
        assert_eq!(event["error"]["code"], code, "{event}");
    }
    assert!(model.calls().is_empty());

    model.will(Reply::status(500, &json!({})));
    let failed = socket.ask(&question()).await;
    assert_eq!((&failed["type"], &failed["status"]), (&json!("error"), &json!(502)), "{failed}");
    model.will(Reply::text("Half of it").cut());
    let cut = socket.ask(&question()).await;
    assert_eq!(cut["type"], "response.failed", "{cut}");
    model.will(Reply::text("Mild.").finish("length"));
    assert_eq!(socket.ask(&question()).await["type"], "response.incomplete");
    socket.say(r#"{"type":"response.processed","response_id":"resp_1"}"#).await;
    model.will(Reply::text("Mild."));
    assert_eq!(text(&socket.ask(&question()).await), "Mild.");
    drop(socket);
    world.stop().await;
}

#[tokio::test]
async fn a_second_request_waits_for_the_first_one() {
    let world = adapter().await;
    let model = world.practice.model();
    model.will(Reply::text("One").hold().piece("."));
    model.will(Reply::text("Two."));
    let mut socket = open(&world).await;

    socket.create(&question()).await;
    wait::until(SOON, || model.count(CallEnd::Held) == 1).await;
    socket.create(&question()).await;
    socket.create(&question()).await;
    model.will(Reply::text("Three."));
    model.release(1);

    for answer in ["One.", "Two.", "Three."] {
        let events = socket.rest().await.unwrap();
        assert_eq!(events.first().unwrap()["type"], "response.created");
        assert_eq!(text(events.last().unwrap()), answer);
    }
    drop(socket);
    world.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_frees_its_account() {
    let world = adapter().await;
    let model = world.practice.model();
    for politely in [true, false] {
        model.reset();
        model.will(Reply::pieces(&["Once", " upon"]).silence());
        let mut socket = open(&world).await;
        socket.create(&question()).await;
        while socket.event().await.unwrap()["type"] != "response.output_text.delta" {}

        if politely {
            socket.send(Message::Close(None)).await.unwrap();
        }
        drop(socket);

        wait::until(SOON, || model.count(CallEnd::Cancelled) == 1).await;
        let account = world.account("alice");
        wait::until_some(SOON, async || (world.store.leases(account).await.unwrap() == 0).then_some(()))
            .await;
    }
    world.stop().await;
}

#[tokio::test]
async fn only_turns_have_places() {
    let world = adapter().adapter_env("LATCHKEY_STREAMS", "1").await;
    let model = world.practice.model();
    let mut first = open(&world).await;
    let mut second = open(&world).await;
    model.will(Reply::text("Mild.").hold());

    first.create(&question()).await;
    wait::until(SOON, || model.count(CallEnd::Held) == 1).await;
    let refused = second.ask(&question()).await;
    assert_eq!((&refused["status"], &refused["error"]["code"]), (&json!(503), &json!("overloaded_error")));
    assert_eq!(refused["headers"]["retry-after"], "1");
    assert_eq!(world.adapter().ask("hi").await.status, 503);
    model.release(1);
    assert_eq!(text(first.rest().await.unwrap().last().unwrap()), "Mild.");

    model.will(Reply::text("Still mild."));
    assert_eq!(text(&second.ask(&question()).await), "Still mild.");
    drop((first, second));
    world.stop().await;
}

#[tokio::test]
async fn nobody_has_a_socket_without_a_secret_or_an_upgrade() {
    let world = adapter().await;
    let url = &world.adapters[0].url;

    let (status, body) = ResponsesSocket::open(url, "not-a-secret-of-ours").await.unwrap_err();
    assert_eq!(status, 401);
    assert!(body.contains("authentication_error"), "{body}");
    let plain = world.adapter().send(Method::GET, "/v1/responses", None).await;
    assert_eq!((plain.status, plain.header("upgrade")), (426, "websocket"));
    let why = plain.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(why.contains("WebSocket") && why.contains("POST"), "{why}");
    world.stop().await;
}

#[tokio::test]
async fn what_is_too_long_or_no_text_ends_the_socket_with_its_reason() {
    let world = adapter().adapter_env("LATCHKEY_BODY_LIMIT", "20000").await;
    let model = world.practice.model();
    let long = |bytes: usize| {
        let mut long = question();
        long["input"] = json!([{"role": "user", "content": "x".repeat(bytes)}]);
        long
    };

    let mut socket = open(&world).await;
    let refused = socket.ask(&long(5_000_000)).await;
    assert_eq!(
        (&refused["status"], &refused["error"]["code"]),
        (&json!(400), &json!("context_length_exceeded"))
    );
    assert_eq!(socket.event().await, Err(1009));

    let mut socket = open(&world).await;
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(socket.event().await, Err(1003));

    // What is held counts with what comes.
    let mut socket = open(&world).await;
    model.will(Reply::text("Long."));
    let first = socket.ask(&long(12_000)).await;
    let mut next = long(12_000);
    next["previous_response_id"] = first["response"]["id"].clone();
    let refused = socket.ask(&next).await;
    assert_eq!(refused["error"]["code"], "context_length_exceeded", "{refused}");
    model.will(Reply::text("Short."));
    let mut next = long(10);
    next["previous_response_id"] = first["response"]["id"].clone();
    assert_eq!(text(&socket.ask(&next).await), "Short.");
    drop(socket);
    world.stop().await;
}

#[tokio::test]
async fn a_drain_closes_who_waits_and_lets_a_turn_end() {
    let mut world = adapter().await;
    let model = world.practice.model();
    model.will(Reply::text("One").hold().piece("."));
    let mut at_rest = open(&world).await;
    let mut in_turn = open(&world).await;
    in_turn.create(&question()).await;
    wait::until(SOON, || model.count(CallEnd::Held) == 1).await;

    let part = world.adapters.remove(0);
    let stop = part.stop(Duration::from_secs(20));
    let rest = async {
        assert_eq!(at_rest.event().await, Err(1001));
        model.release(1);
        let events = in_turn.rest().await.unwrap();
        assert_eq!(text(events.last().unwrap()), "One.");
        assert_eq!(in_turn.event().await, Err(1001));
    };
    tokio::join!(stop, rest);

    assert_eq!(world.store.leases(world.account("alice")).await.unwrap(), 0);
}

#[tokio::test]
async fn a_turn_that_outlasts_the_drain_is_told_so() {
    let world = adapter().adapters(0).await;
    let model = world.practice.model();
    model.will(Reply::text("half").hold());
    let limited = |config| Config { drain: Duration::from_millis(100), ..config };
    let running = RunningAdapter::start(&world, limited).await;
    let mut socket = ResponsesSocket::open(&running.url, SHARED_SECRET).await.unwrap();
    socket.create(&question()).await;
    wait::until(SOON, || model.count(CallEnd::Held) == 1).await;

    let stop = running.stop();
    let rest = async { (socket.rest().await.unwrap().pop().unwrap(), socket.event().await) };
    let ((), (last, end)) = tokio::join!(stop, rest);

    assert_eq!((&last["type"], end), (&json!("response.failed"), Err(1001)), "{last}");
    assert_eq!(world.store.leases(world.account("alice")).await.unwrap(), 0);
}

#[tokio::test]
async fn a_socket_ends_when_it_is_old_or_idle() {
    let world = adapter().adapters(0).await;
    let model = world.practice.model();
    let ends = async |lifetime, idle| {
        let sockets =
            SocketLimits { lifetime: Duration::from_millis(lifetime), idle: Duration::from_millis(idle) };
        let running = RunningAdapter::start(&world, |config| Config { sockets, ..config }).await;
        let mut socket = ResponsesSocket::open(&running.url, SHARED_SECRET).await.unwrap();
        model.will(Reply::text("One").hold().piece("."));
        socket.create(&question()).await;
        wait::until(SOON, || model.count(CallEnd::Held) == 1).await;
        model.release(1);
        // A turn that runs is finished.
        assert_eq!(text(socket.rest().await.unwrap().last().unwrap()), "One.");
        let first = socket.event().await;
        let last = if first.is_ok() { socket.event().await } else { first.clone() };
        running.stop().await;
        (first, last)
    };

    let (idle, _) = ends(60_000, 100).await;
    assert_eq!(idle, Err(1000));
    let (old, last) = ends(100, 60_000).await;
    assert_eq!(old.unwrap()["error"]["code"], "websocket_connection_limit_reached");
    assert_eq!(last, Err(1000));
    world.stop().await;
}

/// An adapter whose configuration has what no variable says.
struct RunningAdapter {
    url: Url,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl RunningAdapter {
    async fn start(world: &World, change: impl FnOnce(Config) -> Config) -> Self {
        let mut env = world.keys.common(&world.redis.url(), &format!("practice={}", world.practice.url));
        env.extend(world.keys.adapter());
        let config = change(Config::from_env(&Env::of(env)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let stop = CancellationToken::new();
        let run = latchkey_adapter::run(config, listener, stop.clone().cancelled_owned());
        let running = Tasks::new().spawn(run);
        let client = AdapterClient::new(&url);
        wait::until_some(SOON, async || (client.get("/readyz").await.status == 200).then_some(())).await;
        Self { url, stop, running }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}
