//! Tool calls over HTTP, at a site whose model knows none: a real `run`, and the practice site playing the model.

use latchkey_bridge::dialect::Form;
use serde_json::{Map, Value, json};
use support::{
    model::{Reply, ScriptedModel},
    practice::Options,
    world::{Adapter, Start, Streamed, World},
};

use crate::bridge::support::tools;

mod budget;
mod cases;
mod flows;
mod metrics;
mod pictures;
mod reported;
mod switches;
mod wire;

const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");
const FORMS: [Form; 3] = [Form::Xml, Form::Json, Form::Fence];

/// An adapter before a site that takes no tools.
fn adapter(form: Form) -> Start {
    let chat = format!("tools = false\ndialect = \"{}\"", form.as_str());
    native().site_file(SITE_FILE.replace("tools = true", &chat))
}

/// An adapter before a site that takes tools.
fn native() -> Start {
    World::start().without_broker().practice(Options::default()).with_session("alice")
}

/// A request with the four tools of the cases.
fn task() -> Value {
    let mut body = Adapter::question("Fix the failing test in src/main.rs.");
    body["tools"] = tools().into();
    body
}

/// A world and the words of its model: the nonce is learned from a first prompt.
struct Site {
    world: World,
    dialect: Form,
    nonce: String,
}

impl Site {
    async fn start(start: Start, dialect: Form) -> Self {
        let world = start.await;
        let model = world.practice.model();
        model.will(Reply::text("Hello."));
        world.adapter().chat(&task()).await;
        let prompt = model.last_call().body["messages"].to_string();
        let at = prompt.find("tool_call").unwrap();
        let nonce = prompt[at..].split_once('_').unwrap().1.split_once('_').unwrap().1[..8].to_owned();
        model.reset();
        Self { world, dialect, nonce }
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
            Form::Json => calls
                .iter()
                .map(|(name, arguments)| {
                    let call = json!({"name": name, "arguments": arguments});
                    format!("<tool_call_{nonce}>\n{call}\n</tool_call_{nonce}>\n")
                })
                .collect(),
            Form::Xml => tagged(nonce, calls, '<', '>'),
            Form::Fence => tagged(nonce, calls, '[', ']'),
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

/// A stream that ended well, with this reason.
fn ended(stream: &Streamed, id: &str) -> String {
    assert!(stream.status == 200 && stream.complete && stream.done, "{id}: {}", stream.raw);
    let expected = if stream.tool_calls().is_empty() { "stop" } else { "tool_calls" };
    assert_eq!(stream.finish_reason(), expected, "{id}");
    stream.finish_reason().to_owned()
}
