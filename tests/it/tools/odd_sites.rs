//! What sites and their gateways answer against all rules: statuses, waits, content types.

use serde_json::{Value, json};
use support::{model::Reply, world::AdapterClient};

use super::{APIS, CallFormat, ToolsSite, native, whole};

async fn site() -> ToolsSite {
    ToolsSite { world: native().await, dialect: CallFormat::Xml, nonce: String::new() }
}

#[tokio::test]
async fn a_site_whose_own_gateway_waited_in_vain_is_not_asked_again() {
    let site = site().await;
    for status in [504, 524] {
        for api in APIS {
            site.model().reset();
            site.model().always(Reply::status(status, &json!({"error": "gateway timeout"})));
            assert_eq!(whole(&site, api, &json!({})).await.status, 504, "{api} {status}");
            assert_eq!(site.model().calls().len(), 1);
        }
    }
}

#[tokio::test]
async fn the_wait_that_a_site_asks_for_is_kept_however_it_is_told() {
    for (status, header, told, expected) in [
        (503, "retry-after", "7", "7"),
        (503, "retry-after", "6.5", "7"),
        (529, "retry-after", "7", "7"),
        (429, "retry-after", "1.5", "2"),
        (429, "retry-after-ms", "3500", "4"),
        (503, "retry-after-ms", "250", "1"),
    ] {
        let site = site().await;
        site.model().always(Reply::status(status, &json!({})).header(header, told));
        let body = AdapterClient::question("Hello.");
        let answer = site.world.adapter().open(&body).await;
        assert_eq!(answer.status(), 429, "{status} {header}");
        assert_eq!(answer.headers()["retry-after"], expected, "{status} {header} {told}");
    }
}

#[tokio::test]
async fn an_answer_is_read_as_what_it_is_and_not_as_what_it_is_called() {
    let site = site().await;
    let chunk = |delta: Value, reason: Value| {
        json!({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}).to_string()
    };
    let events = format!(
        "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
        chunk(json!({"content": "Four."}), Value::Null),
        chunk(json!({}), json!("stop")),
    );
    let message = json!({"role": "assistant", "content": [{"type": "text", "text": "Four."}]});
    let whole_body =
        json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).to_string();

    for body in [events, whole_body] {
        for kind in ["application/json", "text/event-stream", "text/plain", "application/octet-stream"] {
            for api in APIS {
                site.model().will(Reply::raw(body.clone()).header("content-type", kind));
                let got = whole(&site, api, &json!({})).await;
                assert_eq!((got.status, got.text.as_str()), (200, "Four."), "{api} {kind}: {body}");
            }
        }
    }
}

/// A stream of these deltas, as they are written.
fn stream_of(deltas: &[&str], reason: &str) -> Reply {
    let event = |delta: &&str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\n")
    };
    let events: String = deltas.iter().map(event).collect();
    let end =
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\n");
    Reply::raw(format!("{events}{end}data: [DONE]\n\n"))
}

#[tokio::test]
async fn letters_that_are_parted_anywhere_and_lists_of_parts_are_whole() {
    let site = site().await;
    for (deltas, expected) in [
        // Between two halves, with an empty piece and with a thought between them, and two parted letters in a row.
        (&[r#"{"content":"a\ud83d"}"#, r#"{"content":"\ude80b"}"#][..], "a🚀b"),
        (&[r#"{"content":"\ud83d"}"#, r#"{"content":""}"#, r#"{"content":"\ude80"}"#], "🚀"),
        (
            &[
                r#"{"content":"\ud83d\ude80\ud83d"}"#,
                r#"{"content":"\ude80\ud83d"}"#,
                r#"{"content":"\ude80"}"#,
            ],
            "🚀🚀🚀",
        ),
        (&[r#"{"content":[{"type":"text","text":"a\ud83d"}]}"#, r#"{"content":"\ude80b"}"#], "a🚀b"),
        (
            &[
                r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#,
                r#"{"content":["c"]}"#,
            ],
            "abc",
        ),
        (&[r#"{"content":[]}"#, r#"{"content":[{"type":"output_text","text":"ab"}]}"#], "ab"),
    ] {
        for api in APIS {
            site.model().will(stream_of(deltas, "stop"));
            let got = whole(&site, api, &json!({})).await;
            assert_eq!((got.status, got.text.as_str()), (200, expected), "{api} {deltas:?}");
        }
    }
    let call = |arguments: &str| {
        format!(
            r#"{{"tool_calls":[{{"index":0,"id":"c","function":{{"name":"bash","arguments":"{arguments}"}}}}]}}"#
        )
    };
    let rest = r#"{"tool_calls":[{"index":0,"function":{"arguments":"\ude80\"}"}}]}"#;
    site.model().will(stream_of(&[&call(r#"{\"command\":\"ls \ud83d"#), rest], "tool_calls"));
    let got = whole(&site, APIS[0], &json!({})).await;
    assert_eq!(got.calls, [("bash".to_owned(), json!({"command": "ls 🚀"}))]);
}

#[tokio::test]
async fn an_error_before_the_end_mark_is_an_error_wherever_it_stands() {
    let site = site().await;
    let said = r#"data: {"choices":[{"index":0,"delta":{"content":"Fo"}}]}"#;
    for error in [
        r#"{"error":{"message":"overloaded"}}"#,
        r#"{"error":"overloaded"}"#,
        r#"{"error":{"message":"overloaded"},"choices":[]}"#,
        r#"{"detail":"overloaded","error":{"code":502}}"#,
    ] {
        for before in ["", said] {
            for api in APIS {
                site.model().reset();
                site.model().will(Reply::raw(format!("{before}\n\ndata: {error}\n\ndata: [DONE]\n\n")));
                let got = whole(&site, api, &json!({})).await;
                assert!(got.status == 502 && got.text.is_empty(), "{api} {before} {error}: {got:?}");
            }
        }
    }
    site.model().will(Reply::raw(format!(
        "{said}\n\ndata: {{\"error\":null,\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"ur.\"}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
    )));
    assert_eq!(whole(&site, APIS[0], &json!({})).await.text, "Four.");
}
