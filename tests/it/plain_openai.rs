//! An API like OpenAI's with a key and no login: the account is given the key, and no browser has any part in it.

use std::time::Duration;

use serde_json::json;
use support::{
    model::{Reply, ScriptedModel},
    wait,
    world::{AdapterClient, World},
};

use super::end_to_end::a_picture_reaches_the_model;

/// How long the model may take to learn that nobody listens.
const SOON: Duration = Duration::from_secs(10);
const KEY: &str = "sk-of-the-tests";

#[tokio::test]
async fn an_api_behind_a_key_answers() {
    let site = ScriptedModel::start().await;
    let url = format!("plain-openai={}", site.url);
    let world = World::start().without_broker().adapter_env("LATCHKEY_SITE_URLS", &url).await;
    world.give_key("plain-openai", KEY).await;
    let adapter = world.adapter();
    let model = &site.model;
    wait::until_some(SOON, async || {
        let models = adapter.get("/v1/models").await.json();
        (models["data"][0]["id"] == "practice-1").then_some(())
    })
    .await;

    it_answers_in_every_way(model, &adapter).await;
    a_picture_reaches_the_model(model, &adapter).await;
    faults_are_told(model, &adapter).await;
    // The last, because the account must wait then.
    model.will(Reply::rate_limited(7));
    let answer = adapter.ask("Too much?").await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert!(!answer.header("retry-after").is_empty());
    world.stop().await;
}

async fn it_answers_in_every_way(model: &ScriptedModel, adapter: &AdapterClient) {
    model.will(Reply::pieces(&["Good", " morning", "."]));
    let streamed = adapter.ask_streamed("Hello").await;
    assert_eq!((streamed.text().as_str(), streamed.done), ("Good morning.", true), "{}", streamed.raw);
    assert_eq!(model.last_call().header("authorization"), format!("Bearer {KEY}"));

    let mut second = AdapterClient::question("Hello");
    let more = [
        json!({"role": "assistant", "content": "Good morning."}),
        json!({"role": "user", "content": "And?"}),
    ];
    second["messages"].as_array_mut().unwrap().extend(more);
    model.will(Reply::text("And on."));
    assert_eq!(adapter.chat(&second).await.text(), "And on.");
    assert_eq!(model.last_call().body["messages"].as_array().unwrap().len(), 3);

    model.will(Reply::new().reasoning("Hm.").tool_call(0, "call_1", "weather", "{}"));
    let message = adapter.ask("Weather?").await.json()["choices"][0]["message"].clone();
    assert_eq!(message["tool_calls"][0]["function"]["name"], "weather", "{message}");
    assert_eq!(message["reasoning_content"], "Hm.", "{message}");

    adapter.leave(&AdapterClient::question("A long story"), model).await;
}

async fn faults_are_told(model: &ScriptedModel, adapter: &AdapterClient) {
    let error = json!({"error": {"message": "boom"}});
    model.will(Reply::raw(format!("data: {error}\n\ndata: [DONE]\n\n")));
    assert_eq!(adapter.ask("Fail at once").await.status, 502);

    model.will(Reply::pieces(&["Half"]).hold().cut());
    let streamed = adapter.stream_and(&AdapterClient::question("Cut"), "Half", || model.release(1)).await;
    streamed.assert_cut("Half");
}

#[tokio::test]
async fn a_refused_key_is_noticed() {
    let site = ScriptedModel::start().await;
    let url = format!("plain-openai={}", site.url);
    let world = World::start().without_broker().adapter_env("LATCHKEY_SITE_URLS", &url).await;
    world.give_key("plain-openai", KEY).await;
    site.model.will(Reply::model_unauthorized());
    let question =
        json!({"model": "plain-openai/practice-1", "messages": [{"role": "user", "content": "Hello"}]});

    let answer = wait::until_some(SOON, async || {
        let answer = world.adapter().chat(&question).await;
        (answer.status != 503).then_some(answer)
    })
    .await;

    assert_eq!(answer.status, 502, "{}", answer.body);
    assert!(answer.body.contains("session"), "{}", answer.body);
    world.stop().await;
}
