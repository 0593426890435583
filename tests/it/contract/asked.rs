//! The other direction: whatever a gateway's conversion makes of a Claude client's request is understood.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use support::{
    model::{CallEnd, Reply},
    wait,
    world::World,
};
use tokio::time::timeout;

use super::world;
use crate::chat::declared;

/// A gateway switches a channel off whose test takes longer.
const TEST: Duration = Duration::from_secs(5);

const PATH: &str = "/claude/v1/chat/completions";

#[tokio::test]
async fn a_converted_request_reaches_the_site_as_the_client_meant_it() {
    let world = world().await;
    let blocks = json!([
        {"type": "text", "text": "a picture"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
    ]);
    let header = "x-anthropic-billing-header: cc_version=2.1.197.1a2; cc_entrypoint=sdk-cli;";
    let function = json!({"name": "Read", "arguments": "{}"});
    let call = json!({"id": "toolu_1", "type": "function", "function": function});
    let body = json!({
        "model": "practice-1",
        "messages": [
            {"role": "system", "content": format!("{header}You are Claude Code.Be brief.")},
            {"role": "user", "content": [{"type": "text", "text": "Read.", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "name": "Read", "tool_call_id": "toolu_1", "content": blocks.to_string()},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}, "MimeType": ""}]},
        ],
        "tools": [{"type": "function", "function": {"name": "Read", "parameters": {"type": "object"}}}],
        "stop": "END", "max_tokens": 100, "stream": false,
    });
    world.practice.model().will(Reply::text("Seen."));

    let answer = world.adapter().send(Method::POST, PATH, Some(&body)).await;

    assert_eq!(answer.text(), "Seen.");
    let asked = world.practice.model().last_call().body;
    assert_eq!((&asked["stop"], asked["messages"].as_array().unwrap().len()), (&json!("END"), 5));
    assert_eq!(asked["messages"][0]["content"], "You are Claude Code.Be brief.");
    assert_eq!(asked["messages"][1], body["messages"][1]);
    assert_eq!(asked["messages"][2], body["messages"][2]);
    assert_eq!(asked["messages"][3]["content"], "a picture");
    let pictures: Vec<&Value> = asked["messages"][4]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["image_url"]["url"])
        .collect();
    assert_eq!(pictures, ["data:image/png;base64,AAAA", "data:image/png;base64,BBBB"]);
    world.stop().await;
}

/// A gateway's test of a channel.
fn probe() -> Value {
    json!({"model": "practice-1", "stream": false, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16})
}

#[tokio::test]
async fn stops_and_probes_of_every_form_are_served() {
    let world = world().await;
    let ask = async |path: &str, body: &Value| world.adapter().send(Method::POST, path, Some(body)).await;
    let probe = probe();

    for path in ["/v1/chat/completions", PATH, "/claude//v1/v1/chat/completions?beta=true"] {
        for stop in [Value::Null, json!("END"), json!(["END", "STOP"])] {
            let mut body = probe.clone();
            body["stop"] = stop;
            assert_eq!(ask(path, &body).await.status, 200, "{path} {body}");
        }
    }
    for path in ["/v1/models", "/claude/v1/models"] {
        assert_eq!(world.adapter().get(path).await.json()["data"][0]["id"], "practice-1", "{path}");
    }
    for path in ["/v1/dashboard/billing/subscription", "/claude/v1/dashboard/billing/usage", "/v1/embeddings"]
    {
        let answer = world.adapter().get(path).await;
        assert_eq!((answer.status, answer.header("x-oneapi-request-id").len()), (404, 26), "{path}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_test_of_the_channel_is_over_in_time_however_much_the_site_says() {
    let world = World::start().without_broker().with_session("alice").site_file(declared()).await;
    let words = [" word"; 16];
    for (count, path) in ["/v1/chat/completions", PATH].into_iter().enumerate() {
        world.practice.model().will(Reply::pieces(&words).silence());

        let adapter = world.adapter();

        let body = probe();
        let asked = adapter.send(Method::POST, path, Some(&body));
        let answer = timeout(TEST, asked).await.expect("a gateway waits so long").json();

        let choice = &answer["choices"][0];
        assert_eq!(
            (&choice["finish_reason"], &choice["message"]["content"]),
            (&json!("length"), &json!(words.concat()))
        );
        assert_eq!(answer["usage"]["completion_tokens"], 16);
        wait::until(TEST, || world.practice.model().count(CallEnd::Cancelled) == count + 1).await;
    }
    world.practice.model().will(Reply::pieces(&words));
    let mut wrong = probe();
    wrong["max_tokens"] = "16".into();
    let answer = world.adapter().chat(&wrong).await;
    assert_eq!(
        (answer.status, answer.json()["error"]["message"].as_str()),
        (400, Some("max_tokens: expected a number above 0"))
    );
    world.stop().await;
}
