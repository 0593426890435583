//! What is asked: bodies as the real clients send them, small enough to be asked often.

use serde_json::{Value, json};

use super::{scenario::ScenarioRequest, turn::Call};

/// The one tool, and what it must be given.
const TOOL: &str = "write";
const REQUIRED: [&str; 2] = ["path", "content"];

/// A question without tools. The number keeps answers from being one that was kept.
pub(super) fn question(request: &ScenarioRequest, number: usize) -> Value {
    let text = format!("Answer in one short sentence: what is {number} plus {number}?");
    json!({"model": request.model, "messages": [{"role": "user", "content": text}]})
}

/// A task for one small tool.
pub(super) fn with_a_tool(request: &ScenarioRequest, number: usize) -> Value {
    let text = format!("Write the file note-{number}.txt with the single line: hello {number}");
    body(request, &json!([system(), {"role": "user", "content": text}]))
}

/// One of the situations in which agents stop without having edited anything; they take turns.
pub(super) fn ending(request: &ScenarioRequest, number: usize) -> Value {
    let task = format!(
        "Write the file a-{number}.txt with the line: one. Then write b-{number}.txt with the line: two."
    );
    let user = json!({"role": "user", "content": task});
    let arguments = json!({"path": format!("a-{number}.txt"), "content": "one\n"}).to_string();
    let function = json!({"name": TOOL, "arguments": arguments});
    let call = json!([{"id": format!("call_{number}"), "type": "function", "function": function}]);
    let called = json!({"role": "assistant", "content": null, "tool_calls": call});
    let result =
        |text: &str| json!({"role": "tool", "tool_call_id": format!("call_{number}"), "content": text});
    let messages = match number % 4 {
        0 => json!([system(), user]),
        1 => json!([system(), user, called, result("The file is written.")]),
        2 => json!([system(), user, called, result("Error: the disk was busy, try again.")]),
        _ => json!([
            system(),
            user,
            {"role": "assistant", "content": "I will write both files now."},
            {"role": "user", "content": "Go on, write the first one."},
        ]),
    };
    body(request, &messages)
}

/// The same kind of task, as Claude Code words it: everything in it that upset servers.
pub(super) fn of_claude_code(request: &ScenarioRequest, number: usize) -> Value {
    let text = format!("Write the file note-{number}.txt with the single line: hello {number}");
    let reminder = "<system-reminder>\nAvailable agent types: general-purpose.\n</system-reminder>";
    json!({
        "model": request.model,
        "max_tokens": 32_000,
        "stream": true,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197; cc_entrypoint=sdk-cli;"},
            {"type": "text", "text": RULES, "cache_control": {"type": "ephemeral"}},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]},
            {"role": "system", "content": reminder},
        ],
        "tools": [{"name": TOOL, "description": DESCRIPTION, "input_schema": schema()}],
        "metadata": {"user_id": "{\"device_id\":\"accept\",\"session_id\":\"accept\"}"},
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "context_management": {"edits": []},
    })
}

/// The same kind of task, as Codex words it.
pub(super) fn of_codex(request: &ScenarioRequest, number: usize) -> Value {
    let text = format!("Write the file note-{number}.txt with the single line: hello {number}");
    let part = json!([{"type": "input_text", "text": text}]);
    let about = json!([{"type": "input_text", "text": "<environment_context>\n  <shell>bash</shell>\n</environment_context>"}]);
    json!({
        "model": request.model,
        "instructions": RULES,
        "input": [
            {"type": "message", "role": "developer", "content": about},
            {"type": "message", "role": "user", "content": part},
        ],
        "tools": [
            {"type": "function", "name": TOOL, "description": DESCRIPTION, "strict": false, "parameters": schema()},
            {"type": "web_search", "external_web_access": false},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": true,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": false,
        "stream": true,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "accept",
    })
}

/// Whether a call is one that the client could carry out.
pub(super) fn judge(name: &str, arguments: &str) -> Call {
    if name != TOOL {
        return Call::Wrong("a call of a tool that there is not".to_owned());
    }
    let Ok(Value::Object(arguments)) = serde_json::from_str(arguments) else {
        return Call::Wrong("a call whose arguments are no JSON object".to_owned());
    };
    match REQUIRED.iter().find(|name| !arguments.get(**name).is_some_and(Value::is_string)) {
        Some(missing) => Call::Wrong(format!("a call without {missing}")),
        None => Call::Made,
    }
}

const RULES: &str = "You are a coding agent. Do the task with your tools; do not only describe it.";
const DESCRIPTION: &str = "Writes a file.";

fn system() -> Value {
    json!({"role": "system", "content": RULES})
}

fn body(request: &ScenarioRequest, messages: &Value) -> Value {
    let function = json!({"name": TOOL, "description": DESCRIPTION, "parameters": schema()});
    let tools = json!([{"type": "function", "function": function}]);
    json!({"model": request.model, "messages": messages, "tools": tools, "tool_choice": "auto"})
}

fn schema() -> Value {
    let properties = json!({"path": {"type": "string"}, "content": {"type": "string"}});
    json!({"type": "object", "properties": properties, "required": REQUIRED, "additionalProperties": false})
}
