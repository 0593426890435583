//! How often a conversation is nudged, whichever replica serves it.

use latchkey_bridge::dialect::CallFormat;
use serde_json::{Value, json};
use support::model::Reply;

use super::{ToolsSite, adapter, calls, task};

const ANNOUNCED: &str = "Now let me run the tests:";

/// The task after so many answers that announced something.
fn after(answers: usize) -> Value {
    let mut body = task();
    let messages = body["messages"].as_array_mut().unwrap();
    let question = messages[0].clone();
    for _ in 0..answers {
        messages.push(json!({"role": "assistant", "content": ANNOUNCED}));
        messages.push(question.clone());
    }
    body
}

#[tokio::test]
async fn a_conversation_is_nudged_in_vain_twice_in_ten_turns() {
    let site = ToolsSite::start(adapter(CallFormat::Xml).adapters(2), CallFormat::Xml).await;
    let mut asked = Vec::new();

    for turn in 0..13 {
        site.model().reset();
        site.model().always(Reply::text(ANNOUNCED));
        let answer = site.world.adapter_at(turn % 2).chat(&after(turn)).await;
        assert_eq!(answer.text(), ANNOUNCED);
        asked.push(site.model().calls().len());
    }

    assert_eq!(asked, [2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 1]);
}

#[tokio::test]
async fn a_task_that_announces_each_of_eight_steps_makes_eight_calls() {
    let site = ToolsSite::start(adapter(CallFormat::Xml).adapters(2), CallFormat::Xml).await;
    let mut body = task();

    for step in 0..8 {
        let command = format!("step {step}");
        site.model().reset();
        site.model().will(Reply::text(ANNOUNCED));
        site.model().always(Reply::text(&site.bash(&command)));
        let answer = site.world.adapter_at(step % 2).stream(&body).await;
        let made = calls(&answer);
        let expected = vec![("bash".to_owned(), json!({"command": command}))];
        assert_eq!((made, site.model().calls().len()), (expected, 2), "step {step}");

        let messages = body["messages"].as_array_mut().unwrap();
        let function = json!({"name": "bash", "arguments": json!({"command": command}).to_string()});
        let call = json!({"id": command, "type": "function", "function": function});
        messages.push(json!({"role": "assistant", "content": ANNOUNCED, "tool_calls": [call]}));
        messages.push(json!({"role": "tool", "tool_call_id": command, "content": format!("done {step}")}));
    }
}

#[tokio::test]
async fn who_goes_round_in_circles_is_told_so_and_not_nudged() {
    let site = ToolsSite::start(adapter(CallFormat::Xml), CallFormat::Xml).await;
    let mut body = task();
    let messages = body["messages"].as_array_mut().unwrap();
    for id in ["a", "b", "c"] {
        let function = json!({"name": "bash", "arguments": "{\"command\": \"cargo test\"}"});
        let call = json!({"id": id, "type": "function", "function": function});
        messages.push(json!({"role": "assistant", "content": "", "tool_calls": [call]}));
        messages.push(json!({"role": "tool", "tool_call_id": id, "content": "1 failed"}));
    }
    site.model().always(Reply::text(ANNOUNCED));

    let answer = site.world.adapter().chat(&body).await;

    let calls = site.model().calls();
    assert_eq!((answer.text().as_str(), calls.len()), (ANNOUNCED, 1));
    assert!(calls[0].body["messages"].to_string().contains("Do not repeat them"), "{}", calls[0].body);
}
