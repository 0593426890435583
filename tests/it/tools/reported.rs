//! What others' bridges did wrong, played through the real adapter: each file of `tests/cases/bridge` is one example of
//! its kind, with the outcomes of which any will do. A key that an outcome lacks is not looked at.

use std::{fs, path::Path};

use latchkey_bridge::dialect::CallFormat;
use reqwest::Method;
use serde_json::{Value, json};
use support::{model::Reply, world::Streamed};

use super::{FORMS, ToolsSite, adapter, native, task};
use crate::bridge::support::tools;

fn cases() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/bridge");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// What the client got, and what the site was asked.
struct ReportedOutcome {
    status: u16,
    calls: Option<Vec<Value>>,
    text: Option<String>,
    reasoning: Option<String>,
    good_end: bool,
    asked: usize,
    prompt: String,
}

impl ReportedOutcome {
    fn is(&self, accepted: &Value) -> bool {
        let place = |needle: &Value| self.prompt.find(needle.as_str().unwrap());
        accepted.as_object().unwrap().iter().all(|(key, wanted)| match key.as_str() {
            "status" => *wanted == self.status,
            "calls" => self.calls.as_ref().is_none_or(|calls| same(calls, wanted.as_array().unwrap())),
            "text" => self.text.as_ref().is_none_or(|text| wanted == text),
            "reasoning" => self.reasoning.as_ref().is_none_or(|reasoning| wanted == reasoning),
            "text_lacks" => {
                let mut lacks = wanted.as_array().unwrap().iter().map(|part| part.as_str().unwrap());
                self.text.as_ref().is_none_or(|text| lacks.all(|part| !text.contains(part)))
            }
            "good_end" => *wanted == self.good_end,
            "asked" => *wanted == self.asked,
            "asked_min" => wanted.as_u64().unwrap() <= self.asked as u64,
            "prompt_order" => {
                let places: Vec<_> = wanted.as_array().unwrap().iter().map(place).collect();
                places.iter().all(Option::is_some) && places.is_sorted()
            }
            // Behind the opener of a result, and before its closer.
            "prompt_inside" => place(wanted).is_some_and(|at| {
                let opened = self.prompt[..at].rfind("<result_");
                opened.is_some_and(|from| !self.prompt[from..at].contains("</result_"))
            }),
            key => panic!("{key} is no outcome"),
        })
    }
}

/// The same calls; a number is a number however it is written.
fn same(calls: &[Value], wanted: &[Value]) -> bool {
    calls.len() == wanted.len() && calls.iter().zip(wanted).all(|(call, wanted)| call == wanted)
}

async fn site(model: &str) -> ToolsSite {
    let form = FORMS.into_iter().find(|form| form.as_str() == model);
    match form {
        Some(form) => ToolsSite::start(adapter(form), form).await,
        None => ToolsSite { world: native().await, dialect: CallFormat::Xml, nonce: String::new() },
    }
}

fn reply(answer: &Value, nonce: &str) -> Reply {
    let pieces = |key: &str| -> Vec<String> {
        let pieces = answer[key].as_array().into_iter().flatten();
        pieces.map(|piece| piece.as_str().unwrap().replace("{{N}}", nonce)).collect()
    };
    if answer.get("raw").is_some() {
        let headers = answer["headers"].as_object().into_iter().flatten();
        return headers.fold(Reply::raw(pieces("raw").concat()), |reply, (name, value)| {
            reply.header(name, value.as_str().unwrap())
        });
    }
    let pieces = pieces("text");
    Reply::pieces(&pieces.iter().map(String::as_str).collect::<Vec<_>>())
}

async fn play(site: &ToolsSite, one: &Value) -> ReportedOutcome {
    let model = site.world.practice.model();
    model.reset();
    for answer in one["site"].as_array().into_iter().flatten() {
        model.will(reply(answer, &site.nonce));
    }
    model.always(Reply::text("Done."));
    let mut body = task();
    if let Some(given) = one.get("body").and_then(Value::as_object) {
        body = json!({"model": "practice-1"});
        body.as_object_mut().unwrap().extend(given.clone());
    }
    let path = one["path"].as_str().unwrap_or("/v1/chat/completions");
    if body["tools"] == "default" {
        body["tools"] = if path == "/v1/messages" { messages_tools() } else { tools().into() };
    }
    let mut reasoning = None;
    let (status, calls, text, good_end) = match path {
        "/v1/chat/completions" => {
            let stream = site.world.adapter().stream(&body).await;
            reasoning = Some(stream.reasoning());
            (stream.status, Some(calls(&stream)), Some(stream.text()), stream.complete && stream.done)
        }
        path => {
            let answer = site.world.adapter().send(Method::POST, path, Some(&body)).await;
            (answer.status, None, None, answer.status == 200)
        }
    };
    let prompts = model.calls();
    let prompt = prompts.last().map(|call| call.body["messages"].to_string()).unwrap_or_default();
    ReportedOutcome { status, calls, text, reasoning, good_end, asked: prompts.len(), prompt }
}

fn calls(stream: &Streamed) -> Vec<Value> {
    let call = |call: &Value| {
        let arguments = call["function"]["arguments"].as_str().unwrap();
        json!([call["function"]["name"], serde_json::from_str::<Value>(arguments).unwrap()])
    };
    stream.tool_calls().iter().map(call).collect()
}

/// The four tools as the Messages API declares them.
fn messages_tools() -> Value {
    let tool = |tool: &Value| json!({"name": tool["function"]["name"], "input_schema": tool["function"]["parameters"]});
    tools().iter().map(tool).collect()
}

#[tokio::test]
async fn every_reported_case_ends_as_it_should() {
    let cases = cases();
    assert!(!cases.is_empty());
    for model in ["xml", "json", "fence", "native"] {
        let site = site(model).await;
        for case in &cases {
            for one in case["tries"].as_array().unwrap() {
                if one["model"].as_str().unwrap_or("xml") != model {
                    continue;
                }
                let outcome = play(&site, one).await;
                let accepted = one["accept"].as_array().unwrap();
                assert!(
                    accepted.iter().any(|accepted| outcome.is(accepted)),
                    "{} {}: {} asked {} times, {:?} {:?} good end {}\n{}",
                    case["id"],
                    one["name"],
                    outcome.status,
                    outcome.asked,
                    outcome.calls,
                    outcome.text,
                    outcome.good_end,
                    outcome.prompt,
                );
            }
        }
    }
}
