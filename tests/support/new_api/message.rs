//! Makes the events of an Anthropic message of a chat's chunks, with all that is odd about it.
//!
//! Measured on v1.0.0-rc.24: a message begins with the first chunk that is not the last one, and begins again where the
//! second chunk is the last; chunks without choices end it, and so an error does, once usage is known; a finish reason
//! waits for the usage behind it.

use serde_json::{Value, json};

/// A message on its way.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// How many chunks were sent on.
    pub(super) sent: usize,
    /// What the answer cost, as far as that is known.
    pub(super) usage: Option<Value>,
    open: Open,
    index: u64,
    finish: Option<String>,
    done: bool,
}

/// The block that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking,
    /// Calls from this index to that one.
    Calls(u64, u64),
}

impl Message {
    /// The events of one chunk.
    pub(super) fn events(&mut self, chunk: &Value) -> Vec<Value> {
        if self.done {
            return Vec::new();
        }
        let mut events = Vec::new();
        let choice = &chunk["choices"][0];
        if self.sent == 1 {
            events.push(start(chunk));
            self.delta(&choice["delta"], &mut events);
            if let Some(finish) = finish(choice) {
                self.finish = Some(finish);
                if let Some(usage) = told(chunk).or_else(|| self.usage.clone()) {
                    self.end(&usage, &mut events);
                }
            }
            return events;
        }
        if choice.is_null() {
            if let Some(usage) = told(chunk).or_else(|| self.usage.clone()) {
                self.end(&usage, &mut events);
            }
            return events;
        }
        let finish = finish(choice);
        let usage = told(chunk);
        if finish.is_some() {
            self.finish.clone_from(&finish);
            if usage.is_none() {
                return events;
            }
        }
        self.delta(&choice["delta"], &mut events);
        if let (Some(_), Some(usage)) = (finish, usage) {
            self.end(&usage, &mut events);
        }
        events
    }

    fn delta(&mut self, delta: &Value, events: &mut Vec<Value>) {
        let said = |name: &str| delta[name].as_str().filter(|text| !text.is_empty());
        let thought = said("reasoning_content").or_else(|| said("reasoning"));
        if let Some(calls) = delta["tool_calls"].as_array().filter(|calls| !calls.is_empty()) {
            self.calls(calls, events);
        } else if let Some(thought) = thought {
            self.piece(Open::Thinking, &json!({"type": "thinking", "thinking": ""}), events);
            let delta = json!({"type": "thinking_delta", "thinking": thought});
            events.push(block_delta(self.index, &delta));
        } else if let Some(text) = said("content") {
            self.piece(Open::Text, &json!({"type": "text", "text": ""}), events);
            events.push(block_delta(self.index, &json!({"type": "text_delta", "text": text})));
        }
    }

    fn piece(&mut self, kind: Open, block: &Value, events: &mut Vec<Value>) {
        if self.open != kind {
            self.close_and_go_on(events);
            events.push(block_start(self.index, block));
            self.open = kind;
        }
    }

    fn calls(&mut self, calls: &[Value], events: &mut Vec<Value>) {
        if !matches!(self.open, Open::Calls(..)) {
            self.close_and_go_on(events);
            self.open = Open::Calls(self.index, self.index);
        }
        let Open::Calls(first, mut last) = self.open else { return };
        // Of several in the first chunk only one is taken.
        let taken = if self.sent == 1 { &calls[..1] } else { calls };
        for (place, call) in taken.iter().enumerate() {
            let offset = call["index"].as_u64().unwrap_or(place as u64);
            let index = first + offset;
            last = last.max(index);
            let function = &call["function"];
            if let Some(name) = function["name"].as_str().filter(|name| !name.is_empty()) {
                let block = json!({"type": "tool_use", "id": call["id"], "name": name, "input": {}});
                events.push(block_start(index, &block));
            }
            if let Some(arguments) = function["arguments"].as_str().filter(|text| !text.is_empty()) {
                let delta = json!({"type": "input_json_delta", "partial_json": arguments});
                events.push(block_delta(index, &delta));
            }
        }
        self.open = Open::Calls(first, last);
        self.index = last;
    }

    fn end(&mut self, usage: &Value, events: &mut Vec<Value>) {
        self.close(events);
        let reason = stop_reason(self.finish.as_deref().unwrap_or("stop"));
        let delta = json!({"stop_reason": reason, "stop_sequence": null});
        events.push(json!({"type": "message_delta", "delta": delta, "usage": tokens(usage)}));
        events.push(json!({"type": "message_stop"}));
        self.done = true;
    }

    fn close(&mut self, events: &mut Vec<Value>) {
        let open = match self.open {
            Open::Nothing => return,
            Open::Text | Open::Thinking => self.index..=self.index,
            Open::Calls(first, last) => first..=last,
        };
        events.extend(open.map(|index| json!({"type": "content_block_stop", "index": index})));
    }

    fn close_and_go_on(&mut self, events: &mut Vec<Value>) {
        if self.open != Open::Nothing {
            self.close(events);
            self.index += 1;
            self.open = Open::Nothing;
        }
    }
}

/// Anthropic's word for a finish reason; one that is not known stays as it is.
pub(super) fn stop_reason(finish: &str) -> &str {
    match finish {
        "stop" => "end_turn",
        "length" | "max_tokens" => "max_tokens",
        "tool_calls" => "tool_use",
        "content_filter" => "refusal",
        other => other,
    }
}

/// A usage in Anthropic's words.
pub(super) fn tokens(usage: &Value) -> Value {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    json!({
        "input_tokens": count("prompt_tokens"), "output_tokens": count("completion_tokens"),
        "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
    })
}

fn start(chunk: &Value) -> Value {
    let usage = json!({"input_tokens": 1, "output_tokens": 0});
    let id = &chunk["id"];
    let model = &chunk["model"];
    let message = json!({
        "id": id, "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage,
        "stop_reason": null, "stop_sequence": null,
    });
    json!({"type": "message_start", "message": message})
}

fn block_start(index: u64, block: &Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn block_delta(index: u64, delta: &Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn told(chunk: &Value) -> Option<Value> {
    Some(&chunk["usage"]).filter(|usage| usage.is_object()).cloned()
}

fn finish(choice: &Value) -> Option<String> {
    choice["finish_reason"].as_str().filter(|reason| !reason.is_empty()).map(str::to_owned)
}
