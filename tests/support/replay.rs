//! Plays a case: a fresh adapter, and the practice site answering what the site of the case answered.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use latchkey_ops::case::{ClientAnswer, ReplayCase, SiteAnswer};
use reqwest::Method;
use serde_json::Value;

use crate::{
    model::Reply,
    world::{Streamed, World},
};

const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");

/// Plays a case and returns what the client is told now.
///
/// # Panics
/// When the world cannot be started.
pub async fn replay(case: &ReplayCase) -> ClientAnswer {
    let chat = match case.calls.as_str() {
        "untouched" | "native" => "tools = true".to_owned(),
        dialect => format!("tools = false\ndialect = \"{dialect}\""),
    };
    let mut site = SITE_FILE.replace("tools = true", &chat);
    if case.answers.iter().any(|answer| matches!(answer, SiteAnswer::Stream { how, .. } if how == "silent")) {
        site += "\n[limits]\nfirst_token = \"2s\"\nidle = \"2s\"\n";
    }
    let world = World::start().without_broker().with_session("alice").site_file(site).await;
    let model = world.practice.model();
    let left = Arc::new(Mutex::new(VecDeque::from(case.answers.clone())));
    let nonce = case.nonce.clone();
    model.always_with(move |request| match left.lock().unwrap().pop_front() {
        Some(answer) => reply(&answer, &nonce, request),
        None => Reply::status(503, &Value::Null),
    });
    let mut body = case.request.clone();
    body["model"] = "practice-1".into();
    body["stream"] = true.into();
    let request = world.adapter().request(Method::POST, &case.path, Some(&body));
    let response = request.send().await.unwrap();
    let told = match response.status().as_u16() {
        200 => {
            let streamed = Streamed::of(response).await;
            ClientAnswer::of_stream(&streamed.raw, streamed.complete)
        }
        status => ClientAnswer { end: format!("status {status}"), ..ClientAnswer::default() },
    };
    let asked = model.calls().len();
    world.stop().await;
    ClientAnswer { asked, ..told }
}

fn reply(answer: &SiteAnswer, nonce: &str, request: &Value) -> Reply {
    let (lines, how) = match answer {
        SiteAnswer::Stream { lines, how } => (lines, how.as_str()),
        SiteAnswer::Fault(fault) => return refusal(fault),
    };
    let stream = with_nonce(lines, nonce, &prompted(request).unwrap_or_else(|| nonce.to_owned()));
    match how {
        "cut" => Reply::new().bytes(stream).cut(),
        "silent" => Reply::new().bytes(stream).silence(),
        _ => Reply::raw(stream),
    }
}

fn refusal(fault: &str) -> Reply {
    match fault {
        "rate_limited" => Reply::rate_limited(1),
        "session_dead" => Reply::html(),
        _ => Reply::status(500, &Value::Null),
    }
}

/// How long a nonce is.
const NONCE_LETTERS: usize = 8;

/// The nonce that the adapter chose now: it stands in the opening tag that the prompt shows.
fn prompted(request: &Value) -> Option<String> {
    let messages = request["messages"].as_array()?.iter();
    let prompt: String = messages.filter_map(|message| message["content"].as_str()).collect();
    ["tool_calls_", "tool_call_"].iter().find_map(|opener| {
        let nonces = prompt.split(opener).skip(1).filter_map(|rest| rest.get(..NONCE_LETTERS));
        let mut nonces = nonces.filter(|nonce| nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        nonces.next().map(str::to_owned)
    })
}

/// The stream with another nonce in its tags, which may be in two of its pieces. Where it is longer
/// than the other was, all is one piece.
fn with_nonce(lines: &[String], old: &str, new: &str) -> String {
    if old.is_empty() || old == new {
        return lines.join("\n");
    }
    let mut events: Vec<Option<Value>> = lines
        .iter()
        .map(|line| line.strip_prefix("data:").and_then(|data| serde_json::from_str(data).ok()))
        .collect();
    for field in ["content", "reasoning_content"] {
        let mut pieces: Vec<&mut String> = events
            .iter_mut()
            .flatten()
            .filter_map(|event| match event.pointer_mut(&format!("/choices/0/delta/{field}")) {
                Some(Value::String(text)) => Some(text),
                _ => None,
            })
            .collect();
        let whole: String = pieces.iter().map(|piece| piece.as_str()).collect();
        let whole = whole.replace(&format!("_{old}"), &format!("_{new}"));
        if old.len() != new.len() {
            pieces.iter_mut().for_each(|piece| piece.clear());
            if let Some(first) = pieces.first_mut() {
                whole.clone_into(first);
            }
            continue;
        }
        let mut at = 0;
        for piece in &mut pieces {
            let length = piece.len();
            whole[at..at + length].clone_into(*piece);
            at += length;
        }
    }
    let line = |(line, event): (&String, Option<Value>)| {
        event.map_or_else(|| line.clone(), |event| format!("data: {event}"))
    };
    lines.iter().zip(events).map(line).collect::<Vec<_>>().join("\n")
}
