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
