//! A Messages request, as a chat request: whatever a client may send is accepted, and what a site can be asked is kept.

use std::collections::{BTreeMap, BTreeSet};

use latchkey_shared::site::chat::effort::Effort;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    blocks::MessagesTranslator,
    converted::without_billing,
    edits::{self, AppliedEdits},
};
use crate::openai::{
    choice,
    message::Message,
    messages::texts,
    origin::ToolOrigins,
    request::{ChatRequest, InvalidRequest, object, raw},
};

/// What we read of a body. Everything else is for Anthropic's own models and is left out: `metadata`,
/// `top_k`, `service_tier`, betas.
#[derive(Deserialize)]
struct MessagesBody {
    model: Option<Value>,
    messages: Option<Value>,
    system: Option<Value>,
    tools: Option<Value>,
    tool_choice: Option<Value>,
    max_tokens: Option<Box<RawValue>>,
    temperature: Option<Box<RawValue>>,
    top_p: Option<Box<RawValue>>,
    stop_sequences: Option<Value>,
    stream: Option<Value>,
    thinking: Option<Value>,
    output_config: Option<Value>,
    /// What `output_config.format` was called in its beta.
    output_format: Option<Value>,
    context_management: Option<Value>,
}

/// What Claude Code declares so that a list of tools is never empty while all of them are deferred; it carries out none.
const PLACEHOLDER: &str = "DeferredToolPlaceholder";

impl ChatRequest {
    /// Reads a body of the Messages API, and tells what of it was cleared.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub(crate) fn parse_messages(body: &[u8]) -> Result<(Self, Option<AppliedEdits>), InvalidRequest> {
        let mut body: MessagesBody = object(body)?;
        let stream = match &body.stream {
            None | Some(Value::Null) => false,
            Some(Value::Bool(stream)) => *stream,
            Some(_) => return Err(InvalidRequest::expected("stream", "true or false")),
        };
        let model = match &body.model {
            Some(Value::String(model)) => model.clone(),
            Some(_) => return Err(InvalidRequest::expected("model", "a text")),
            None => return Err(InvalidRequest::missing("model", "a text")),
        };
        let mut messages = match body.messages.take() {
            Some(Value::Array(messages)) if !messages.is_empty() => messages,
            Some(Value::Array(_)) => {
                return Err(InvalidRequest("messages: expected at least one message".to_owned()));
            }
            Some(_) => return Err(InvalidRequest::expected("messages", "an array")),
            None => return Err(InvalidRequest::missing("messages", "an array")),
        };
        let chosen = body.tool_choice.as_ref().and_then(|choice| choice["name"].as_str());
        let loaded = loaded(&messages);
        let is_loaded = |name: &str| loaded.contains(name) || chosen == Some(name);
        let mut tools = tools(body.tools.as_ref(), is_loaded)?;
        let edits =
            edits::apply(&mut messages, body.context_management.as_ref().filter(|wanted| !wanted.is_null()))?;
        let mut conversation = MessagesTranslator::default();
        conversation.system(&system(body.system.as_ref())?);
        for (index, message) in messages.iter().enumerate() {
            conversation.push(index, message)?;
        }
        let messages = conversation.finish();
        // Empty texts are nothing to a site, and a system prompt alone is no question.
        if messages.iter().all(|message| message["role"] == "system") {
            return Err(InvalidRequest("messages: expected at least one message with content".to_owned()));
        }
        let messages = messages.into_iter().map(Message::of).collect();
        let mut rest = rest(&body)?;
        let only = choice::settle(&mut tools, &mut rest)?;
        let origins = ToolOrigins::default();
        let effort = effort(&body);
        let request =
            Self { model, messages, stream, tools, only, origins, session: None, client: None, effort, rest };
        Ok((request, edits))
    }
}

fn system(system: Option<&Value>) -> Result<String, InvalidRequest> {
    let blocks = match system {
        None | Some(Value::Null) => return Ok(String::new()),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(blocks)) => texts(blocks),
        Some(_) => return Err(InvalidRequest::expected("system", "a text or an array of text blocks")),
    };
    let kept = blocks.iter().map(|text| without_billing(text)).filter(|text| !text.is_empty());
    Ok(kept.collect::<Vec<_>>().join("\n\n"))
}

