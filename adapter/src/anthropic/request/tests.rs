//! What becomes of Messages requests.

use super::*;

fn read(body: &Value) -> ChatRequest {
    ChatRequest::parse_messages(body.to_string().as_bytes()).unwrap().0
}

fn messages(body: &Value) -> Value {
    let messages = read(body).messages;
    messages.iter().map(|message| message.value().clone()).collect()
}

fn refusal(body: &Value) -> String {
    ChatRequest::parse_messages(body.to_string().as_bytes()).unwrap_err().0
}

#[test]
fn what_claude_code_sends_is_a_chat() {
    let body = json!({
        "model": "m", "max_tokens": 32000, "stream": true,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197"},
            {"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral"}},
        ],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "<system-reminder>\nx\n</system-reminder>"},
                {"type": "text", "text": "Do it.", "cache_control": {"type": "ephemeral"}},
            ]},
            {"role": "system", "content": "Agent types: none."},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "abc"},
                {"type": "text", "text": "I read two files."},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "/a"}},
                {"type": "tool_use", "id": "toolu_2", "name": "Read", "input": {"file_path": "/b"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [{"type": "text", "text": "B"}]},
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no such file", "is_error": true},
                {"type": "text", "text": "Go on."},
            ]},
        ],
        "tools": [
            {"name": "Read", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
        "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"},
        "context_management": {"edits": []}, "metadata": {"user_id": "{}"}, "betas": ["x"],
    });

    let request = read(&body);

    assert!(request.stream);
    insta::assert_json_snapshot!(messages(&body));
    assert_eq!(request.tools.len(), 1);
    let rest: Vec<(&str, &str)> = request.rest.iter().map(|(key, raw)| (key.as_str(), raw.get())).collect();
    assert_eq!(
        rest,
        [("max_tokens", "32000"), ("parallel_tool_calls", "false"), ("tool_choice", "\"auto\"")]
    );
}

#[test]
fn a_deferred_tool_is_offered_once_it_was_loaded() {
    let tool = |name: &str, defers: bool| json!({"name": name, "input_schema": {"type": "object"}, "defer_loading": defers});
    let tools = json!([
        tool("ToolSearch", false),
        tool("A", true),
        tool("B", true),
        tool("DeferredToolPlaceholder", true)
    ]);
    let names = |messages: Value, choice: Value| {
        let body = json!({"model": "m", "messages": messages, "tools": tools, "tool_choice": choice});
        let tools = read(&body).tools;
        let tools = tools.iter().map(|raw| serde_json::from_str::<Value>(raw.get()).unwrap());
        tools.map(|tool| tool["function"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let user = json!({"role": "user", "content": "a"});
    let call = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "ToolSearch", "input": {}}]});
    let found = json!([{"type": "tool_reference", "tool_name": "B"}]);
    let result =
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": found}]});

    assert_eq!(names(json!([user]), Value::Null), ["ToolSearch"]);
    assert_eq!(names(json!([user, call, result]), Value::Null), ["ToolSearch", "B"]);
    assert_eq!(names(json!([user]), json!({"type": "tool", "name": "A"})), ["ToolSearch", "A"]);
}

#[test]
fn calls_without_ids_and_their_results_find_each_other() {
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [
            {"type": "tool_use", "name": "A", "input": {}}, {"type": "tool_use", "id": "", "name": "B", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "content": "1"}, {"type": "tool_result", "tool_use_id": "", "content": "2"},
        ]},
    ]});

    let messages = messages(&body);

    let ids = |at: usize| messages[at]["tool_call_id"].as_str().unwrap().to_owned();
    let called = |at: usize| messages[1]["tool_calls"][at]["id"].as_str().unwrap().to_owned();
    assert_eq!([ids(2), ids(3)], [called(0), called(1)]);
    assert_ne!(called(0), called(1));
}

#[test]
fn pictures_and_documents_are_parts() {
    let png = json!({"type": "base64", "media_type": "image/png", "data": "AAAA"});
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "BBBB"});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "image", "source": png},
        {"type": "document", "title": "t.pdf", "source": pdf},
        {"type": "document", "title": "n.txt", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
        {"type": "search_result", "source": "s"},
    ]}]});

    insta::assert_json_snapshot!(messages(&body));
}

#[test]
fn a_choice_and_a_format_are_worded_as_openai_does() {
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let tools = json!([{"name": "Read", "input_schema": {"type": "object"}}]);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "a"}], "tools": tools,
        "tool_choice": {"type": "tool", "name": "Read"}, "stop_sequences": ["x"],
        "output_config": {"format": {"type": "json_schema", "schema": schema}}});

    let rest = read(&body).rest;

    assert_eq!(rest["tool_choice"].get(), r#"{"function":{"name":"Read"},"type":"function"}"#);
    assert_eq!(rest["stop"].get(), r#"["x"]"#);
    assert!(rest["response_format"].get().contains("json_schema"));
}

#[test]
fn a_refusal_names_the_field() {
    let user = json!([{"role": "user", "content": "a"}]);
    assert_eq!(refusal(&json!({"messages": user})), "model: missing, expected a text");
    assert_eq!(refusal(&json!({"model": "m"})), "messages: missing, expected an array");
    assert_eq!(refusal(&json!({"model": "m", "messages": []})), "messages: expected at least one message");
    assert_eq!(
        refusal(&json!({"model": "m", "messages": [{"role": "tool", "content": "a"}]})),
        "messages[0].role: expected user, assistant or system"
    );
    assert_eq!(
        refusal(&json!({"model": "m", "messages": user, "tools": [{"input_schema": {}}]})),
        "tools[0].name: missing, expected a text"
    );
    assert_eq!(
        refusal(&json!({"model": "m", "messages": user, "tools": [{"name": "a", "input_schema": {}}],
            "tool_choice": {"type": "x"}})),
        "tool_choice.type: expected auto, any, tool or none"
    );
    assert_eq!(ChatRequest::parse_messages(b"[1]").unwrap_err().0, "the body is not a JSON object");
}
