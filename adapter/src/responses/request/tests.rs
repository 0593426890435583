//! What becomes of Responses requests.

use super::*;

fn read(body: &Value) -> ResponsesRequest {
    parsed(body).unwrap()
}

fn messages(body: &Value) -> Value {
    let messages = read(body).request.messages;
    messages.iter().map(|message| message.value().clone()).collect()
}

fn parsed(body: &Value) -> Result<ResponsesRequest, InvalidRequest> {
    let mut body = ResponsesBody::read(body.to_string().as_bytes())?;
    body.resolve(&KeptOutputs::new(), 0)?;
    ResponsesRequest::new(&body)
}

fn refusal(body: &Value) -> String {
    parsed(body).unwrap_err().0
}

#[test]
fn what_codex_sends_is_a_chat() {
    let text = |role: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]});
    let output = json!([{"type": "input_text", "text": "B"}, {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]);
    let body = json!({
        "model": "m", "stream": true, "store": false, "instructions": "You are Codex.",
        "input": [
            text("developer", "Sandboxed."), text("user", "<environment/>"), text("user", "Do it."),
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "x"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I read."}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read", "arguments": "{\"path\":\"a\"}"},
            {"type": "custom_tool_call", "call_id": "call_2", "name": "patch", "input": "*** a"},
            {"type": "function_call_output", "call_id": "call_1", "output": output},
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": "done"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            text("developer", "Be quick."),
        ],
        "tools": [
            {"type": "function", "name": "read", "description": "Reads.", "strict": false, "parameters": {"type": "object"}},
            {"type": "web_search"}, {"type": "custom", "name": "patch"},
        ],
        "tool_choice": "auto", "parallel_tool_calls": false, "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "key", "text": {"verbosity": "low"},
        "client_metadata": {}, "max_output_tokens": 100, "temperature": null,
    });

    let ResponsesRequest { request, encrypted, stores } = read(&body);

    assert!(request.stream && encrypted && !stores);
    assert_eq!((request.session.as_deref(), request.tools.len()), (Some("key"), 2));
    let rest: Vec<(&str, &str)> = request.rest.iter().map(|(key, raw)| (key.as_str(), raw.get())).collect();
    let expected = [
        ("max_tokens", "100"),
        ("parallel_tool_calls", "false"),
        ("reasoning_effort", "\"high\""),
        ("tool_choice", "\"auto\""),
    ];
    assert_eq!(rest, expected);
    insta::assert_json_snapshot!(messages(&body));
}

#[test]
fn choices_and_formats_are_worded_as_in_chats() {
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": {"type": "object"}});
    let rest = |field: &str, value: Value| {
        let mut body = json!({"model": "m", "input": "hi", "tools": [tool("a"), tool("b")]});
        body[field] = value;
        let request = read(&body).request;
        let rest: Vec<String> =
            request.rest.iter().map(|(key, raw)| format!("{key} {}", raw.get())).collect();
        (rest.join(", "), request.tools.len())
    };

    assert_eq!(
        rest("tool_choice", json!({"type": "function", "name": "a"})),
        (r#"tool_choice {"function":{"name":"a"},"type":"function"}"#.to_owned(), 2)
    );
    let allowed =
        json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]});
    assert_eq!(rest("tool_choice", allowed), (r#"tool_choice "required""#.to_owned(), 1));
    assert_eq!(rest("tool_choice", json!({"type": "web_search"})), (String::new(), 2));
    let format = json!({"format": {"type": "json_schema", "name": "t", "schema": {}, "strict": true}});
    assert_eq!(
        rest("text", format).0,
        r#"response_format {"json_schema":{"name":"t","schema":{},"strict":true},"type":"json_schema"}"#
    );
    assert_eq!(rest("text", json!({"format": {"type": "text"}})).0, "");
}

#[test]
fn tools_of_items_are_offered_and_their_calls_are_read_back() {
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": {"type": "object"}});
    let notes = json!({"type": "namespace", "name": "mcp__notes", "tools": [tool("keep")]});
    let search = json!({"type": "tool_search", "execution": "client", "parameters": {"type": "object"}});
    let body = json!({"model": "m", "tool_choice": {"type": "custom", "name": "exec"}, "input": [
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "exec"}, search]},
        {"role": "user", "content": "Keep it."},
        {"type": "tool_search_call", "call_id": "c1", "execution": "client", "arguments": {"query": "keep"}},
        {"type": "tool_search_output", "call_id": "c1", "tools": [notes, notes]},
        {"type": "function_call", "call_id": "c2", "namespace": "mcp__notes", "name": "keep", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c2", "output": "kept"},
        {"type": "agent_message", "author": "/main/a", "recipient": "/main", "content": [{"type": "input_text", "text": "Done."}]},
    ]});

    let request = read(&body).request;

    let names: Vec<Value> =
        request.tools.iter().map(|tool| serde_json::from_str::<Value>(tool.get()).unwrap()).collect();
    let names: Vec<&str> = names.iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["exec", "tool_search", "mcp__notes__keep"]);
    assert_eq!(request.only, Some(vec!["exec".to_owned()]));
    let messages = messages(&body);
    let called = |at: usize| messages[at]["tool_calls"][0]["function"].clone();
    assert_eq!(called(1), json!({"name": "tool_search", "arguments": r#"{"query":"keep"}"#}));
    assert_eq!(
        messages[2]["content"],
        "These tools were found and can be called: mcp__notes__keep, mcp__notes__keep"
    );
    assert_eq!(called(3), json!({"name": "mcp__notes__keep", "arguments": "{}"}));
    assert_eq!(messages[5]["content"], "Message from /main/a to /main:\nDone.");
}

#[test]
fn a_refusal_names_the_field() {
    let with = |field: &str, value: Value| {
        let mut body = json!({"model": "m", "input": "hi"});
        body[field] = value;
        refusal(&body)
    };

    assert_eq!(
        with("previous_response_id", json!("resp_1")),
        "previous_response_id: responses are not kept here; send the whole conversation in input"
    );
    assert!(with("conversation", json!("conv_1")).starts_with("conversation: "));
    assert!(with("prompt", json!({"id": "p"})).starts_with("prompt: "));
    assert!(with("background", json!(true)).starts_with("background: "));
    assert_eq!(with("model", Value::Null), "model: missing, expected a text");
    assert_eq!(with("input", json!([])), "input: expected at least one item");
    assert_eq!(with("input", json!([1])), "input[0]: expected an object");
    assert_eq!(
        with("input", json!([{"role": "x"}])),
        "input[0].role: expected user, assistant, system or developer"
    );
    assert!(
        with("input", json!([{"type": "item_reference", "id": "a"}]))
            .starts_with("input[0].id: the item is not kept here; ")
    );
    assert_eq!(with("tools", json!([{"type": "function"}])), "tools[0].name: missing, expected a text");
    assert_eq!(with("tool_choice", json!(1)), "tool_choice: expected auto, none, required or an object");
    for kind in ["compaction", "compaction_summary", "compaction_trigger", "context_compaction"] {
        let refusal = with("input", json!([{"type": kind, "encrypted_content": "x"}]));
        assert!(refusal.starts_with(&format!("input[0].type: {kind} is of OpenAI's models alone")));
    }
    assert_eq!(ResponsesBody::read(b"[1]").err().unwrap().0, "the body is not a JSON object");
}
