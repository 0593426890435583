//! What a client is told of an upstream's stream, in each API.
//!
//! Measured on v1.0.0-rc.24: of a chat one event is held back until the next one comes, and the end is always `[DONE]`,
//! behind a usage that is guessed where none was told; messages and responses go on at once, end as they end, and an
//! error among a message's events is a failed try, however much of it has left.

use serde_json::{Value, json};

use super::{
    client::AnswerClient,
    message::Message,
    relay::Failure,
    scan::{Event, UpstreamEvents},
    wire::ClientApi,
};

/// Tells a client of a stream to its end.
///
/// # Errors
/// When the stream is a failed try.
pub(super) async fn talk(
    wire: ClientApi,
    converts: bool,
    events: UpstreamEvents,
    client: &mut AnswerClient,
    asked: &Value,
) -> Result<(), Failure> {
    match wire {
        ClientApi::Chat => chat(events, client, asked).await,
        ClientApi::Messages if converts => converted(events, client).await,
        ClientApi::Messages => return messages(events, client).await,
        ClientApi::Responses => responses(events, client).await,
    }
    Ok(())
}

async fn chat(mut events: UpstreamEvents, client: &mut AnswerClient, asked: &Value) {
    let (mut held, mut said): (Option<String>, u64) = (None, 0);
    while let Event::Data(data) = events.next(client).await {
        if let Some(last) = held.replace(data) {
            said += 1;
            client.write(format!("data: {last}\n\n")).await;
        }
    }
    let last = held.as_deref().map_or(Value::Null, parsed);
    let counts = asked["stream_options"]["include_usage"] != false;
    if let Some(text) = held.filter(|_| counts || !has_usage(&last) || speaks(&last)) {
        client.write(format!("data: {text}\n\n")).await;
    }
    if counts && !has_usage(&last) {
        let chunk = json!({
            "id": last["id"].as_str().unwrap_or_default(), "object": "chat.completion.chunk",
            "created": last["created"].as_u64().unwrap_or(0), "model": last["model"].as_str().unwrap_or_default(),
            "choices": [], "usage": guess(said),
        });
        client.write(format!("data: {chunk}\n\n")).await;
    }
    client.write("data: [DONE]\n\n".to_owned()).await;
}

async fn converted(mut events: UpstreamEvents, client: &mut AnswerClient) {
    let mut message = Message::default();
    let mut held = None::<Value>;
    while let Event::Data(data) = events.next(client).await {
        if let Some(last) = held.replace(parsed(&data)) {
            message.sent += 1;
            if last["usage"].is_object() {
                message.usage = Some(last["usage"].clone());
            }
            tell(client, message.events(&last)).await;
        }
    }
    if let Some(last) = held {
        let usage = if has_usage(&last) { last["usage"].clone() } else { guess(message.sent as u64) };
        message.usage = Some(usage);
        tell(client, message.events(&last)).await;
    }
}

async fn tell(client: &mut AnswerClient, events: Vec<Value>) {
    for event in events {
        client.event(&event.to_string(), &event).await;
    }
}

async fn messages(mut events: UpstreamEvents, client: &mut AnswerClient) -> Result<(), Failure> {
    while let Event::Data(data) = events.next(client).await {
        let event: Value =
            serde_json::from_str(&data).map_err(|_| Failure::unreadable("invalid character"))?;
        let error = &event["error"];
        if let Some(kind) = error["type"].as_str().filter(|kind| !kind.is_empty()) {
            // The error's name is the code in what the client is told at last.
            let told = json!({"message": error["message"], "type": kind, "param": "", "code": kind});
            return Err(Failure { status: 500, error: told, is_final: false });
        }
        client.event(&data, &event).await;
    }
    Ok(())
}

async fn responses(mut events: UpstreamEvents, client: &mut AnswerClient) {
    while let Event::Data(data) = events.next(client).await {
        if let Ok(event) = serde_json::from_str::<Value>(&data) {
            client.event(&data, &event).await;
        }
    }
}

/// A usage that nobody has told.
fn guess(pieces: u64) -> Value {
    json!({"prompt_tokens": 1, "completion_tokens": pieces, "total_tokens": pieces + 1})
}

fn has_usage(chunk: &Value) -> bool {
    let count = |name: &str| chunk["usage"][name].as_u64().unwrap_or(0);
    count("prompt_tokens") + count("completion_tokens") > 0
}

fn speaks(chunk: &Value) -> bool {
    let delta = &chunk["choices"][0]["delta"];
    ["content", "reasoning_content"]
        .iter()
        .any(|name| delta[*name].as_str().is_some_and(|text| !text.is_empty()))
}

fn parsed(data: &str) -> Value {
    serde_json::from_str(data).unwrap_or(Value::Null)
}
