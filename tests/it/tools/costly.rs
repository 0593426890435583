//! A client's schemas that were made to cost: an error that names the tool, or an answer; and nobody else waits.

use futures::future::join_all;
use latchkey_bridge::dialect::CallFormat;
use reqwest::Method;
use serde_json::{Map, Value, json};
use support::{
    model::Reply,
    world::{AdapterClient, WorldBuilder},
};

use super::{adapter, native};

/// More than may be read at once.
const AT_ONCE: usize = 4;

fn with_schema(schema: &Value) -> Value {
    let mut body = AdapterClient::question("Search for it.");
    body["tools"] = json!([{"type": "function", "function": {"name": "search", "parameters": schema}}]);
    body
}

fn patterns(count: usize) -> Value {
    let pattern =
        |number| json!({"type": "string", "pattern": format!("^(?:[a-z{number}]{{1,50}}){{1,20}}$")});
    let properties: Map<String, Value> =
        (0..count).map(|number| (format!("p{number}"), pattern(number))).collect();
    json!({"type": "object", "properties": properties})
}

/// A list of values of so many bytes that so many properties refer to.
fn values(bytes: usize, references: usize) -> Value {
    let properties: Map<String, Value> =
        (0..references).map(|number| (format!("p{number}"), json!({"$ref": "#/$defs/values"}))).collect();
    let values: Vec<String> = (0..bytes / 40).map(|number| format!("{number:034}")).collect();
    json!({"type": "object", "properties": properties, "$defs": {"values": {"enum": values}}})
}

/// The tool in the other APIs, and the schema as the form of an answer.
fn on_other_surfaces(schema: &Value) -> [(&'static str, Value); 3] {
    let form = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
    let mut formed = with_schema(&json!({"type": "object"}));
    formed["response_format"] = form;
    [
        (
            "/v1/messages",
            json!({"model": "practice-1", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}],
            "tools": [{"name": "search", "input_schema": schema}]}),
        ),
        (
            "/v1/responses",
            json!({"model": "practice-1", "input": "Hi",
            "tools": [{"type": "function", "name": "search", "parameters": schema}]}),
        ),
        ("/v1/chat/completions", formed),
    ]
}

fn both() -> [WorldBuilder; 2] {
    [adapter(CallFormat::Xml), native()]
}

#[tokio::test]
async fn a_tool_that_costs_too_much_is_refused_by_its_name() {
    for (at, world) in both().into_iter().enumerate() {
        let world = world.await;
        for (schema, expected) in [
            (patterns(2000), "at most 1024 patterns"),
            (values(1_300_000, 400), "at most 1048576 bytes"),
            (values(40, 5000), "at most 4096 references"),
        ] {
            let refused = world.adapter().chat(&with_schema(&schema)).await;
            assert_eq!(refused.status, 400, "{}", refused.body);
            let told = refused.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert!(told.contains("tools[0] (search)") && told.contains(expected), "{told}");
        }
        // A site that takes tools takes the form too, as it comes.
        for (path, mut body) in on_other_surfaces(&patterns(2000)).into_iter().take(3 - at) {
            for stream in [false, true] {
                body["stream"] = stream.into();
                let refused = world.adapter().send(Method::POST, path, Some(&body)).await;
                assert_eq!(refused.status, 400, "{path}: {}", refused.body);
                assert!(refused.body.contains("at most 1024 patterns"), "{path}: {}", refused.body);
            }
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn what_is_just_not_refused_is_answered_to_all_who_ask_at_once() {
    for world in both() {
        let world = world.concurrency(16).await;
        world.practice.model().always(Reply::text("Nothing was found."));
        let adapter = world.adapter();
        for schema in [patterns(1000), values(900_000, 400)] {
            let body = with_schema(&schema);
            for answer in join_all((0..AT_ONCE).map(|_| adapter.chat(&body))).await {
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn a_call_whose_check_would_never_end_goes_out_and_is_counted() {
    let world = native().await;
    let link = |number: usize| {
        let next = json!({"$ref": format!("#/$defs/d{}", number + 1)});
        (format!("d{number}"), json!({"anyOf": [next, next]}))
    };
    let mut defs: Map<String, Value> = (0..60).map(link).collect();
    defs.insert("d60".to_owned(), json!({"type": "string"}));
    let schema = json!({"type": "object", "properties": {"text": {"$ref": "#/$defs/d0"}}, "$defs": defs});
    world.practice.model().will(Reply::new().tool_call(0, "a", "search", "{\"text\":1}"));

    let answer = world.adapter().chat(&with_schema(&schema)).await;

    let call = &answer.json()["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(call["arguments"], "{\"text\":1}", "{}", answer.body);
    let metrics = world.adapter().get("/metrics").await.body;
    assert!(
        metrics.lines().any(
            |line| line.starts_with("latchkey_adapter_toolcall_unchecked_total{") && line.ends_with(" 1")
        ),
        "{metrics}"
    );
    world.stop().await;
}
