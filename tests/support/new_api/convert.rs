//! Makes a chat of an Anthropic message's request, and a message of a whole chat's answer, with all that is lost on the way.
//!
//! Measured on v1.0.0-rc.24: text beside calls, thinking, `is_error`, documents, the choice of tools and metadata do not
//! arrive; a system message in the middle stays there.

use serde_json::{Map, Value, json};

use super::message::{stop_reason, tokens};

/// The chat that a message's request becomes.
pub(super) fn request(asked: &Value) -> Value {
    let mut chat = Map::new();
    for name in ["model", "max_tokens", "temperature", "top_p", "top_k", "stream"] {
        if !asked[name].is_null() {
            chat.insert(name.to_owned(), asked[name].clone());
        }
    }
    match asked["stop_sequences"].as_array().map(Vec::as_slice) {
        Some([one]) => drop(chat.insert("stop".to_owned(), one.clone())),
        Some(several @ [_, ..]) => drop(chat.insert("stop".to_owned(), several.into())),
        _ => {}
    }
    let tools: Vec<Value> = list(&asked["tools"]).iter().map(tool).collect();
    if !tools.is_empty() {
        chat.insert("tools".to_owned(), tools.into());
    }
    let mut messages = Vec::new();
    let system = text_of(&asked["system"]);
    if !system.is_empty() {
        messages.push(json!({"role": "system", "content": system}));
    }
    for message in list(&asked["messages"]) {
        said(message, asked, &mut messages);
    }
    chat.insert("messages".to_owned(), messages.into());
    chat.into()
}

fn tool(tool: &Value) -> Value {
    let function = json!({
        "name": tool["name"], "description": tool["description"], "parameters": tool["input_schema"],
    });
    json!({"type": "function", "function": function})
}

fn said(message: &Value, asked: &Value, messages: &mut Vec<Value>) {
    let Some(blocks) = message["content"].as_array() else {
        messages.push(json!({"role": message["role"], "content": message["content"]}));
        return;
    };
    let mut parts = Vec::new();
    let mut calls = Vec::new();
    for block in blocks {
        match block["type"].as_str() {
            Some("text") => parts.push(block.clone()),
            Some("image") => parts.push(picture(block)),
            Some("tool_use") => calls.push(json!({
                "id": block["id"], "type": "function",
                "function": {"name": block["name"], "arguments": block["input"].to_string()},
            })),
            Some("tool_result") => messages.push(result(block, asked)),
            _ => {}
        }
    }
    match (calls.is_empty(), parts.is_empty()) {
        (false, _) => messages.push(json!({"role": message["role"], "content": null, "tool_calls": calls})),
        (true, false) => messages.push(json!({"role": message["role"], "content": parts})),
        (true, true) => {}
    }
}

fn picture(block: &Value) -> Value {
    let word = |name: &str| block["source"][name].as_str().unwrap_or("%!s(<nil>)").to_owned();
    let url = format!("data:{};base64,{}", word("media_type"), word("data"));
    json!({"type": "image_url", "image_url": {"url": url}, "MimeType": ""})
}

fn result(block: &Value, asked: &Value) -> Value {
    let content = match &block["content"] {
        Value::String(text) => text.clone(),
        blocks => blocks.to_string(),
    };
    let used = list(&asked["messages"]).iter().flat_map(|message| list(&message["content"]));
    let mut calls = used.filter(|block| block["type"] == "tool_use");
    let name = calls.find(|call| call["id"] == block["tool_use_id"]).map_or("", |call| text(&call["name"]));
    json!({"role": "tool", "name": name, "tool_call_id": block["tool_use_id"], "content": content})
}

/// The message that a whole chat's answer becomes: its reasoning does not arrive.
pub(super) fn answer(chat: &Value) -> Value {
    let choice = &chat["choices"][0];
    let message = &choice["message"];
    let calls = list(&message["tool_calls"]);
    let mut content = Vec::new();
    if !text(&message["content"]).is_empty() || calls.is_empty() {
        content.push(json!({"type": "text", "text": text(&message["content"])}));
    }
    for call in calls {
        let function = &call["function"];
        let input = serde_json::from_str(text(&function["arguments"])).unwrap_or_else(|_| json!({}));
        content.push(json!({"type": "tool_use", "id": call["id"], "name": function["name"], "input": input}));
    }
    json!({
        "id": chat["id"], "type": "message", "role": "assistant", "model": chat["model"], "content": content,
        "stop_reason": stop_reason(text(&choice["finish_reason"])), "usage": tokens(&chat["usage"]),
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text, or the texts of blocks with nothing between them.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        blocks => list(blocks).iter().map(|block| text(&block["text"])).collect(),
    }
}
