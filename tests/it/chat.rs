//! The adapter over HTTP: a real `run`, a private Redis, the practice site, and sessions that no browser made.

use std::time::Duration;

use support::{
    practice::PracticeOptions,
    world::{HttpAnswer, Streamed, World, WorldBuilder},
};

mod advice;
mod early;
mod edge;
mod effort;
mod encodings;
mod failover;
mod fields;
mod leases;
pub(super) mod log;
mod models;
mod network;
mod refusals;
mod shape;
mod shutdown;

pub(crate) const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");

/// An adapter alone, before a site with these accounts, all signed in.
fn adapter_with(usernames: &[&str]) -> WorldBuilder {
    let start = World::start().without_broker().practice(PracticeOptions::with_accounts(usernames));
    usernames.iter().fold(start, |start, username| start.with_session(username))
}

/// An adapter alone, with one account signed in.
fn adapter() -> WorldBuilder {
    adapter_with(&["alice"])
}

/// The practice site, told about as if it had a chat of its own.
pub(crate) fn declared() -> String {
    let head = SITE_FILE.split("[chat]").next().unwrap();
    let chat = r#"[chat]
tools = false
[[chat.http.requests]]
method = "POST"
path = "/api/chat/completions"
json = { model = "{model}", messages = "{messages}", stream = true }
[chat.http.stream]
format = "sse"
[[chat.http.stream.on]]
data = "[DONE]"
means = "end"
[[chat.http.stream.on]]
text = "/choices/0/delta/content"
"#;
    format!("{head}{chat}")
}

/// The practice site's file with another line of limits.
fn with_limits(limits: &str) -> String {
    SITE_FILE.replace("concurrency = 4", &format!("concurrency = 4\n{limits}"))
}

/// An error as the tests write it down: status, retry-after if there is one, body.
fn refusal(answer: &HttpAnswer) -> String {
    assert_id(answer.header("x-oneapi-request-id"));
    let body = unique_removed(&answer.body);
    match answer.header("retry-after") {
        "" => format!("{} {body}", answer.status),
        secs => format!("{} (retry after {secs} s) {body}", answer.status),
    }
}

/// The bytes of a stream, with what differs each time named.
fn bytes(stream: &Streamed) -> String {
    assert_eq!(stream.status, 200, "{}", stream.raw);
    assert_id(stream.header("x-oneapi-request-id"));
    unique_removed(&stream.raw)
}

fn assert_id(id: &str) {
    assert!(id.len() == 26 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "no request id: {id:?}");
}

/// Names ids and times instead of showing them.
pub(crate) fn unique_removed(text: &str) -> String {
    let text = replaced(text, "chatcmpl-", |byte| byte.is_ascii_alphanumeric(), "chatcmpl-[id]");
    let text = replaced(&text, "call_01", |byte| byte.is_ascii_alphanumeric(), "call_[minted]");
    let ids = [("msg_01", "msg_[id]"), ("resp_01", "resp_[id]"), ("rs_01", "rs_[id]"), ("fc_01", "fc_[id]")];
    let text = ids
        .into_iter()
        .fold(text, |text, (prefix, by)| replaced(&text, prefix, |byte| byte.is_ascii_alphanumeric(), by));
    let text = replaced(&text, "\"created_at\":", |byte| byte.is_ascii_digit(), "\"created_at\":[now]");
    replaced(&text, "\"created\":", |byte| byte.is_ascii_digit(), "\"created\":[now]")
}

fn replaced(text: &str, prefix: &str, belongs: impl Fn(&u8) -> bool, by: &str) -> String {
    let mut parts = text.split(prefix);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let length = part.bytes().take_while(|byte| belongs(byte)).count();
        out.push_str(by);
        out.push_str(&part[length..]);
    }
    out
}

/// For what comes at once, and not with a deadline of the adapter: the shortest is that of a client that may ask the same
/// again, 5 s.
const MOMENT: Duration = Duration::from_secs(4);
/// Until something is seen that nothing keeps from happening, on a machine that builds meanwhile.
const SOON: Duration = Duration::from_secs(10);
