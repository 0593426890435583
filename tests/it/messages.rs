//! Anthropic's Messages API at the edge: what the SDKs do not show.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{
    http,
    model::Reply,
    world::{AdapterClient, SHARED_SECRET, World},
};

const PATH: &str = "/v1/messages";

async fn world() -> World {
    World::start().without_broker().with_session("alice").adapter_env("LATCHKEY_HEARTBEAT", "50ms").await
}

fn question() -> Value {
    json!({"model": "practice-1", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]})
}

fn streamed() -> Value {
    let mut body = question();
    body["stream"] = true.into();
    body
}

/// The events of a stream: name and data.
async fn events(adapter: &AdapterClient, body: &Value) -> (Vec<(String, Value)>, bool) {
    let mut response = adapter.request(Method::POST, PATH, Some(body)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut text = String::new();
    let mut whole = true;
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
            Ok(None) => break,
            Err(_) => {
                whole = false;
                break;
            }
        }
    }
    let events = text.split_terminator("\n\n").map(|event| {
        let (name, data) = event.split_once('\n').unwrap();
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        (name.strip_prefix("event: ").unwrap().to_owned(), data)
    });
    (events.collect(), whole)
}

#[tokio::test]
async fn a_refusal_has_anthropics_form() {
    let world = world().await;
    let adapter = world.adapter();

    let empty = adapter.send(Method::POST, PATH, Some(&json!({"model": "practice-1"}))).await;
    assert_eq!(empty.status, 400);
    assert_eq!(
        empty.json(),
        json!({"type": "error", "error": {"type": "invalid_request_error", "code": "invalid_request_error", "message": "messages: missing, expected an array"}})
    );
    let stranger = adapter
        .clone()
        .with_secret("nobody-knows-this-secret")
        .send(Method::POST, PATH, Some(&question()))
        .await;
    assert_eq!(
        (stranger.status, stranger.json()["error"]["type"].clone()),
        (401, json!("authentication_error"))
    );
    world.practice.model().will(Reply::rate_limited(7));
    let limited = adapter.send(Method::POST, PATH, Some(&question())).await;
    assert_eq!((limited.status, limited.json()["error"]["type"].clone()), (429, json!("rate_limit_error")));
    assert_eq!(limited.headers["retry-after"], "7");
    world.stop().await;
}

#[tokio::test]
async fn an_api_key_opens_and_head_is_answered() {
    let world = world().await;
    let url = world.adapter().url;
    world.practice.model().will(Reply::text("Hello."));

    let request = http::client().post(url.join(PATH).unwrap()).header("x-api-key", SHARED_SECRET);
    let answer: Value = request.json(&question()).send().await.unwrap().json().await.unwrap();
    let head = http::client().head(url).send().await.unwrap();

    assert_eq!(answer["content"], json!([{"type": "text", "text": "Hello."}]));
    assert_eq!(
        (answer["type"].clone(), answer["stop_reason"].clone()),
        (json!("message"), json!("end_turn"))
    );
    assert_eq!(head.status(), StatusCode::OK);
    world.stop().await;
}

#[tokio::test]
async fn a_cut_answer_is_an_error_and_never_a_stop() {
    let world = world().await;
    world.practice.model().will(Reply::pieces(&["one ", "two"]).cut());

    let (events, whole) = events(&world.adapter(), &streamed()).await;

    let (last, error) = events.last().unwrap();
    assert_eq!((last.as_str(), error["error"]["type"].clone()), ("error", json!("api_error")));
    assert!(!whole && events.iter().all(|(name, _)| name != "message_stop"));
    world.stop().await;
}

#[tokio::test]
async fn a_silence_is_bridged_by_empty_deltas() {
    let world = world().await;
    let model = world.practice.model();
    model.will(Reply::text("one ").hold().piece("two"));
    let adapter = world.adapter();
    let body = streamed();

    let metric = async {
        support::wait::until_some(std::time::Duration::from_secs(20), async || {
            let metrics = adapter.get("/metrics").await.body;
            let count =
                metrics.lines().find(|line| line.starts_with("latchkey_adapter_heartbeats_total{"))?;
            let (_, count) = count.rsplit_once(' ')?;
            (count.parse::<u64>().unwrap() > 2).then_some(())
        })
        .await;
        model.release(1);
    };
    let ((events, whole), ()) = tokio::join!(events(&adapter, &body), metric);

    let empty = json!({"type": "text_delta", "text": ""});
    assert!(whole && events.iter().filter(|(_, data)| data["delta"] == empty).count() > 2);
    assert_eq!(events.last().unwrap().0, "message_stop");
    world.stop().await;
}

#[tokio::test]
async fn tokens_are_counted_with_the_tools() {
    let world = world().await;
    let adapter = world.adapter();
    let mut body = question();
    let count = async |body: &Value| {
        let answer = adapter.send(Method::POST, "/v1/messages/count_tokens", Some(body)).await;
        answer.json()["input_tokens"].as_u64().unwrap()
    };

    let without = count(&body).await;
    body["tools"] =
        json!([{"name": "Read", "description": "Reads a file.", "input_schema": {"type": "object"}}]);

    assert!(without > 0 && count(&body).await > without + 5);
    world.stop().await;
}

#[tokio::test]
async fn what_was_cleared_of_a_conversation_is_told() {
    let world = world().await;
    world.practice.model().always(Reply::text("Fine."));
    let use_of = |id: &str| json!([{"type": "tool_use", "id": id, "name": "Read", "input": {}}]);
    let result_of =
        |id: &str| json!([{"type": "tool_result", "tool_use_id": id, "content": "y".repeat(4000)}]);
    let mut body = question();
    body["messages"] = json!([
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": use_of("a")}, {"role": "user", "content": result_of("a")},
        {"role": "assistant", "content": use_of("b")}, {"role": "user", "content": result_of("b")},
    ]);
    let keep = json!({"type": "tool_uses", "value": 1});
    let edit = json!({"type": "clear_tool_uses_20250919", "trigger": {"type": "tool_uses", "value": 1}, "keep": keep});
    body["context_management"] = json!({"edits": [edit, {"type": "compact_20260112"}]});

    let whole = world.adapter().send(Method::POST, PATH, Some(&body)).await.json();
    body["stream"] = true.into();
    let (streamed, _) = events(&world.adapter(), &body).await;
    let end = streamed.iter().find(|(name, _)| name == "message_delta").unwrap();

    let told = json!({"applied_edits": [
        {"type": "clear_tool_uses_20250919", "cleared_tool_uses": 1, "cleared_input_tokens": 992},
    ]});
    assert_eq!((&whole["context_management"], &end.1["context_management"]), (&told, &told));
    let asked = world.practice.model().last_call().body["messages"].clone();
    assert_eq!(asked[2]["content"], "[Old tool result content cleared]");
    assert_eq!(asked[4]["content"].as_str().unwrap().len(), 4000);
    let plain = world.adapter().send(Method::POST, PATH, Some(&question())).await.json();
    assert!(plain.get("context_management").is_none());
    world.stop().await;
}