/// Tools as functions. Those that Anthropic's servers carry out have no schema: no site can, so they are left out. One that is
/// deferred is offered once it was loaded.
fn tools(
    tools: Option<&Value>,
    is_loaded: impl Fn(&str) -> bool,
) -> Result<Vec<Box<RawValue>>, InvalidRequest> {
    let tools = match tools {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(InvalidRequest::expected("tools", "an array")),
    };
    let mut functions = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let Some(name) = tool.get("name").and_then(Value::as_str) else {
            return Err(InvalidRequest(format!("tools[{index}].name: missing, expected a text")));
        };
        let Some(schema) = tool.get("input_schema") else {
            tracing::debug!(tool.index = index, "a tool of Anthropic's servers is left out");
            continue;
        };
        if name == PLACEHOLDER || (tool["defer_loading"] == true && !is_loaded(name)) {
            continue;
        }
        let mut function = Map::from_iter([("name".to_owned(), name.into())]);
        if let Some(description) = tool.get("description").filter(|text| text.is_string()) {
            function.insert("description".to_owned(), description.clone());
        }
        function.insert("parameters".to_owned(), schema.clone());
        functions.push(raw(&json!({"type": "function", "function": function})));
    }
    Ok(functions)
}

/// The tools that searches have loaded: a result names them.
fn loaded(messages: &[Value]) -> BTreeSet<String> {
    fn blocks(value: &Value) -> &[Value] {
        value["content"].as_array().map(Vec::as_slice).unwrap_or_default()
    }
    let results = messages.iter().flat_map(blocks).filter(|block| block["type"] == "tool_result");
    let found = results.flat_map(blocks).filter(|block| block["type"] == "tool_reference");
    found.filter_map(|block| block["tool_name"].as_str()).map(str::to_owned).collect()
}

/// What is left of the body, in OpenAI's words.
fn rest(body: &MessagesBody) -> Result<BTreeMap<String, Box<RawValue>>, InvalidRequest> {
    let mut rest = BTreeMap::new();
    let fields =
        [("max_tokens", &body.max_tokens), ("temperature", &body.temperature), ("top_p", &body.top_p)];
    for (name, value) in fields {
        if let Some(value) = value.as_ref().filter(|value| value.get() != "null") {
            rest.insert(name.to_owned(), value.clone());
        }
    }
    match &body.stop_sequences {
        None | Some(Value::Null) => {}
        Some(Value::Array(stops)) if stops.is_empty() => {}
        Some(stops @ Value::Array(_)) => drop(rest.insert("stop".to_owned(), raw(stops))),
        Some(_) => return Err(InvalidRequest::expected("stop_sequences", "an array of texts")),
    }
    let format = body.output_config.as_ref().and_then(|config| config.get("format"));
    let format = format.or(body.output_format.as_ref());
    if let Some(schema) = format.and_then(|format| format.get("schema")) {
        let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
        rest.insert("response_format".to_owned(), raw(&format));
    }
    if let Some(choice) = body.tool_choice.as_ref().filter(|choice| !is_of_a_server(choice, body)) {
        tool_choice(choice, &mut rest)?;
    }
    Ok(rest)
}

/// How much is to be thought: what `output_config` says, else what `thinking` amounts to. A word that is not known here is
/// that of a newer client, and says nothing.
fn effort(body: &MessagesBody) -> Option<Effort> {
    let thinking = body.thinking.as_ref().unwrap_or(&Value::Null);
    if thinking["type"] == "disabled" {
        return Some(Effort::None);
    }
    let wanted = body.output_config.as_ref().and_then(|config| config["effort"].as_str());
    wanted.and_then(Effort::parse).or_else(|| match thinking["budget_tokens"].as_u64()? {
        ..4096 => Some(Effort::Low),
        4096..16_384 => Some(Effort::Medium),
        _ => Some(Effort::High),
    })
}

/// Whether a tool of Anthropic's servers is chosen, which is left out.
fn is_of_a_server(choice: &Value, body: &MessagesBody) -> bool {
    let tools = body.tools.as_ref().and_then(Value::as_array).into_iter().flatten();
    let chosen = |tool: &Value| !choice["name"].is_null() && tool["name"] == choice["name"];
    tools.filter(|tool| chosen(tool)).any(|tool| tool.get("input_schema").is_none())
}

fn tool_choice(choice: &Value, rest: &mut BTreeMap<String, Box<RawValue>>) -> Result<(), InvalidRequest> {
    let kind = choice.get("type").and_then(Value::as_str);
    let name = choice.get("name").and_then(Value::as_str);
    let worded = match (kind, name) {
        _ if choice.is_null() => return Ok(()),
        (Some("auto"), _) => json!("auto"),
        (Some("any"), _) => json!("required"),
        (Some("none"), _) => json!("none"),
        (Some("tool"), Some(name)) => json!({"type": "function", "function": {"name": name}}),
        (Some("tool"), None) => {
            return Err(InvalidRequest("tool_choice.name: missing, expected a text".to_owned()));
        }
        _ => return Err(InvalidRequest::expected("tool_choice.type", "auto, any, tool or none")),
    };
    rest.insert("tool_choice".to_owned(), raw(&worded));
    if choice.get("disable_parallel_tool_use") == Some(&Value::Bool(true)) {
        rest.insert("parallel_tool_calls".to_owned(), raw(&false));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
