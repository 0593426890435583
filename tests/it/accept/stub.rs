//! A server that answers as an adapter should, or is broken in one way.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use reqwest::Url;
use serde_json::{Value, json};
use support::server::Server;

/// Longer than the strict thresholds.
const SLOW: Duration = Duration::from_millis(1200);
const MARKUP: &str = "<tool_call>\n{\"name\": \"write\", \"arguments\": {\"path\": \"a.txt\"}}\n</tool_call>";

/// How it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    No,
    /// Streams end without saying why.
    DropsFinish,
    /// Calls stay in the text.
    LeaksMarkup,
    /// Once anything was said or done, it only talks.
    EndsEarly,
    /// Calls lack an argument.
    WrongArguments,
    /// It thinks for a while.
    Slow,
    /// It answers 500.
    Fails,
}

/// A running stub.
pub(super) struct Stub {
    pub(super) url: Url,
    _server: Server,
}

/// What it answers a request.
enum StubReply {
    Text(&'static str),
    Call(Value),
}

impl Stub {
    pub(super) async fn start(broken: Broken) -> Self {
        let router = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/messages", post(messages))
            .route("/v1/responses", post(responses))
            .with_state(Arc::new(broken));
        let server = Server::start(router).await;
        Self { url: server.url(), _server: server }
    }
}

async fn chat(State(broken): State<Arc<Broken>>, Json(request): Json<Value>) -> Response {
    let said = match said(*broken, &request).await {
        Ok(said) => said,
        Err(refused) => return refused,
    };
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
    let (delta, finish) = match said {
        StubReply::Text(text) => (json!({"content": text}), "stop"),
        StubReply::Call(arguments) => {
            let function = json!({"name": "write", "arguments": arguments.to_string()});
            let call = json!([{"index": 0, "id": "call_1", "type": "function", "function": function}]);
            (json!({"tool_calls": call}), "tool_calls")
        }
    };
    if request["stream"] != true {
        let choice = json!({"index": 0, "message": delta, "finish_reason": finish});
        return Json(json!({"choices": [choice], "usage": usage})).into_response();
    }
    let mut events = vec![
        json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
        json!({"choices": [{"index": 0, "delta": delta}]}),
    ];
    if *broken != Broken::DropsFinish {
        events.push(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}));
    }
    events.push(json!({"choices": [], "usage": usage}));
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    stream(text + "data: [DONE]\n\n")
}

async fn messages(State(broken): State<Arc<Broken>>, Json(request): Json<Value>) -> Response {
    let said = match said(*broken, &request).await {
        Ok(said) => said,
        Err(refused) => return refused,
    };
    let (block, delta, reason) = match said {
        StubReply::Text(text) => {
            (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text}), "end_turn")
        }
        StubReply::Call(arguments) => (
            json!({"type": "tool_use", "id": "toolu_1", "name": "write", "input": {}}),
            json!({"type": "input_json_delta", "partial_json": arguments.to_string()}),
            "tool_use",
        ),
    };
    let message =
        json!({"id": "msg_1", "role": "assistant", "usage": {"input_tokens": 1, "output_tokens": 0}});
    let mut events = vec![
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
    ];
    if *broken != Broken::DropsFinish {
        events.push(
            json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 1}}),
        );
        events.push(json!({"type": "message_stop"}));
    }
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    stream(events.iter().map(event).collect())
}

async fn responses(State(broken): State<Arc<Broken>>, Json(request): Json<Value>) -> Response {
    let said = match said(*broken, &request).await {
        Ok(said) => said,
        Err(refused) => return refused,
    };
    let (delta, item) = match said {
        StubReply::Text(text) => (text.to_owned(), json!({"type": "message", "content": [{"text": text}]})),
        StubReply::Call(arguments) => {
            let arguments = arguments.to_string();
            (arguments.clone(), json!({"type": "function_call", "name": "write", "arguments": arguments}))
        }
    };
    let usage = json!({"input_tokens": 1, "output_tokens": 1});
    let mut events = vec![
        json!({"type": "response.created"}),
        json!({"type": "response.some.delta", "delta": delta}),
        json!({"type": "response.output_item.done", "item": item}),
    ];
    if *broken != Broken::DropsFinish {
        events.push(json!({"type": "response.completed", "response": {"output": [item], "usage": usage}}));
    }
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = number.into();
    }
    stream(events.iter().map(|event| format!("data: {event}\n\n")).collect())
}

async fn said(broken: Broken, request: &Value) -> Result<StubReply, Response> {
    let has_begun =
        request["messages"].as_array().into_iter().flatten().any(|message| message["role"] == "assistant");
    match broken {
        Broken::Fails => return Err((StatusCode::INTERNAL_SERVER_ERROR, "broken").into_response()),
        Broken::Slow => tokio::time::sleep(SLOW).await,
        _ => {}
    }
    Ok(match broken {
        _ if !request["tools"].is_array() => StubReply::Text("It is four."),
        Broken::LeaksMarkup => StubReply::Text(MARKUP),
        Broken::EndsEarly if has_begun => StubReply::Text("I have written both files."),
        Broken::WrongArguments => StubReply::Call(json!({"path": "a.txt"})),
        _ => StubReply::Call(json!({"path": "a.txt", "content": "one\n"})),
    })
}

fn stream(body: String) -> Response {
    ([("content-type", "text/event-stream")], body).into_response()
}
