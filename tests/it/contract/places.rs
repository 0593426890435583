//! An answer that fails at any place: before its first byte it is a status, after its last it is whole, and between them
//! no client and no gateway takes it for an answer.

use serde_json::json;
use support::{model::Reply, world::World};

use super::{Answered, BEHIND, PATHS, RESEND, gateway, question};

/// All that an answer of a site can have, one event after the other.
fn events() -> Vec<String> {
    let chunk = |delta: serde_json::Value, finish: serde_json::Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!("data: {}\n\n", json!({"id": "x", "choices": [choice]}))
    };
    let said = |delta| chunk(delta, json!(null));
    let call = |index: u32, id: &str, name: &str, arguments: &str| {
        let function = json!({"name": name, "arguments": arguments});
        json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]})
    };
    let more = |index: u32, arguments: &str| {
        said(json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}))
    };
    vec![
        said(json!({"role": "assistant", "content": ""})),
        said(json!({"reasoning_content": "So "})),
        said(json!({"content": "I "})),
        said(json!({"content": "read."})),
        said(call(0, "a", "read", "")),
        more(0, "{\"path\":"),
        more(0, "\"a\"}"),
        said(call(1, "b", "read", "{\"pa")),
        more(1, "th\":\"b\"}"),
        chunk(json!({}), "tool_calls".into()),
    ]
}

/// Answers that stop at each place, between events and within them, with those before left out or not: what comes first
/// decides how the stream begins.
fn replies() -> Vec<(String, Reply)> {
    let events = events();
    let mut replies = Vec::new();
    for first in [0, 4] {
        for last in first..events.len() {
            let whole = events[first..last].concat();
            let half = &events[last][..events[last].len() / 2];
            let error = "data: {\"error\":{\"message\":\"no\"}}\n\n";
            let name = format!("events {first} to {last}");
            replies.extend([
                (format!("{name}, then a break"), Reply::new().bytes(whole.clone()).cut()),
                (format!("{name}, then half an event"), Reply::raw(whole.clone() + half)),
                (format!("{name}, then an error"), Reply::raw(whole + error)),
            ]);
        }
    }
    replies
}

#[tokio::test]
async fn an_answer_that_fails_at_any_place_is_taken_for_none() {
    let start = World::start().without_broker().with_session("alice").adapter_env(RESEND.0, RESEND.1);
    let world = start.await;

    for path in [PATHS, BEHIND].concat() {
        for (name, reply) in replies() {
            world.practice.model().will(reply);
            let answered = Answered::read(&world.adapter(), path, &question(true)).await;
            if answered.status == 200 {
                answered.assert_broken(path, &name);
            } else {
                assert_eq!(answered.status, 502, "{name} at {path}: {}", answered.body);
            }
        }
        world.practice.model().will(Reply::raw(events().concat()));
        let answered = Answered::read(&world.adapter(), path, &question(true)).await;
        assert!(answered.status == 200 && answered.whole, "{path}: {}", answered.body);
        if path.ends_with("/chat/completions") {
            assert!(gateway::read(&answered.body).unwrap().ended, "{path}: {}", answered.body);
        }
    }
    world.stop().await;
}
