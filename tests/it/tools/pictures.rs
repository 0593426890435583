//! Pictures and files: on to a site that takes them, else a refusal that says so.

use latchkey_bridge::dialect::CallFormat;
use serde_json::{Value, json};
use support::model::Reply;

use super::{APIS, FORMS, ToolsSite, adapter, native, task, whole};

fn shown(mut body: Value, part: &Value) -> Value {
    body["messages"][0]["content"] = json!([{"type": "text", "text": "What is this?"}, part]);
    body
}

#[tokio::test]
async fn a_picture_goes_to_a_site_that_takes_parts_and_is_refused_elsewhere() {
    let picture = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let file = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}});
    let takes = native().await;
    takes.practice.model().always(Reply::text("A dot."));
    let text_only = ToolsSite::start(adapter(CallFormat::Xml), CallFormat::Xml).await;

    let seen = takes.adapter().chat(&shown(task(), &picture)).await;
    assert_eq!(seen.text(), "A dot.");
    assert_eq!(takes.practice.model().last_call().body["messages"][0]["content"][1], picture);

    for (part, word) in [(picture, "takes no picture"), (file, "takes no file")] {
        let refused = text_only.world.adapter().chat(&shown(task(), &part)).await;
        assert_eq!((refused.status, text_only.model().calls().len()), (400, 0), "{}", refused.body);
        assert!(
            refused.body.contains("messages[0].content[1]") && refused.body.contains(word),
            "{}",
            refused.body
        );
    }
}

#[tokio::test]
async fn a_picture_of_long_ago_does_not_end_the_conversation() {
    let site = ToolsSite::start(adapter(CallFormat::Xml), CallFormat::Xml).await;
    let picture = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let mut body = shown(task(), &picture);
    body["messages"].as_array_mut().unwrap().push(json!({"role": "user", "content": "And without it?"}));
    site.model().will(Reply::text("Fine."));

    let answer = site.world.adapter().chat(&body).await;

    assert_eq!(answer.text(), "Fine.");
    let prompt = site.model().last_call().body["messages"].to_string();
    assert!(prompt.contains("picture left out") && !prompt.contains("base64"), "{prompt}");
}

/// A conversation in the words of an API, in which a tool has shown a picture and something that nobody knows.
fn showing(api: &str) -> Value {
    let data = "iVBORw0KGgo=";
    let url = format!("data:image/png;base64,{data}");
    match api {
        "/v1/messages" => json!({"messages": [
            {"role": "user", "content": "Fix the failing test in src/main.rs."},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "read", "input": {"filePath": "a.png"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [
                {"type": "text", "text": "a.png:"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
                {"type": "novelty", "title": "unknown to all"}]}]}]}),
        "/v1/responses" => json!({"input": [
            {"role": "user", "content": "Fix the failing test in src/main.rs."},
            {"type": "function_call", "call_id": "a", "name": "read", "arguments": "{\"filePath\": \"a.png\"}"},
            {"type": "function_call_output", "call_id": "a", "output": [
                {"type": "input_text", "text": "a.png:"},
                {"type": "input_image", "image_url": url},
                {"type": "novelty", "title": "unknown to all"}]}]}),
        _ => {
            let call = json!({"id": "a", "type": "function",
                "function": {"name": "read", "arguments": "{\"filePath\": \"a.png\"}"}});
            let result =
                json!([{"type": "text", "text": "a.png:"}, {"type": "text", "text": "unknown to all"}]);
            json!({"messages": [
                {"role": "user", "content": "Fix the failing test in src/main.rs."},
                {"role": "assistant", "content": null, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "a", "content": result},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]})
        }
    }
}

#[tokio::test]
async fn what_a_tool_showed_is_told_inside_its_result() {
    for form in FORMS {
        let site = ToolsSite::start(adapter(form), form).await;
        for api in APIS {
            site.model().reset();
            site.model().always(Reply::text("Fine."));

            let got = whole(&site, api, &showing(api)).await;

            assert_eq!((got.status, got.text.as_str()), (200, "Fine."), "{api}");
            let prompt = site.model().last_call().body["messages"].to_string();
            let opener = format!("result_{} name=\\\"read\\\"", site.nonce);
            let (_, result) = prompt.rsplit_once(&opener).unwrap();
            let (inside, _) = result.split_once(&format!("/result_{}", site.nonce)).unwrap();
            for told in ["a.png:", "picture left out", "unknown to all"] {
                assert!(inside.contains(told), "{api}: {told} is not in {inside}");
            }
            assert!(!prompt.contains("base64"), "{api}: {prompt}");
        }
    }
}
