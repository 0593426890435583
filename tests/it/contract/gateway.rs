//! How a gateway reads the stream of a chat that it makes an Anthropic message of: what it would lose or misread is an
//! error here.

use serde_json::{Value, json};

/// What a stream came to.
#[derive(Debug)]
pub(super) struct ReadStream {
    /// Whether finish, usage and end mark came, each once and in this order.
    pub(super) ended: bool,
    /// Whether an error event came.
    pub(super) error: bool,
    /// How many chunks came. A message is begun by the second: with one alone it is a 200 with nothing in it.
    pub(super) chunks: usize,
}

/// Where the stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum StreamStage {
    Nothing,
    Begun,
    Calls,
    Finished,
    Counted,
    Done,
}

/// The reader's state.
struct Reader {
    stage: StreamStage,
    /// Id, creation and model of the first chunk.
    head: Option<[Value; 3]>,
    calls: u64,
    chunks: usize,
}

/// Reads a stream.
///
/// # Errors
/// The first thing that such a gateway would lose or misread.
pub(super) fn read(raw: &str) -> Result<ReadStream, String> {
    let mut reader = Reader { stage: StreamStage::Nothing, head: None, calls: 0, chunks: 0 };
    let mut error = false;
    for line in raw.lines().filter(|line| !line.is_empty() && !line.starts_with(':')) {
        let data = line.strip_prefix("data: ").ok_or_else(|| format!("a line that is no data: {line}"))?;
        if error {
            return Err("something follows an error".to_owned());
        }
        if data == "[DONE]" {
            reader.advance(StreamStage::Counted, StreamStage::Done)?;
            continue;
        }
        let chunk: Value = serde_json::from_str(data).map_err(|why| why.to_string())?;
        if chunk["error"].is_object() {
            error = true;
        } else {
            reader.chunk(&chunk)?;
        }
    }
    if reader.stage == StreamStage::Done && reader.chunks < 2 {
        return Err("a message of one chunk has no beginning".to_owned());
    }
    Ok(ReadStream { ended: reader.stage == StreamStage::Done, error, chunks: reader.chunks })
}

impl Reader {
    fn advance(&mut self, from: StreamStage, to: StreamStage) -> Result<(), String> {
        if self.stage != from {
            return Err(format!("{to:?} comes after {:?}", self.stage));
        }
        self.stage = to;
        Ok(())
    }

    fn chunk(&mut self, chunk: &Value) -> Result<(), String> {
        self.chunks += 1;
        let head = ["id", "created", "model"].map(|name| chunk[name].clone());
        if *self.head.get_or_insert_with(|| head.clone()) != head {
            return Err("the head changes".to_owned());
        }
        let usage = &chunk["usage"];
        let choices = chunk["choices"].as_array().ok_or("no choices")?;
        let Some(choice) = choices.first() else {
            // It closes the message.
            if usage["prompt_tokens"] == 0 && usage["completion_tokens"] == 0 {
                return Err("a usage of nothing is estimated anew".to_owned());
            }
            return self.advance(StreamStage::Finished, StreamStage::Counted);
        };
        if !usage.is_null() || choices.len() > 1 || choice["index"] != 0 {
            return Err("a usage beside a choice hides a better one".to_owned());
        }
        self.choice(&choice["delta"], choice["finish_reason"].as_str())
    }

    fn choice(&mut self, delta: &Value, finish: Option<&str>) -> Result<(), String> {
        let said = |name: &str| delta[name].as_str().is_some_and(|text| !text.is_empty());
        let calls = delta["tool_calls"].as_array();
        let kinds = [said("content"), said("reasoning_content"), calls.is_some()];
        let kinds = kinds.iter().filter(|kind| **kind).count();
        if let Some(reason) = finish {
            if kinds > 0 {
                return Err("what stands beside a finish is lost".to_owned());
            }
            let known = ["stop", "length", "tool_calls", "content_filter"].contains(&reason);
            if !known || (reason == "tool_calls") != (self.stage == StreamStage::Calls) {
                return Err(format!("{reason} after {:?}", self.stage));
            }
            self.stage = StreamStage::Finished;
            return Ok(());
        }
        match (self.stage, calls) {
            (StreamStage::Nothing, None) if kinds == 0 && delta["role"] == "assistant" => {
                self.stage = StreamStage::Begun;
            }
            (StreamStage::Begun, None) if kinds == 1 => {}
            // An empty word begins the message, and is harmless otherwise (2026-11).
            (StreamStage::Begun, None) if *delta == json!({"content": ""}) => {}
            (StreamStage::Begun | StreamStage::Calls, Some(calls)) if kinds == 1 => self.call(calls)?,
            (stage, _) => return Err(format!("{delta} after {stage:?}")),
        }
        Ok(())
    }

    /// One whole call in a chunk of its own.
    fn call(&mut self, calls: &[Value]) -> Result<(), String> {
        let [call] = calls else { return Err("several calls in one chunk".to_owned()) };
        let function = &call["function"];
        let named = call["id"].as_str().is_some_and(|id| !id.is_empty()) && function["name"].is_string();
        let arguments = function["arguments"].as_str().ok_or("arguments that are no text")?;
        let object = serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.is_object());
        if !named || !object || call["type"] != "function" || call["index"] != self.calls {
            return Err(format!("{call} as call {}", self.calls));
        }
        self.calls += 1;
        self.stage = StreamStage::Calls;
        Ok(())
    }
}

#[test]
fn what_a_gateway_misreads_is_found() {
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"a\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let role = chunk("{\"role\":\"assistant\"}", "null");
    let text = chunk("{\"content\":\"a\"}", "null");
    let finish = chunk("{}", "\"stop\"");
    let usage =
        "data: {\"id\":\"a\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
    let done = "data: [DONE]\n\n";
    let ended = |parts: &[&str]| read(&parts.concat()).map(|read| read.ended);

    assert_eq!(ended(&[&role, &text, &finish, usage, done]), Ok(true));
    assert_eq!(ended(&[&role, &text]), Ok(false));
    let misread: [&[&str]; 7] = [
        &[&role, &text, &finish, done],
        &[&role, usage, &text],
        &[&role, &chunk("{\"content\":\"a\"}", "\"stop\"")],
        &[&text, &finish],
        &[&role, &text, &chunk("{}", "\"tool_calls\""), usage, done],
        &[&role, &text, &chunk("{}", "\"end_turn\""), usage, done],
        &[&role, &chunk("{\"content\":\"a\",\"reasoning_content\":\"b\"}", "null")],
    ];
    for parts in misread {
        assert!(ended(parts).is_err(), "{parts:?}");
    }
}
