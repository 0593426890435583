//! The items of an input, as messages of a chat.

use serde_json::{Value, json};

use super::tools::{OfferedTools, SEARCH, found, named};
use crate::openai::{
    messages::{merged, reminder, texts},
    origin::arguments_of,
    request::InvalidRequest,
};

/// A conversation that is being translated.
#[derive(Debug, Default)]
pub(super) struct ItemsTranslator {
    system: Vec<String>,
    messages: Vec<Value>,
    /// What the model thought before it says or does something.
    thought: String,
    /// Pictures and files of tool results: a message of role tool has no place for them.
    seen: Vec<Value>,
    /// What is offered: items declare tools too.
    tools: OfferedTools,
}

impl ItemsTranslator {
    /// Takes the tools that the request declares beside its items.
    ///
    /// # Errors
    /// When one cannot be offered.
    pub(super) fn declare(&mut self, tools: &Value) -> Result<(), InvalidRequest> {
        self.tools.push_all("tools", tools)
    }

    /// Takes what is told before everything else.
    pub(super) fn system(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.system.push(text.to_owned());
        }
    }

    /// Takes the next item.
    ///
    /// # Errors
    /// When it is none, or one that only OpenAI's servers have.
    pub(super) fn push(&mut self, index: usize, item: &Value) -> Result<(), InvalidRequest> {
        if !item.is_object() {
            return Err(InvalidRequest(format!("input[{index}]: expected an object")));
        }
        match item["type"].as_str().unwrap_or("message") {
            "message" => return self.message(index, item),
            "function_call" => self.call(item, &named(item), item["arguments"].as_str().unwrap_or("{}")),
            "custom_tool_call" => self.call(item, &named(item), &arguments_of(&item["input"])),
            "tool_search_call" => self.call(item, &SEARCH.into(), &item["arguments"].to_string()),
            "tool_search_output" => {
                self.tools.push_all(&format!("input[{index}].tools"), &item["tools"])?;
                self.result_of(item, &found(&item["tools"]));
            }
            "additional_tools" => {
                self.tools.push_all(&format!("input[{index}].tools"), &item["tools"])?;
            }
            "agent_message" => self.heard(item),
            "function_call_output" | "custom_tool_call_output" => self.result(item),
            "reasoning" => self.thought.push_str(&thought(item)),
            kind if kind.contains("compaction") => {
                return Err(InvalidRequest(format!(
                    "input[{index}].type: {kind} is of OpenAI's models alone; send the items, or a summary as a message"
                )));
            }
            // What OpenAI's own servers did, or need: no site's model knows of it.
            kind => tracing::debug!(item.index = index, item.kind = kind, "an item is left out"),
        }
        Ok(())
    }

    /// All messages, and all tools.
    pub(super) fn finish(mut self) -> (Vec<Value>, OfferedTools) {
        self.show_seen();
        let system = self.system.join("\n\n");
        let first = (!system.is_empty()).then(|| json!({"role": "system", "content": system}));
        (merged(first.into_iter().chain(self.messages).collect()), self.tools)
    }

    fn message(&mut self, index: usize, item: &Value) -> Result<(), InvalidRequest> {
        let parts = match &item["content"] {
            Value::String(text) => vec![json!({"type": "text", "text": text})],
            Value::Array(parts) => parts.iter().filter_map(part).collect(),
            Value::Null => Vec::new(),
            _ => {
                return Err(InvalidRequest(format!(
                    "input[{index}].content: expected a text or an array of parts"
                )));
            }
        };
        match item["role"].as_str() {
            Some("user") => {
                self.show_seen();
                self.messages.push(json!({"role": "user", "content": parts}));
            }
            Some("assistant") => self.said(&texts(&parts).concat()),
            Some("system" | "developer") if self.messages.is_empty() => {
                self.system(&texts(&parts).join("\n\n"));
            }
            Some("system" | "developer") => {
                self.show_seen();
                self.messages.push(reminder(&texts(&parts).join("\n\n")));
            }
            _ => {
                return Err(InvalidRequest(format!(
                    "input[{index}].role: expected user, assistant, system or developer"
                )));
            }
        }
        Ok(())
    }

    fn said(&mut self, text: &str) {
        let answer = self.answer();
        let before = answer["content"].as_str().unwrap_or_default();
        answer["content"] = format!("{before}{text}").into();
    }

    fn call(&mut self, item: &Value, name: &Value, arguments: &str) {
        let function = json!({"name": name, "arguments": arguments});
        let call = json!({"id": item["call_id"], "type": "function", "function": function});
        let answer = self.answer();
        match answer["tool_calls"].as_array_mut() {
            Some(calls) => calls.push(call),
            None => answer["tool_calls"] = json!([call]),
        }
    }

    /// The answer that the items belong to: what was said and done in one turn is one message.
    fn answer(&mut self) -> &mut Value {
        self.show_seen();
        if self.messages.last().is_none_or(|last| last["role"] != "assistant") {
            self.messages.push(json!({"role": "assistant", "content": null}));
        }
        let thought = std::mem::take(&mut self.thought);
        let answer = self.messages.last_mut().expect("it was just looked at");
        if !thought.is_empty() {
            let before = answer["reasoning_content"].as_str().unwrap_or_default();
            answer["reasoning_content"] = format!("{before}{thought}").into();
        }
        answer
    }

    fn result(&mut self, item: &Value) {
        let text = match &item["output"] {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                // What is unknown stands in the result as it came.
                let as_it_came = |part: &Value| json!({"type": "text", "text": part.to_string()});
                let parts: Vec<Value> =
                    parts.iter().map(|one| part(one).unwrap_or_else(|| as_it_came(one))).collect();
                self.seen.extend(parts.iter().filter(|part| part["type"] != "text").cloned());
                texts(&parts).join("\n")
            }
            Value::Null => String::new(),
            other => other.to_string(),
        };
        self.result_of(item, &text);
    }

    fn result_of(&mut self, item: &Value, text: &str) {
        self.messages.push(json!({"role": "tool", "tool_call_id": item["call_id"], "content": text}));
    }

    /// What one agent of a client wrote to another.
    fn heard(&mut self, item: &Value) {
        self.show_seen();
        let name = |field: &str| item[field].as_str().unwrap_or("an agent").to_owned();
        let who = format!("Message from {} to {}:", name("author"), name("recipient"));
        let said = item["content"].as_array().map(|parts| texts(parts).join("\n")).unwrap_or_default();
        let parts = json!([{"type": "text", "text": format!("{who}\n{said}")}]);
        self.messages.push(json!({"role": "user", "content": parts}));
    }

    fn show_seen(&mut self) {
        if !self.seen.is_empty() {
            let parts = std::mem::take(&mut self.seen);
            self.messages.push(json!({"role": "user", "content": parts}));
        }
    }
}

/// What a reasoning item tells: the thought itself, or its summary.
fn thought(item: &Value) -> String {
    let texts_of = |name: &str| item[name].as_array().map(|parts| texts(parts).join("\n"));
    texts_of("content").filter(|text| !text.is_empty()).or_else(|| texts_of("summary")).unwrap_or_default()
}

/// A part of an item, as a part of a chat message.
fn part(part: &Value) -> Option<Value> {
    match part["type"].as_str()? {
        "input_text" | "output_text" | "text" | "summary_text" => {
            Some(json!({"type": "text", "text": part["text"].as_str()?}))
        }
        "refusal" => Some(json!({"type": "text", "text": part["refusal"].as_str()?})),
        "input_image" => {
            Some(json!({"type": "image_url", "image_url": {"url": part["image_url"].as_str()?}}))
        }
        "input_file" => {
            let file = part["file_data"].as_str().or(part["file_url"].as_str())?;
            let name = part["filename"].as_str().unwrap_or("file");
            Some(json!({"type": "file", "file": {"filename": name, "file_data": file}}))
        }
        _ => None,
    }
}
