//! What a client was told: the part of an answer that decides what an agent does next.

use latchkey_shared::recording::{TurnEvent, TurnRecord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a client was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientAnswer {
    /// All text.
    pub text: String,
    /// All calls: the tool, and its arguments as JSON.
    pub calls: Vec<(String, Value)>,
    /// Why it ended, in the words of the client's API; `status 502` or `cut` where it did not end well.
    pub end: String,
    /// How often the site was asked for it.
    pub asked: usize,
}

impl ClientAnswer {
    /// Out of a recording.
    #[must_use]
    pub fn of_flight(record: &TurnRecord) -> Self {
        let mut sent = String::new();
        let mut told = Self::default();
        for moment in &record.moments {
            match &moment.event {
                TurnEvent::Chunk { text } => sent.push_str(text),
                TurnEvent::Answer => told.asked += 1,
                TurnEvent::Delta { kind, text, name } if kind == "call" => {
                    told.calls.push((name.clone(), arguments(text)));
                }
                TurnEvent::Delta { kind, text, .. } if kind == "text" => told.text.push_str(text),
                _ => {}
            }
        }
        if !sent.is_empty() {
            return Self { asked: told.asked, ..Self::of_stream(&sent, record.outcome == "ok") };
        }
        // It was answered whole, or not at all.
        let [stop, calls] = match record.path.rsplit('/').next() {
            Some("messages") => ["end_turn", "tool_use"],
            Some("responses") => ["completed", "completed"],
            _ => ["stop", "tool_calls"],
        };
        let end = match (record.outcome.as_str(), told.calls.is_empty()) {
            ("ok", true) => stop,
            ("ok", false) => calls,
            (outcome, _) => outcome,
        };
        end.clone_into(&mut told.end);
        told
    }

    /// Out of a stream of any API; one that was not whole is cut, whatever it said before.
    #[must_use]
    pub fn of_stream(raw: &str, is_whole: bool) -> Self {
        let mut told = Self::default();
        let mut parts: Vec<(String, String)> = Vec::new();
        let payloads = raw.lines().filter_map(|line| line.strip_prefix("data:"));
        for event in payloads.filter_map(|payload| serde_json::from_str::<Value>(payload).ok()) {
            told.take(&event, &mut parts);
        }
        told.calls = parts.into_iter().map(|(name, input)| (name, arguments(&input))).collect();
        if !is_whole {
            "cut".clone_into(&mut told.end);
        }
        told
    }

    fn take(&mut self, event: &Value, calls: &mut Vec<(String, String)>) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // OpenAI's: each call is whole in its chunk.
        let choice = &event["choices"][0];
        self.text += &text(&choice["delta"]["content"]);
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            calls.push((text(&call["function"]["name"]), text(&call["function"]["arguments"])));
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            reason.clone_into(&mut self.end);
        }
        // Anthropic's.
        if event["content_block"]["type"] == "tool_use" {
            calls.push((text(&event["content_block"]["name"]), String::new()));
        }
        self.text += &text(&event["delta"]["text"]);
        if let Some((_, input)) = calls.last_mut() {
            *input += &text(&event["delta"]["partial_json"]);
        }
        if let Some(reason) = event["delta"]["stop_reason"].as_str() {
            reason.clone_into(&mut self.end);
        }
        // OpenAI's other one.
        let item = &event["item"];
        match event["type"].as_str().and_then(|kind| kind.strip_prefix("response.")) {
            Some("output_text.delta") => self.text += &text(&event["delta"]),
            Some("output_item.done") if item["type"] == "function_call" => {
                calls.push((text(&item["name"]), text(&item["arguments"])));
            }
            Some(end @ ("completed" | "incomplete")) => end.clone_into(&mut self.end),
            _ => {}
        }
    }

    /// Where another one differs, each field in a line; nothing where it does not.
    #[must_use]
    pub fn differences(&self, got: &Self) -> Vec<String> {
        let calls =
            |told: &Self| serde_json::to_string(&told.calls).expect("texts and JSON always serialize");
        let fields = [
            ("text", format!("{:?}", self.text), format!("{:?}", got.text)),
            ("calls", calls(self), calls(got)),
            ("end", self.end.clone(), got.end.clone()),
            ("asked", self.asked.to_string(), got.asked.to_string()),
        ];
        let differing = fields.into_iter().filter(|(_, expected, got)| expected != got);
        differing
            .map(|(field, expected, got)| format!("{field}\n  expected  {expected}\n  got       {got}"))
            .collect()
    }
}

fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}
