//! The shape of answers, byte by byte: gateways and SDKs misread every other.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use support::{
    model::{CallEnd, Reply},
    wait,
    world::AdapterClient,
};

use super::{SITE_FILE, SOON, adapter, bytes, refusal, unique_removed, with_limits};

#[tokio::test]
async fn a_stream_has_the_canonical_bytes() {
    let world = adapter().await;
    world.practice.model().will(Reply::new().reasoning("Hm.").piece("Hello ").piece("\"wörld\"").usage(9, 4));

    let stream = world.adapter().ask_streamed("hi").await;

    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert!(stream.complete);
    assert_snapshot!(bytes(&stream), @r#"
    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"reasoning_content":"Hm."},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"content":"Hello "},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"content":"\"wörld\""},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}

    data: [DONE]
    "#);
}

#[tokio::test]
async fn a_whole_answer_has_the_canonical_body() {
    let world = adapter().await;
    world.practice.model().will(Reply::new().reasoning("Hm.").piece("Hello ").piece("world").usage(9, 4));

    let answer = world.adapter().ask("hi").await;

    assert_eq!(answer.header("content-type"), "application/json");
    assert_snapshot!(unique_removed(&answer.body), @r#"{"id":"chatcmpl-[id]","object":"chat.completion","created":[now],"model":"practice-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello world","reasoning_content":"Hm.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}"#);
}

#[tokio::test]
async fn malformed_tool_calls_leave_well_formed() {
    let world = adapter().await;
    let reply = Reply::new()
        .tool_calls(&json!([{"id": 7, "function": {"name": "read", "arguments": {"path": "a"}}}]))
        .tool_calls(
            &json!([{"index": 0, "id": "x", "function": {"name": "read", "arguments": "{\"path\":"}}]),
        )
        .tool_calls(&json!([{"index": 0, "function": {"arguments": "\"b\"}"}}]))
        .tool_calls(&json!([{"index": 0, "id": "y", "function": {"name": "read", "arguments": "{}"}}]))
        .finish("stop");
    world.practice.model().always(reply.usage(1, 2));
    let mut body = AdapterClient::question("read a and b");
    body["tools"] =
        json!([{"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}]);

    let stream = world.adapter().stream(&body).await;
    let whole = world.adapter().chat(&body).await;

    assert_eq!(world.practice.model().last_call().body["tools"], body["tools"]);
    assert_snapshot!(bytes(&stream), @r#"
    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_[minted]_0","type":"function","function":{"name":"read","arguments":"{\"path\":\"a\"}"}}]},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"x","type":"function","function":{"name":"read","arguments":"{\"path\":\"b\"}"}}]},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":2,"id":"y","type":"function","function":{"name":"read","arguments":"{}"}}]},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}

    data: [DONE]
    "#);
    assert_snapshot!(unique_removed(&whole.json()["choices"].to_string()), @r#"[{"finish_reason":"tool_calls","index":0,"logprobs":null,"message":{"content":null,"refusal":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{\"path\":\"a\"}","name":"read"},"id":"call_[minted]_0","type":"function"},{"function":{"arguments":"{\"path\":\"b\"}","name":"read"},"id":"x","type":"function"},{"function":{"arguments":"{}","name":"read"},"id":"y","type":"function"}]}}]"#);
}

