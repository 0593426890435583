//! Answers as snapshots: what differs from run to run has a name instead.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

const PROBLEM: &str = "application/problem+json";

/// An answer: status, type, the headers that matter, and the body.
pub(crate) async fn shown(answer: Response) -> String {
    let status = answer.status();
    let mut text = status.to_string();
    for name in ["content-type", "location", "allow", "www-authenticate", "retry-after"] {
        if let Some(value) = answer.headers().get(name).filter(|value| *value != PROBLEM) {
            text += &format!("\n{name}: {}", value.to_str().unwrap());
        }
    }
    assert!(answer.headers().contains_key("x-request-id"), "an answer without a request id");
    let is_problem = answer.headers().get("content-type").is_some_and(|kind| kind == PROBLEM);
    let body = answer.text().await.unwrap();
    if is_problem {
        text += &format!("\n{}", problem(status, &body));
    } else if !body.is_empty() {
        let pretty =
            serde_json::from_str::<Value>(&body).map(|json| serde_json::to_string_pretty(&json).unwrap());
        text += &format!("\n\n{}", pretty.unwrap_or(body));
    }
    redacted(&text)
}

/// A problem in a few lines. What follows from its status and its code is held, and it has no other member.
pub(super) fn problem(status: StatusCode, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    let word = |name: &str| body[name].as_str().unwrap();
    let [code, title, detail] = ["code", "title", "detail"].map(word);
    let kind = format!("urn:latchkey:problem:{code}");
    let status = status.as_u16();
    let mut whole = json!({"type": kind, "title": title, "status": status, "detail": detail, "code": code});
    let mut text = format!("{code}: {title}\n{detail}");
    if let Some(field) = body.get("field") {
        whole["field"] = field.clone();
        text += &format!("\nfield: {}", word("field"));
    }
    assert_eq!(body, whole);
    text
}

/// Replaces ids, times, durations and ports.
pub(crate) fn redacted(text: &str) -> String {
    let mut redacted = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let starts_word = !redacted.ends_with(|last: char| last.is_ascii_alphanumeric());
        let (length, name) = match starts_word.then(|| volatile(rest)).flatten() {
            Some(found) => found,
            None => (first.len_utf8(), ""),
        };
        redacted += if name.is_empty() { &rest[..length] } else { name };
        rest = &rest[length..];
    }
    redacted
}

/// What stands at the start of a text and differs from run to run: its length and its name.
fn volatile(text: &str) -> Option<(usize, &'static str)> {
    let run = |matches: fn(char) -> bool| text.find(|letter| !matches(letter)).unwrap_or(text.len());
    let word = run(|letter| letter.is_ascii_digit() || letter.is_ascii_uppercase());
    if word == 26 {
        return Some((word, "[id]"));
    }
    let time = run(|letter| letter.is_ascii_digit() || "-:.TZ".contains(letter));
    if time == 24 && text[..time].ends_with('Z') {
        return Some((time, "[time]"));
    }
    for host in ["127.0.0.1:", "localhost:"] {
        if let Some(port) = text.strip_prefix(host) {
            let digits = port.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(port.len());
            return Some((host.len() + digits, "[host]"));
        }
    }
    let before = "duration_ms\":";
    let after = text.strip_prefix(before)?;
    let digits = after.find(|letter: char| !letter.is_ascii_digit() && letter != ' ')?;
    let number = after[..digits].trim();
    (!number.is_empty()).then_some((before.len() + digits, "duration_ms\":[ms]"))
}
