//! A Responses request, as a chat request: whatever a client may send is accepted, unless it asks for something that
//! was kept.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    items::ItemsTranslator,
    kept::{self, KeptOutputs},
    tools::{OfferedTools, named},
};
use crate::openai::{
    choice,
    message::Message,
    request::{self, ChatRequest, InvalidRequest, object, raw},
};

/// What a client asks for to have its reasoning items back.
const ENCRYPTED: &str = "reasoning.encrypted_content";

/// What we read of a body. Everything else is for OpenAI's own servers and is left out: `metadata`, `service_tier`,
/// `truncation`, `context_management`, `safety_identifier`.
#[derive(Deserialize)]
pub(crate) struct ResponsesBody {
    model: Option<Value>,
    /// The items, or a text.
    pub(crate) input: Option<Value>,
    instructions: Option<Value>,
    #[serde(default)]
    tools: Value,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<Box<RawValue>>,
    max_output_tokens: Option<Box<RawValue>>,
    temperature: Option<Box<RawValue>>,
    top_p: Option<Box<RawValue>>,
    #[serde(default)]
    text: Value,
    #[serde(default)]
    reasoning: Value,
    /// Whether a stream is wanted.
    pub(crate) stream: Option<Value>,
    #[serde(default)]
    include: Value,
    #[serde(default)]
    prompt_cache_key: Value,
    #[serde(default)]
    /// The response that it goes on with.
    pub(crate) previous_response_id: Value,
    #[serde(default)]
    conversation: Value,
    #[serde(default)]
    prompt: Value,
    #[serde(default)]
    background: Value,
    #[serde(default)]
    store: Value,
}

/// A request, and what only the answer needs to know of it.
#[derive(Debug)]
pub(crate) struct ResponsesRequest {
    /// The chat.
    pub request: ChatRequest,
    /// Whether reasoning items need an `encrypted_content`.
    pub encrypted: bool,
    /// Whether its items may be named later.
    pub stores: bool,
}

impl ResponsesRequest {
    /// Reads a body whose items are all there.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub(crate) fn new(body: &ResponsesBody) -> Result<Self, InvalidRequest> {
        let model = match &body.model {
            Some(Value::String(model)) => model.clone(),
            Some(_) => return Err(InvalidRequest::expected("model", "a text")),
            None => return Err(InvalidRequest::missing("model", "a text")),
        };
        let stream = match &body.stream {
            None | Some(Value::Null) => false,
            Some(Value::Bool(stream)) => *stream,
            Some(_) => return Err(InvalidRequest::expected("stream", "true or false")),
        };
        let (messages, tools) = messages(body)?;
        let (tools, origins) = tools.finish();
        let mut rest = rest(body)?;
        let session = body.prompt_cache_key.as_str().map(str::to_owned);
        let encrypted =
            body.include.as_array().is_some_and(|names| names.iter().any(|name| name == ENCRYPTED));
        let effort = request::effort(&rest);
        let mut tools = tools.iter().map(raw).collect();
        let only = choice::settle(&mut tools, &mut rest)?;
        let request = ChatRequest {
            model,
            messages,
            stream,
            tools,
            only,
            origins,
            session,
            client: None,
            effort,
            rest,
        };
        Ok(Self { request, encrypted, stores: body.store != false })
    }
}

impl ResponsesBody {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is none, or names something that is never kept.
    pub(crate) fn read(body: &[u8]) -> Result<Self, InvalidRequest> {
        Self::read_with(body, |_| ())
    }

    /// Reads a body, and completes it before anything is refused.
    ///
    /// # Errors
    /// When it is none, or names something that is never kept.
    pub(crate) fn read_with(body: &[u8], complete: impl FnOnce(&mut Self)) -> Result<Self, InvalidRequest> {
        let mut body: Self = object(body)?;
        complete(&mut body);
        refuse_kept(&body)?;
        Ok(body)
    }

    /// The ids of the responses whose items it names.
    ///
    /// # Errors
    /// When they are too many.
    pub(crate) fn named(&self) -> Result<Vec<String>, InvalidRequest> {
        self.input.as_ref().map_or_else(|| Ok(Vec::new()), kept::named)
    }

    /// Puts items in the place of their names, of `limit_bytes` together.
    ///
    /// # Errors
    /// When one is not kept, or all of them are too long.
    pub(crate) fn resolve(
        &mut self,
        outputs: &KeptOutputs,
        limit_bytes: usize,
    ) -> Result<(), InvalidRequest> {
        self.input.as_mut().map_or(Ok(()), |input| kept::resolve(input, outputs, limit_bytes))
    }
}

