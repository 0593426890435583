//! What clients and operators see of a call.

use std::time::Duration;

use latchkey_bridge::dialect::CallFormat;
use serde_json::json;
use support::model::Reply;

use super::{SITE_FILE, ToolsSite, adapter, calls, ended, native, task};

#[tokio::test]
async fn a_long_call_is_whole_and_comments_fill_the_wait() {
    let start = adapter(CallFormat::Xml).adapter_env("LATCHKEY_HEARTBEAT", "50ms");
    let site = ToolsSite::start(start, CallFormat::Xml).await;
    let block = site.bash("sleep 1");
    let (head, rest) = block.split_at(60);
    site.model().will(Reply::text(head).wait(Duration::from_millis(300)).piece(rest));

    let stream = site.stream().await;

    ended(&stream, "");
    assert!(stream.comments.len() >= 2);
    assert_eq!(calls(&stream).len(), 1);
}

#[tokio::test]
async fn a_conversation_too_long_for_the_site_is_400() {
    let chat = "tools = false\nprompt_bytes = 20000";
    let world = native().site_file(SITE_FILE.replace("tools = true", chat)).await;
    let result = |size: usize| {
        let mut body = task();
        let call = json!({"id": "a", "type": "function", "function": {"name": "bash", "arguments": "{}"}});
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": "", "tool_calls": [call]}));
        messages.push(json!({"role": "tool", "tool_call_id": "a", "content": "x".repeat(size)}));
        messages.push(json!({"role": "user", "content": "Go on."}));
        body
    };
    world.practice.model().always(Reply::text("Fine."));
    let mut long = task();
    long["messages"][0]["content"] = "x".repeat(20_000).into();

    let refused = world.adapter().chat(&long).await;
    let cut = world.adapter().chat(&result(20_000)).await;

    assert_eq!((refused.status, cut.status), (400, 200));
    let error = &refused.json()["error"];
    assert_eq!(error["code"], "context_length_exceeded");
    let message = error["message"].as_str().unwrap();
    let (_, told) = message.split_once("prompt is too long: ").unwrap();
    let (tokens, told) = told.split_once(" tokens > ").unwrap();
    let (limit, _) = told.split_once(" maximum").unwrap();
    assert!(limit.parse::<u64>().unwrap() < tokens.parse::<u64>().unwrap(), "{message}");
    assert!(world.practice.model().last_call().body["messages"].to_string().len() < 21_000);
}

#[tokio::test]
async fn an_answer_that_must_be_corrected_does_not_make_the_prompt_too_long() {
    let chat = "tools = false\nprompt_bytes = 20000";
    let start = native().site_file(SITE_FILE.replace("tools = true", chat));
    let site = ToolsSite::start(start, CallFormat::Xml).await;
    let long = site.block(&[("bash", json!({"cmd": "x".repeat(30_000)}))]);
    site.model().will(Reply::text(&long));
    site.model().will(Reply::text(&site.bash("ls")));

    let stream = site.stream().await;

    assert_eq!(calls(&stream).len(), 1);
    let prompt = site.model().last_call().body["messages"].to_string();
    assert!(prompt.contains("bytes left out here") && prompt.len() < 20_500, "{}", prompt.len());
}

#[tokio::test]
async fn half_a_native_call_is_never_made() {
    let world = native().await;
    let reply =
        Reply::text("I write.").tool_call(0, "a", "bash", "{\"command\": \"rm -rf /tmp/a").finish("length");
    world.practice.model().will(reply);

    let stream = world.adapter().stream(&task()).await;

    assert_eq!((stream.tool_calls().len(), stream.finish_reason()), (0, "length"));
}

#[tokio::test]
async fn what_became_of_calls_is_counted() {
    let site = ToolsSite::start(adapter(CallFormat::Json), CallFormat::Json).await;
    site.model().will(Reply::text("Now let me run the tests:"));
    site.model().will(Reply::text(&site.bash("ls")));
    site.stream().await;

    let metrics = site.world.adapter().get("/metrics").await.body;

    let labels = "site=\"practice\",model=\"practice-1\",dialect=\"json\"";
    for line in [
        format!("toolcall_emitted_total{{{labels},step=\"read\",outcome=\"own\"}} 1"),
        format!("toolcall_nudge_total{{{labels},step=\"announced\",outcome=\"call\"}} 1"),
        format!("toolcall_turn_end_total{{{labels},step=\"announced\",outcome=\"tool_calls\"}} 1"),
    ] {
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
}
