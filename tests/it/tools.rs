//! Tool calls over HTTP, at a site whose model knows none: a real `run`, and the practice site playing the model.

use latchkey_bridge::dialect::CallFormat;
use serde_json::{Map, Value, json};
use support::{
    model::{Reply, ScriptedModel},
    practice::PracticeOptions,
    world::{AdapterClient, Streamed, World, WorldBuilder},
};

use crate::bridge::support::tools;

mod budget;
mod cases;
mod choice;
mod costly;
mod elsewhere;
mod end_mark;
mod endings;
mod flows;
mod format;
mod learned;
mod metrics;
mod odd_sites;
mod pictures;
mod reported;
mod switches;
mod wire;

const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");
const FORMS: [CallFormat; 3] = [CallFormat::Xml, CallFormat::Json, CallFormat::Fence];

/// An adapter before a site that takes no tools.
fn adapter(form: CallFormat) -> WorldBuilder {
    let chat = format!("tools = false\ndialect = \"{}\"", form.as_str());
    native().site_file(SITE_FILE.replace("tools = true", &chat))
}

/// An adapter before a site that takes tools.
fn native() -> WorldBuilder {
    World::start().without_broker().practice(PracticeOptions::default()).with_session("alice")
}

/// A request with the four tools of the cases.
fn task() -> Value {
    let mut body = AdapterClient::question("Fix the failing test in src/main.rs.");
    body["tools"] = tools().into();
    body
}

/// A world and the words of its model: the nonce is learned from a first prompt.
struct ToolsSite {
    world: World,
    dialect: CallFormat,
    nonce: String,
}

impl ToolsSite {
    async fn start(start: WorldBuilder, dialect: CallFormat) -> Self {
        let mut site = Self { world: start.await, dialect, nonce: String::new() };
        site.learn(&task()).await;
        site
    }

    /// Learns the nonce of another conversation.
    async fn learn(&mut self, body: &Value) {
        let model = self.model();
        model.reset();
        model.will(Reply::text("Hello."));
        self.world.adapter().chat(body).await;
        let prompt = model.last_call().body["messages"].to_string();
        let at = prompt.rfind("tool_call").unwrap();
        self.nonce = prompt[at..].split_once('_').unwrap().1.split_once('_').unwrap().1[..8].to_owned();
        model.reset();
    }

    fn model(&self) -> ScriptedModel {
        self.world.practice.model()
    }

    /// A call of `bash` as this site's model is told to write it.
    fn bash(&self, command: &str) -> String {
        self.block(&[("bash", json!({"command": command}))])
    }

    fn block(&self, calls: &[(&str, Value)]) -> String {
        let nonce = &self.nonce;
        match self.dialect {
            CallFormat::Json => calls
                .iter()
                .map(|(name, arguments)| {
                    let call = json!({"name": name, "arguments": arguments});
                    format!("<tool_call_{nonce}>\n{call}\n</tool_call_{nonce}>\n")
                })
                .collect(),
            CallFormat::Xml => tagged(nonce, calls, '<', '>'),
            CallFormat::Fence => tagged(nonce, calls, '[', ']'),
        }
    }

    async fn stream(&self) -> Streamed {
        self.world.adapter().stream(&task()).await
    }
}

fn tagged(nonce: &str, calls: &[(&str, Value)], open: char, close: char) -> String {
    let value = |value: &Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let mut block = format!("{open}tool_calls_{nonce}{close}\n");
    for (name, arguments) in calls {
        block += &format!("{open}invoke_{nonce} name=\"{name}\"{close}\n");
        for (key, argument) in arguments.as_object().unwrap_or(&Map::new()) {
            let value = value(argument);
            block += &format!(
                "{open}parameter_{nonce} name=\"{key}\"{close}{value}{open}/parameter_{nonce}{close}\n"
            );
        }
        block += &format!("{open}/invoke_{nonce}{close}\n");
    }
    block + &format!("{open}/tool_calls_{nonce}{close}\n")
}

/// Name and arguments of each call; each must be whole in its chunk, and have an id of its own.
fn calls(stream: &Streamed) -> Vec<(String, Value)> {
    let calls = stream.tool_calls();
    let mut ids: Vec<&str> = calls.iter().map(|call| call["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), calls.len(), "ids are unique");
    let read = |(at, call): (usize, &Value)| {
        assert_eq!(call["index"], at);
        let arguments = call["function"]["arguments"].as_str().unwrap();
        (call["function"]["name"].as_str().unwrap().to_owned(), serde_json::from_str(arguments).unwrap())
    };
    calls.iter().enumerate().map(read).collect()
}

/// What a client got of any of the three APIs.
#[derive(Debug, PartialEq)]
struct Got {
    status: u16,
    calls: Vec<(String, Value)>,
    text: String,
}

/// The three APIs.
const APIS: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/messages"];

/// A whole answer of one of the three APIs, asked in its own words for the same.
async fn whole(site: &ToolsSite, api: &str, more: &Value) -> Got {
    let question = "Fix the failing test in src/main.rs.";
    let functions = tools();
    let mut body = match api {
        "/v1/messages" => {
            let tool = |tool: &Value| json!({"name": tool["function"]["name"], "input_schema": tool["function"]["parameters"]});
            json!({"max_tokens": 1000, "messages": [{"role": "user", "content": question}],
                "tools": functions.iter().map(tool).collect::<Vec<_>>()})
        }
        "/v1/responses" => {
            let tool = |tool: &Value| {
                let function = &tool["function"];
                json!({"type": "function", "name": function["name"], "parameters": function["parameters"]})
            };
            json!({"input": question, "tools": functions.iter().map(tool).collect::<Vec<_>>()})
        }
        _ => json!({"messages": [{"role": "user", "content": question}], "tools": functions}),
    };
    body["model"] = "practice-1".into();
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = site.world.adapter().send(reqwest::Method::POST, api, Some(&body)).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let parsed = |text: &Value| serde_json::from_str(text.as_str().unwrap()).unwrap();
    let name = |value: &Value| value.as_str().unwrap().to_owned();
    let text = |parts: Vec<Value>| parts.iter().filter_map(|part| part["text"].as_str()).collect::<String>();
    let (calls, text) = match api {
        "/v1/messages" => {
            let blocks = list(&body["content"]);
            let calls = blocks.iter().filter(|block| block["type"] == "tool_use");
            (calls.map(|call| (name(&call["name"]), call["input"].clone())).collect(), text(blocks.clone()))
        }
        "/v1/responses" => {
            let items = list(&body["output"]);
            let calls = items.iter().filter(|item| item["type"] == "function_call");
            let said = items.iter().flat_map(|item| list(&item["content"])).collect();
            (calls.map(|call| (name(&call["name"]), parsed(&call["arguments"]))).collect(), text(said))
        }
        _ => {
            let message = &body["choices"][0]["message"];
            let function = |call: &Value| {
                let function = &call["function"];
                (name(&function["name"]), parsed(&function["arguments"]))
            };
            let calls = list(&message["tool_calls"]).iter().map(function).collect();
            (calls, message["content"].as_str().unwrap_or_default().to_owned())
        }
    };
    Got { status: answer.status, calls, text }
}

/// A stream that ended well, with this reason.
fn ended(stream: &Streamed, id: &str) -> String {
    assert!(stream.status == 200 && stream.complete && stream.done, "{id}: {}", stream.raw);
    let expected = if stream.tool_calls().is_empty() { "stop" } else { "tool_calls" };
    assert_eq!(stream.finish_reason(), expected, "{id}");
    stream.finish_reason().to_owned()
}
