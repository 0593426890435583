//! What a client was told, in a word.

use std::fmt;

use serde_json::Value;

use super::{
    cells::{CellApi, GatewayCell, Tools},
    faults::{ARGUMENT, Fault, LAST, TOOL},
};

/// What a client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    /// A good end of a whole answer, or one that says what is missing.
    Ok,
    /// A status.
    Status(u16),
    /// An error event that clients of this API read.
    Event,
    /// Some of it and no end: the client asks again.
    Cut,
    /// The end mark and no finish reason: some clients take it for an end.
    DoneOnly,
    /// 200, and nothing that a client reads.
    Empty,
    /// A good end of half an answer.
    Lie,
    /// Two answers in one, with a good end.
    Mix,
    /// It waits for ever.
    Endless,
}

/// What a cell came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CellOutcome {
    pub(super) word: Word,
    /// How often the site was asked.
    pub(super) asked: usize,
}

/// What was read of an answer.
#[derive(Debug, Default)]
struct ReadAnswer {
    events: usize,
    starts: usize,
    text: String,
    /// Names and arguments of calls, as pieces.
    calls: String,
    /// Why a message stops, before it does.
    reason: String,
    end: Option<String>,
    error: bool,
    done: bool,
}

/// The word for an answer.
pub(super) fn word(cell: GatewayCell, status: u16, body: &str) -> Word {
    if status != 200 {
        return Word::Status(status);
    }
    let mut read = ReadAnswer::default();
    if cell.streamed {
        for data in body.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim) {
            if data == "[DONE]" {
                read.done = true;
            } else if let Ok(event) = serde_json::from_str(data) {
                read.event(cell.path.wire, &event);
            }
        }
    } else if let Ok(answer) = serde_json::from_str(body) {
        read.whole(cell.path.wire, &answer);
    }
    read.word(cell)
}

impl ReadAnswer {
    fn word(&self, cell: GatewayCell) -> Word {
        match &self.end {
            _ if self.events == 0 && self.done => Word::DoneOnly,
            _ if self.events == 0 => Word::Empty,
            Some(_) if self.starts > 1 => Word::Mix,
            Some(_) if self.error => Word::Lie,
            Some(end) if self.is_good(cell, end) => Word::Ok,
            Some(_) => Word::Lie,
            None if self.error => Word::Event,
            None if self.done => Word::DoneOnly,
            None => Word::Cut,
        }
    }

    /// Whether nothing is missing, or the end says what is.
    fn is_good(&self, cell: GatewayCell, end: &str) -> bool {
        match cell.fault {
            Fault::Length => ["length", "max_tokens", "incomplete"].contains(&end),
            Fault::Filter => ["content_filter", "refusal", "incomplete"].contains(&end),
            _ if cell.tools == Tools::None => self.text.ends_with(LAST) && self.calls.is_empty(),
            _ => [TOOL, ARGUMENT.0, ARGUMENT.1].iter().all(|part| self.calls.contains(part)),
        }
    }

    fn event(&mut self, wire: CellApi, event: &Value) {
        self.events += 1;
        match wire {
            CellApi::Chat => self.chunk(event),
            CellApi::Messages => self.message_event(event),
            CellApi::Responses => self.response_event(event),
        }
    }

    fn chunk(&mut self, chunk: &Value) {
        self.error |= chunk["error"].is_object();
        let choice = &chunk["choices"][0];
        self.starts += usize::from(choice["delta"]["role"].is_string());
        self.text += text(&choice["delta"]["content"]);
        for call in list(&choice["delta"]["tool_calls"]) {
            self.call(&call["function"]["name"], text(&call["function"]["arguments"]));
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.end = Some(finish.to_owned());
        }
    }

    fn message_event(&mut self, event: &Value) {
        match event["type"].as_str() {
            Some("message_start") => self.starts += 1,
            Some("content_block_start") => self.call(&event["content_block"]["name"], ""),
            Some("content_block_delta") => {
                self.text += text(&event["delta"]["text"]);
                self.calls += text(&event["delta"]["partial_json"]);
            }
            Some("message_delta") => text(&event["delta"]["stop_reason"]).clone_into(&mut self.reason),
            Some("message_stop") => self.end = Some(self.reason.clone()),
            Some("error") => self.error = true,
            _ => {}
        }
    }

    fn response_event(&mut self, event: &Value) {
        match event["type"].as_str() {
            Some("response.created") => self.starts += 1,
            Some("response.output_text.delta") => self.text += text(&event["delta"]),
            Some("response.output_item.done") => {
                self.call(&event["item"]["name"], text(&event["item"]["arguments"]));
            }
            Some("response.completed") => self.end = Some("completed".to_owned()),
            Some("response.incomplete") => self.end = Some("incomplete".to_owned()),
            Some("response.failed" | "error") => self.error = true,
            _ => {}
        }
    }

    fn whole(&mut self, wire: CellApi, answer: &Value) {
        self.events = 1;
        self.error = answer["error"].is_object();
        let (content, end) = match wire {
            CellApi::Chat => {
                let choice = &answer["choices"][0];
                self.text += text(&choice["message"]["content"]);
                for call in list(&choice["message"]["tool_calls"]) {
                    self.call(&call["function"]["name"], text(&call["function"]["arguments"]));
                }
                (&Value::Null, &choice["finish_reason"])
            }
            CellApi::Messages => (&answer["content"], &answer["stop_reason"]),
            CellApi::Responses => (&answer["output"], &answer["status"]),
        };
        for block in list(content) {
            self.text += text(&block["text"]);
            for part in list(&block["content"]) {
                self.text += text(&part["text"]);
            }
            let input = if block["input"].is_object() { block["input"].to_string() } else { String::new() };
            self.call(&block["name"], &(input + text(&block["arguments"])));
        }
        self.end = end.as_str().map(str::to_owned);
    }

    fn call(&mut self, name: &Value, arguments: &str) {
        self.calls += text(name);
        self.calls += arguments;
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("OK"),
            Self::Status(status) => write!(f, "E{status}"),
            Self::Event => f.write_str("EV"),
            Self::Cut => f.write_str("CUT"),
            Self::DoneOnly => f.write_str("DONE-"),
            Self::Empty => f.write_str("EMPTY"),
            Self::Lie => f.write_str("LIE"),
            Self::Mix => f.write_str("MIX"),
            Self::Endless => f.write_str("ENDLESS"),
        }
    }
}

impl fmt::Display for CellOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.word, self.asked)
    }
}
