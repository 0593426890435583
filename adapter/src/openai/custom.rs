//! Custom tools of a chat, as functions: their declarations, the choice of one, and their calls in the history.

use std::collections::BTreeMap;

use serde_json::{Value, json, value::RawValue};

use super::{
    body::{InvalidRequest, raw},
    message::Message,
    origin::{ToolKind, ToolOrigin, ToolOrigins, arguments_of, text_function},
};

/// The type of such a tool, and of its calls.
const CUSTOM: &str = "custom";
/// By which most that has nothing to do with it is known.
const QUOTED: &str = "\"custom\"";

/// Makes functions of the custom tools, and says which they are.
///
/// # Errors
/// When one has no name.
pub(super) fn declared(tools: &mut [Box<RawValue>]) -> Result<ToolOrigins, InvalidRequest> {
    let mut origins = ToolOrigins::default();
    for (index, tool) in tools.iter_mut().enumerate() {
        let Some(value) = custom(tool) else { continue };
        let it = &value[CUSTOM];
        let Some(name) = it["name"].as_str() else {
            return Err(InvalidRequest::missing(&format!("tools[{index}].custom.name"), "a text"));
        };
        let function = text_function(name, it["description"].as_str(), &it["format"]["grammar"]);
        *tool = raw(&json!({"type": "function", "function": function}));
        origins.insert(name, ToolOrigin { kind: ToolKind::Custom, namespace: None, name: name.to_owned() });
    }
    Ok(origins)
}

/// Words the choice of custom tools as one of functions.
pub(super) fn chosen(rest: &mut BTreeMap<String, Box<RawValue>>) {
    let Some(choice) = rest.get_mut("tool_choice").filter(|choice| choice.get().contains(QUOTED)) else {
        return;
    };
    let mut value: Value = serde_json::from_str(choice.get()).unwrap_or_default();
    as_function(&mut value);
    if let Some(tools) = value["allowed_tools"]["tools"].as_array_mut() {
        tools.iter_mut().for_each(as_function);
    }
    *choice = raw(&value);
}

/// A message whose calls of custom tools are those of functions; any other keeps its bytes.
pub(super) fn called(message: Message) -> Message {
    if !message.json().contains(QUOTED) || !message.calls().iter().any(|call| call["type"] == CUSTOM) {
        return message;
    }
    let mut value = message.value().clone();
    for call in value["tool_calls"].as_array_mut().into_iter().flatten() {
        if call["type"] == CUSTOM {
            let it = call[CUSTOM].take();
            let function = json!({"name": it["name"], "arguments": arguments_of(&it["input"])});
            *call = json!({"id": call["id"], "type": "function", "function": function});
        }
    }
    Message::of(value)
}

/// A custom tool's declaration.
fn custom(tool: &RawValue) -> Option<Value> {
    let may_be = tool.get().contains(QUOTED);
    let value: Value = may_be.then(|| serde_json::from_str(tool.get()).unwrap_or_default())?;
    (value["type"] == CUSTOM).then_some(value)
}

fn as_function(choice: &mut Value) {
    if choice["type"] == CUSTOM {
        *choice = json!({"type": "function", "function": {"name": choice[CUSTOM]["name"]}});
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::ChatRequest;
    use super::*;

    #[test]
    fn custom_tools_are_functions_for_a_site() {
        let grammar = json!({"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}});
        let call = json!({"id": "c", "type": "custom", "custom": {"name": "patch", "input": "a\nb"}});
        let body = json!({
            "model": "m", "messages": [{"role": "user", "content": "Go"}, {"role": "assistant", "tool_calls": [call]}],
            "tools": [{"type": "custom", "custom": {"name": "patch", "description": "Writes.", "format": grammar}}],
            "tool_choice": {"type": "custom", "custom": {"name": "patch"}},
        });

        let request = ChatRequest::parse(body.to_string().as_bytes()).unwrap();

        assert_eq!(request.only, Some(vec!["patch".to_owned()]));
        assert!(request.tools[0].get().contains("regex grammar"));
        let function = &request.messages[1].calls()[0]["function"];
        assert_eq!(request.origins.input("patch", function["arguments"].as_str().unwrap()).unwrap(), "a\nb");
    }
}