#[tokio::test]
async fn usage_is_counted_where_the_site_does_not_tell_it() {
    let world = adapter().await;
    world.practice.model().always(Reply::text("Hello world").without_usage());

    let stream = world.adapter().ask_streamed("hi").await;
    let whole = world.adapter().ask("hi").await;

    assert_eq!(stream.usage(), json!({"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}));
    assert_eq!(whole.json()["usage"], stream.usage());
}

#[tokio::test]
async fn a_silence_is_filled_with_comments() {
    let world = adapter().adapter_env("LATCHKEY_HEARTBEAT", "50ms").await;
    world.practice.model().will(Reply::text("a").wait(Duration::from_millis(300)).piece("b"));

    let stream = world.adapter().ask_streamed("hi").await;

    assert_eq!(stream.text(), "ab");
    assert!(stream.comments.len() >= 2 && stream.comments.iter().all(|comment| comment == ": hb"));
    assert!(stream.done && stream.complete);
}

#[tokio::test]
async fn an_answer_that_is_cut_is_never_ended() {
    let world = adapter().await;
    world.practice.model().will(Reply::text("half").cut());

    let stream = world.adapter().ask_streamed("hi").await;

    assert!(!stream.complete && !stream.done);
    assert_snapshot!(bytes(&stream), @r#"
    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}

    data: {"error":{"message":"the site's answer was cut off; ask again","type":"server_error","code":"api_error","param":null}}
    "#);
}

#[tokio::test]
async fn an_error_in_the_middle_is_never_an_end() {
    let world = adapter().await;
    world
        .practice
        .model()
        .will(Reply::text("half").bytes("data: {\"error\":{\"message\":\"secret words\"}}\n\n"));

    let stream = world.adapter().ask_streamed("hi").await;

    assert!(!stream.complete && !stream.done && stream.finish_reason().is_empty());
    assert!(!stream.raw.contains("secret words"));
    assert_eq!(stream.chunks.last().unwrap()["error"]["code"], "api_error");
}

#[tokio::test]
async fn a_site_that_falls_silent_is_cut_off() {
    let world = adapter().site_file(with_limits("idle = \"200ms\"")).await;
    world.practice.model().will(Reply::text("half").silence());

    let stream = world.adapter().ask_streamed("hi").await;

    assert!(!stream.complete && !stream.done);
    assert_eq!(stream.chunks.last().unwrap()["error"]["code"], "timeout_error");
}

#[tokio::test]
async fn an_answer_that_uses_up_its_tokens_by_thinking_is_one() {
    let world = adapter().await;
    world.practice.model().will(Reply::new().reasoning("Let me").finish("length"));

    let answer = world.adapter().ask("hi").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn a_site_that_does_not_stream_is_understood() {
    let world = adapter().await;
    let message = json!({"role": "assistant", "content": "All at once."});
    let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
    world.practice.model().will(Reply::status(200, &body));

    let stream = world.adapter().ask_streamed("hi").await;

    assert_eq!((stream.text().as_str(), stream.finish_reason(), stream.done), ("All at once.", "stop", true));
}

#[tokio::test]
async fn buffered_delivery_is_one_valid_stream_or_a_status() {
    let world = adapter().adapter_env("LATCHKEY_STREAM", "buffered").await;
    world
        .practice
        .model()
        .will(Reply::new().reasoning("H").reasoning("m.").piece("a").piece("b").usage(1, 2));
    world.practice.model().will(Reply::text("half").cut());

    let stream = world.adapter().ask_streamed("hi").await;
    let mut cut = AdapterClient::question("hi");
    cut["stream"] = true.into();
    let cut = world.adapter().chat(&cut).await;

    assert_snapshot!(bytes(&stream), @r#"
    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"reasoning_content":"Hm."},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{"content":"ab"},"finish_reason":null}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

    data: {"id":"chatcmpl-[id]","object":"chat.completion.chunk","created":[now],"model":"practice-1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}

    data: [DONE]
    "#);
    assert_snapshot!(refusal(&cut), @r#"502 {"error":{"message":"the site's answer was cut off; ask again","type":"server_error","code":"api_error","param":null}}"#);
}

#[tokio::test]
async fn the_site_gets_the_request_as_it_came() {
    let path = "path = \"/api/chat/completions\"";
    let file = SITE_FILE.replace(path, &format!("{path}\nfields = [\"own\"]"));
    let world = adapter().site_file(file).await;
    let body = json!({
        "model": "practice/practice-1",
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": null, "tool_calls": []},
            {"role": "tool", "name": "read", "tool_call_id": "a", "content": "x"},
        ],
        "stop": "END", "n": 1, "temperature": 0.5, "own": {"kept": [1]}, "chat_id": "a", "stream_options": null,
    });

    world.adapter().chat(&body).await;

    let mut expected = body;
    expected["model"] = "practice-1".into();
    expected["stream"] = true.into();
    expected["stream_options"] = json!({"include_usage": true});
    for field in ["n", "chat_id"] {
        expected.as_object_mut().unwrap().remove(field);
    }
    let call = world.practice.model().last_call();
    assert_eq!(call.body, expected);
    assert_eq!(call.header("user-agent"), "Mozilla/5.0 (practice)");
}

#[tokio::test]
async fn comments_after_the_last_word_do_not_put_the_end_off() {
    let world = adapter().await;
    let model = world.practice.model();
    let last = json!({
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    });
    let reply = Reply::text("whole").bytes(format!("data: {last}\n\n"));
    let reply = (0..50).fold(reply, |reply, _| reply.wait(Duration::from_millis(500)).bytes(": hb\n\n"));
    model.will(reply.cut());

    let stream = world.adapter().ask_streamed("hi").await;

    assert!(stream.done && stream.complete && stream.text() == "whole");
    // The site has more to say and would cut the answer in the end; nobody waits for that.
    wait::until(SOON, || model.count(CallEnd::Cancelled) == 1).await;
}

#[tokio::test]
async fn a_long_tool_call_is_filled_with_comments_while_it_comes() {
    let world =
        adapter().adapter_env("LATCHKEY_HEARTBEAT", "100ms").adapter_env("LATCHKEY_BEGIN_AFTER", "1ms").await;
    let part = |text: &str| json!([{"index": 0, "function": {"arguments": text}}]);
    let reply = Reply::new().tool_call(0, "a", "write", "{\"text\":\"");
    let reply = (0..12)
        .fold(reply, |reply, _| reply.tool_calls(&part("x")).wait(Duration::from_millis(50)))
        .tool_calls(&part("\"}"));
    world.practice.model().will(reply);

    let stream = world.adapter().ask_streamed("hi").await;

    assert!(stream.comments.len() >= 2, "{}", stream.raw);
    assert_eq!(stream.tool_calls()[0]["function"]["arguments"], "{\"text\":\"xxxxxxxxxxxx\"}");
    assert_eq!(stream.finish_reason(), "tool_calls");
}
