//! What new-api must be sent, whatever a site sends: golden streams of every way in which an answer may come and end.
//!
//! Facts: how new-api reads an OpenAI channel's stream and makes an Anthropic message of it (read 2026-08). Each case is
//! a row of its tables; a golden file holds what a gateway gets of it from each of the adapter's APIs.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use support::world::{AdapterClient, World};

use crate::chat::{SITE_FILE, unique_removed};

mod asked;
mod begun;
mod cases;
mod gateway;
mod places;
mod ways;

use cases::ContractCase;

/// The APIs that answer with a stream, and how each is asked one question.
const PATHS: [&str; 4] =
    ["/v1/chat/completions", "/claude/v1/chat/completions", "/v1/messages", "/v1/responses"];

/// The same below the base URL of a gateway: they differ where an answer fails.
const BEHIND: [&str; 4] =
    ["/new-api/v1/chat/completions", "/new-api/v1/messages", "/claude/v1/messages", "/new-api/v1/responses"];

/// Each case is asked for with a stream and then without: a second turn, and not the first one once more.
const RESEND: (&str, &str) = ("LATCHKEY_RESEND", "off");

/// An adapter whose site may be silent for a moment only.
async fn world() -> World {
    let file = SITE_FILE.replace("concurrency = 4", "concurrency = 4\nidle = \"1s\"");
    let start = World::start().without_broker().with_session("alice").site_file(file);
    start.adapter_env(RESEND.0, RESEND.1).await
}

pub(crate) fn question(stream: bool) -> Value {
    let parameters = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let function = json!({"name": "read", "description": "Reads.", "parameters": parameters});
    json!({
        "model": "practice-1", "max_tokens": 100, "stream": stream,
        "messages": [{"role": "user", "content": "hi"}], "input": "hi",
        "tools": [{"type": "function", "function": function, "name": "read", "input_schema": parameters}],
    })
}

#[tokio::test]
async fn every_end_leaves_as_the_gateway_reads_it() {
    all_golden(&cases::ends(), &PATHS).await;
}

#[tokio::test]
async fn every_call_leaves_as_the_gateway_reads_it() {
    all_golden(&cases::calls(), &PATHS).await;
}

#[tokio::test]
async fn every_failure_leaves_as_the_gateway_reads_it() {
    all_golden(&cases::failures(), &[PATHS, BEHIND].concat()).await;
}

#[tokio::test]
async fn a_pause_is_bridged_in_the_words_of_each_api() {
    let start = World::start().without_broker().with_session("alice");
    let start = start.adapter_env(RESEND.0, RESEND.1);
    let world = start.adapter_env("LATCHKEY_HEARTBEAT", "100ms").await;

    assert_golden(&world, &cases::pause(), &PATHS).await;

    world.stop().await;
}

async fn all_golden(cases: &[ContractCase], paths: &[&str]) {
    let world = world().await;
    for case in cases {
        assert_golden(&world, case, paths).await;
    }
    world.stop().await;
}

async fn assert_golden(world: &World, case: &ContractCase, paths: &[&str]) {
    let golden = golden(world, case, paths).await;
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("contract/golden");
    settings.set_description(case.row);
    settings.bind(|| insta::assert_snapshot!(case.name, golden));
}

/// What each API makes of one case, streamed and whole.
async fn golden(world: &World, case: &ContractCase, paths: &[&str]) -> String {
    let mut golden = String::new();
    for path in paths {
        for stream in [true, false] {
            world.practice.model().will(case.reply.clone());
            let answered = Answered::read(&world.adapter(), path, &question(stream)).await;
            answered.assert_well_formed(path, stream, case);
            golden += &answered.show(path, stream);
        }
    }
    golden
}

/// A stream in which each silence is bridged once: how often it is depends on the clock.
fn without_repeats(body: &str) -> String {
    let mut events: Vec<&str> = body.split_inclusive("\n\n").collect();
    let bridges = |event: &str| event.starts_with(": hb") || event.contains("\":\"\"}}");
    events.dedup_by(|next, last| next == last && bridges(next));
    events.concat()
}

/// An answer, and whether its body ended as HTTP wants it.
struct Answered {
    status: u16,
    content_type: String,
    body: String,
    whole: bool,
}

impl Answered {
    async fn read(adapter: &AdapterClient, path: &str, body: &Value) -> Self {
        Self::of(adapter.request(Method::POST, path, Some(body)).send().await.unwrap()).await
    }

    async fn of(mut response: Response) -> Self {
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-oneapi-request-id").len(), 26);
        let status = response.status().as_u16();
        let content_type = header("content-type");
        let mut bytes = Vec::new();
        let whole = loop {
            match response.chunk().await {
                Ok(Some(more)) => bytes.extend_from_slice(&more),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        Self { status, content_type, body: String::from_utf8(bytes).unwrap(), whole }
    }

    fn show(&self, path: &str, stream: bool) -> String {
        let asked = if stream { "streamed" } else { "whole" };
        let ended = if self.whole { "" } else { "(the connection breaks)\n" };
        let body = unique_removed(&without_repeats(&self.body));
        format!("== {path}, {asked}: {}\n{}\n{ended}\n", self.status, body.trim_end())
    }

    /// That nobody takes a stream that failed for an answer, nor for a question to be asked again into this answer.
    fn assert_broken(&self, path: &str, case: &str) {
        let Self { body, whole, .. } = self;
        let what = || format!("{case} at {path}: {body}");
        assert_eq!(self.content_type, "text/event-stream", "{}", what());
        match path {
            "/v1/chat/completions" | "/new-api/v1/chat/completions" => {
                let read = gateway::read(body).unwrap();
                assert!(read.error && !read.ended && !whole, "{}", what());
            }
            "/claude/v1/chat/completions" => {
                let read = gateway::read(body).unwrap();
                assert!(!read.error && !read.ended && !whole && read.chunks > 1, "{}", what());
            }
            "/v1/messages" => {
                let told = body.contains("event: message_start") && body.contains("event: error");
                assert!(told && !body.contains("message_stop") && !whole, "{}", what());
            }
            "/new-api/v1/messages" | "/claude/v1/messages" => {
                let told = body.contains("event: error") || body.contains("message_stop");
                assert!(body.contains("event: message_start") && !told && !whole, "{}", what());
            }
            _ => {
                let told =
                    body.contains("event: response.created") && body.contains("event: response.failed");
                assert!(told && !body.contains("response.completed") && *whole, "{}", what());
            }
        }
    }

    fn assert_well_formed(&self, path: &str, stream: bool, case: &ContractCase) {
        let what = || format!("{} at {path}: {}", case.name, self.body);
        let streamed = self.status == 200 && stream;
        let expected = if streamed { "text/event-stream" } else { "application/json" };
        assert_eq!(self.content_type, expected, "{}", what());
        assert!(![401, 403, 404].contains(&self.status), "{}", what());
        if streamed && path.ends_with("/chat/completions") {
            let read = gateway::read(&self.body).unwrap_or_else(|why| panic!("{why} in {}", what()));
            assert_eq!(read.ended, self.whole, "{}", what());
            let told = read.error && !path.starts_with("/claude");
            assert!(read.ended || told || path.starts_with("/claude"), "{}", what());
            assert!(read.chunks > 1 || told, "a message of nothing: {}", what());
        }
    }
}
