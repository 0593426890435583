//! Messages made of content blocks, as messages of a chat.
//!
//! Tool results become messages of their own, right behind the calls that they answer: sites refuse anything between.

use serde_json::{Map, Value, json};

use crate::openai::{
    messages::{merged, reminder, texts},
    request::InvalidRequest,
};

/// A conversation that is being translated.
#[derive(Debug, Default)]
pub(super) struct MessagesTranslator {
    messages: Vec<Value>,
    /// Calls of the last assistant message whose results have not come, oldest first.
    open: Vec<String>,
    calls: usize,
}

/// A message of the person, or the client, being gathered.
#[derive(Default)]
struct UserTurn {
    results: Vec<Value>,
    parts: Vec<Value>,
}

impl MessagesTranslator {
    pub(super) fn system(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.messages.push(json!({"role": "system", "content": text}));
        }
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// When it is no message.
    pub(super) fn push(&mut self, index: usize, message: &Value) -> Result<(), InvalidRequest> {
        let blocks = match message.get("content") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => vec![json!({"type": "text", "text": text})],
            Some(Value::Array(blocks)) => blocks.clone(),
            Some(_) => {
                return Err(InvalidRequest(format!(
                    "messages[{index}].content: expected a text or an array of blocks"
                )));
            }
        };
        match message.get("role").and_then(Value::as_str) {
            Some("user") => self.person(&blocks),
            Some("assistant") => self.assistant(&blocks),
            // Claude Code puts them anywhere (beta mid-conversation-system); most chat templates allow one at the top.
            Some("system" | "developer") => self.reminder(&texts(&blocks).join("\n\n")),
            Some(_) => {
                return Err(InvalidRequest(format!(
                    "messages[{index}].role: expected user, assistant or system"
                )));
            }
            None => return Err(InvalidRequest(format!("messages[{index}].role: missing"))),
        }
        Ok(())
    }

    /// All messages.
    pub(super) fn finish(self) -> Vec<Value> {
        merged(self.messages)
    }

    fn reminder(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.messages.push(reminder(text));
    }

    fn person(&mut self, blocks: &[Value]) {
        let mut turn = UserTurn::default();
        for block in blocks {
            match block.get("type").and_then(Value::as_str) {
                Some("tool_result") => self.result(block, &mut turn),
                _ => turn.parts.extend(part(block)),
            }
        }
        self.messages.extend(turn.results);
        if !turn.parts.is_empty() {
            self.messages.push(json!({"role": "user", "content": turn.parts}));
        }
    }

    /// A result names its call; one of a call that had no id answers the oldest that is open.
    fn result(&mut self, block: &Value, turn: &mut UserTurn) {
        let named = block.get("tool_use_id").and_then(Value::as_str).unwrap_or_default();
        let at = self.open.iter().position(|id| id == named).unwrap_or(0);
        let id = match named {
            "" if self.open.is_empty() => "toolu_unknown".to_owned(),
            "" => self.open.remove(at),
            named => {
                self.open.retain(|id| id != named);
                named.to_owned()
            }
        };
        let mut text = match block.get("content") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(blocks)) => {
                let (said, seen): (Vec<Value>, Vec<Value>) =
                    blocks.iter().flat_map(part).partition(|part| part["type"] == "text");
                turn.parts.extend(seen);
                texts(&said).join("\n")
            }
            None | Some(_) => String::new(),
        };
        // OpenAI's tool message has no place for it, and a model must see that the call failed.
        if block.get("is_error") == Some(&Value::Bool(true)) && !tells_of_error(&text) {
            text = format!("Error: {text}");
        }
        turn.results.push(json!({"role": "tool", "tool_call_id": id, "content": text}));
    }

    fn assistant(&mut self, blocks: &[Value]) {
        self.open.clear();
        let mut said = Vec::new();
        let mut thought = String::new();
        let mut calls = Vec::new();
        for block in blocks {
            match block.get("type").and_then(Value::as_str) {
                Some("tool_use") => calls.push(self.call(block)),
                Some("thinking") => thought.push_str(block["thinking"].as_str().unwrap_or_default()),
                Some("redacted_thinking") => {}
                _ => said.extend(block.get("text").and_then(Value::as_str)),
            }
        }
        let said = said.concat();
        if said.is_empty() && calls.is_empty() && thought.is_empty() {
            return;
        }
        let mut message = Map::from_iter([("role".to_owned(), json!("assistant"))]);
        let content = if said.is_empty() && !calls.is_empty() { Value::Null } else { said.into() };
        message.insert("content".to_owned(), content);
        if !thought.is_empty() {
            message.insert("reasoning_content".to_owned(), thought.into());
        }
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), calls.into());
        }
        self.messages.push(message.into());
    }

    fn call(&mut self, block: &Value) -> Value {
        self.calls += 1;
        let id = match block.get("id").and_then(Value::as_str) {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("toolu_{}", self.calls),
        };
        self.open.push(id.clone());
        let arguments =
            block.get("input").filter(|input| input.is_object()).map_or("{}".to_owned(), Value::to_string);
        let name = block.get("name").and_then(Value::as_str).unwrap_or_default();
        json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
    }
}

fn tells_of_error(text: &str) -> bool {
    let head: String = text.trim_start().chars().take(40).collect();
    head.to_ascii_lowercase().contains("error")
}

/// A block of a person's message, as parts of a chat message.
pub(super) fn part(block: &Value) -> Vec<Value> {
    let text = |text: &str| vec![json!({"type": "text", "text": text})];
    match block.get("type").and_then(Value::as_str) {
        Some("text") => block["text"].as_str().filter(|said| !said.is_empty()).map(text).unwrap_or_default(),
        Some("image") => match source(&block["source"]) {
            Some(url) => vec![json!({"type": "image_url", "image_url": {"url": url}})],
            None => Vec::new(),
        },
        Some("document") => document(block),
        Some("tool_reference") => text(&reference(block["tool_name"].as_str())),
        // Search results, server tools and whatever comes next: better read as JSON than lost.
        Some(_) => text(&block.to_string()),
        None => Vec::new(),
    }
}

/// What a search for tools found, as text: a gateway may have lost the name.
pub(super) fn reference(tool: Option<&str>) -> String {
    match tool.filter(|tool| !tool.is_empty()) {
        Some(tool) => format!("Tool found: {tool}. It can be called now."),
        None => "Tool found: it is among the tools that can be called now.".to_owned(),
    }
}

fn document(block: &Value) -> Vec<Value> {
    let source = &block["source"];
    let title = block["title"].as_str().unwrap_or("document");
    match source["type"].as_str() {
        Some("text") => {
            let said = format!("{title}:\n{}", source["data"].as_str().unwrap_or_default());
            vec![json!({"type": "text", "text": said})]
        }
        Some("content") => match &source["content"] {
            Value::String(said) => vec![json!({"type": "text", "text": said})],
            Value::Array(blocks) => blocks.iter().flat_map(part).collect(),
            _ => Vec::new(),
        },
        _ => match self::source(source) {
            Some(url) => vec![json!({"type": "file", "file": {"filename": title, "file_data": url}})],
            None => Vec::new(),
        },
    }
}

/// Where a picture or file is: a data URI, or its address.
fn source(source: &Value) -> Option<String> {
    match source["type"].as_str()? {
        "base64" => {
            let kind = source["media_type"].as_str()?;
            let data = source["data"].as_str()?;
            Some(format!("data:{kind};base64,{data}"))
        }
        "url" => Some(source["url"].as_str()?.to_owned()),
        _ => None,
    }
}