fn refuse_kept(body: &ResponsesBody) -> Result<(), InvalidRequest> {
    let refused = [
        (
            "previous_response_id",
            &body.previous_response_id,
            "responses are not kept here; send the whole conversation in input",
        ),
        (
            "conversation",
            &body.conversation,
            "conversations are not kept here; send the whole conversation in input",
        ),
        ("prompt", &body.prompt, "prompts are not kept here; send the text in instructions or input"),
    ];
    match refused.iter().find(|(_, value, _)| !value.is_null()) {
        Some((field, _, why)) => Err(InvalidRequest(format!("{field}: {why}"))),
        None if body.background == true => {
            Err(InvalidRequest("background: responses are not kept here; ask with stream".to_owned()))
        }
        None => Ok(()),
    }
}

fn messages(body: &ResponsesBody) -> Result<(Vec<Message>, OfferedTools), InvalidRequest> {
    let mut conversation = ItemsTranslator::default();
    conversation.declare(&body.tools)?;
    match &body.instructions {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => conversation.system(text),
        Some(_) => return Err(InvalidRequest::expected("instructions", "a text")),
    }
    match &body.input {
        Some(Value::String(text)) => conversation.push(0, &json!({"role": "user", "content": text}))?,
        Some(Value::Array(items)) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                conversation.push(index, item)?;
            }
        }
        Some(Value::Array(_)) => return Err(InvalidRequest("input: expected at least one item".to_owned())),
        Some(_) => return Err(InvalidRequest::expected("input", "a text or an array of items")),
        None => return Err(InvalidRequest::missing("input", "a text or an array of items")),
    }
    let (messages, tools) = conversation.finish();
    if messages.is_empty() {
        return Err(InvalidRequest("input: expected at least one message".to_owned()));
    }
    Ok((messages.into_iter().map(Message::of).collect(), tools))
}

/// What is left of the body, in the words of chats.
fn rest(body: &ResponsesBody) -> Result<BTreeMap<String, Box<RawValue>>, InvalidRequest> {
    let mut rest = BTreeMap::new();
    let fields =
        [("max_tokens", &body.max_output_tokens), ("temperature", &body.temperature), ("top_p", &body.top_p)];
    for (name, value) in fields {
        if let Some(value) = value.as_ref().filter(|value| value.get() != "null") {
            rest.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(effort) = body.reasoning["effort"].as_str() {
        rest.insert("reasoning_effort".to_owned(), raw(&effort));
    }
    if let Some(format) = format(&body.text["format"]) {
        rest.insert("response_format".to_owned(), raw(&format));
    }
    if let Some(choice) = &body.tool_choice {
        choose(choice, &mut rest)?;
    }
    if let Some(parallel) = body.parallel_tool_calls.as_ref().filter(|value| value.get() != "null") {
        rest.insert("parallel_tool_calls".to_owned(), parallel.clone());
    }
    Ok(rest)
}

fn format(format: &Value) -> Option<Value> {
    match format["type"].as_str()? {
        "json_schema" => {
            let fields = format.as_object()?.iter().filter(|(name, _)| *name != "type");
            let schema: Map<String, Value> =
                fields.map(|(name, value)| (name.clone(), value.clone())).collect();
            Some(json!({"type": "json_schema", "json_schema": schema}))
        }
        "json_object" => Some(json!({"type": "json_object"})),
        _ => None,
    }
}

fn choose(choice: &Value, rest: &mut BTreeMap<String, Box<RawValue>>) -> Result<(), InvalidRequest> {
    let worded = match (choice.as_str(), choice["type"].as_str()) {
        _ if choice.is_null() => return Ok(()),
        (Some(word @ ("auto" | "none" | "required")), _) => json!(word),
        (None, Some("function" | "custom")) => function(choice),
        (None, Some("allowed_tools")) => {
            let listed =
                choice["tools"].as_array().map(|tools| tools.iter().map(function).collect::<Vec<_>>());
            json!({"type": "allowed_tools", "mode": choice["mode"], "tools": listed})
        }
        // A tool that was left out.
        (None, Some(_)) => return Ok(()),
        _ => return Err(InvalidRequest::expected("tool_choice", "auto, none, required or an object")),
    };
    rest.insert("tool_choice".to_owned(), raw(&worded));
    Ok(())
}

/// A tool that a choice names, as chats name it; one of a server stays what it is.
fn function(tool: &Value) -> Value {
    match tool["type"].as_str() {
        Some("function" | "custom") => json!({"type": "function", "function": {"name": named(tool)}}),
        _ => tool.clone(),
    }
}

#[cfg(test)]
mod tests;
