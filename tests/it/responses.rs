//! The Responses API beyond one answer: items that a client names, and what it may ask about a request.

use reqwest::Method;
use serde_json::{Value, json};
use support::{
    model::Reply,
    world::{AdapterClient, HttpAnswer, SHARED_SECRET, Streamed, World},
};

mod over_socket;

const OTHER_SECRET: &str = "another-secret-of-a-test-world";
const PATH: &str = "/v1/responses";

/// Two adapters, and two clients.
async fn world() -> World {
    let secrets = format!("{SHARED_SECRET}\n{OTHER_SECRET}");
    let start = World::start().without_broker().with_session("alice").adapters(2);
    start.adapter_env("LATCHKEY_SHARED_SECRETS", &secrets).await
}

async fn ask(adapter: &AdapterClient, body: &Value) -> HttpAnswer {
    adapter.send(Method::POST, PATH, Some(body)).await
}

fn request(input: &Value) -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tools = json!([{"type": "function", "name": "weather", "parameters": parameters}]);
    json!({"model": "practice-1", "input": input, "tools": tools})
}

fn call() -> Reply {
    Reply::new().tool_call(0, "call_1", "weather", r#"{"city":"Oslo"}"#)
}

/// The conversation so far, where what was answered is only named.
fn named(items: &Value) -> Value {
    let user = json!({"role": "user", "content": "How is it in Oslo?"});
    let result = json!({"type": "function_call_output", "call_id": "call_1", "output": "Mild."});
    let names = items.as_array().unwrap().iter();
    let names = names.map(|item| json!({"type": "item_reference", "id": item["id"]}));
    [user].into_iter().chain(names).chain([result]).collect()
}

#[tokio::test]
async fn a_client_names_what_it_was_answered_at_any_adapter() {
    let world = world().await;
    let model = world.practice.model();
    for streams in [false, true] {
        model.will(call());
        model.will(Reply::text("Mild."));
        let mut body = request(&json!("How is it in Oslo?"));
        body["stream"] = streams.into();

        let items = match streams {
            false => ask(&world.adapter(), &body).await.json()["output"].clone(),
            true => {
                let answer = world.adapter().request(Method::POST, PATH, Some(&body)).send().await.unwrap();
                Streamed::of(answer).await.chunks.last().unwrap()["response"]["output"].clone()
            }
        };
        let second = ask(&world.adapter_at(1), &request(&named(&items))).await;

        assert_eq!(second.status, 200, "{}", second.body);
        let messages = model.last_call().body["messages"].clone();
        assert_eq!(messages[1]["tool_calls"][0]["function"]["arguments"], r#"{"city":"Oslo"}"#);
        assert_eq!(messages[2]["content"], "Mild.");
    }
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_kept_or_is_another_clients_is_refused() {
    let world = world().await;
    let model = world.practice.model();
    model.will(call());
    model.will(call());
    let mut body = request(&json!("How is it in Oslo?"));

    let kept = ask(&world.adapter(), &body).await.json()["output"].clone();
    body["store"] = false.into();
    let not_kept = ask(&world.adapter(), &body).await.json()["output"].clone();
    let other = world.adapter().with_secret(OTHER_SECRET);

    let refused = [
        ask(&other, &request(&named(&kept))).await,
        ask(&world.adapter(), &request(&named(&not_kept))).await,
    ];
    for answer in refused {
        assert_eq!(answer.status, 400);
        let why = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(why.starts_with("input[1].id: ") && why.contains("store: false"), "{why}");
    }
    assert_eq!(model.calls().len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn tokens_are_counted_and_nothing_is_compacted() {
    let world = world().await;
    let adapter = world.adapter();
    let count = async |body: &Value| {
        let answer = adapter.send(Method::POST, "/v1/responses/input_tokens", Some(body)).await.json();
        assert_eq!(answer["object"], "response.input_tokens");
        answer["input_tokens"].as_u64().unwrap()
    };

    let without = count(&json!({"model": "practice-1", "input": "Hello"})).await;
    assert!(without > 0 && count(&request(&json!("Hello"))).await > without + 5);

    let compact = adapter.send(Method::POST, "/v1/responses/compact", Some(&request(&json!("Hello")))).await;
    assert_eq!(compact.status, 400);
    assert!(compact.body.contains("nothing is compacted here"), "{}", compact.body);
    let item = request(&json!([{"type": "compaction", "encrypted_content": "x"}]));
    assert_eq!(ask(&adapter, &item).await.status, 400);
    assert!(world.practice.model().calls().is_empty());
    world.stop().await;
}
