//! `[probe]`: a GET whose JSON answer named the user.

use serde_json::Value;
use url::Url;

use super::{
    answer::{RecordedAnswer, path},
    login, toml,
};
use crate::browser::{RecordedExchange, RecordedTraffic};

/// Keys under which sites tell who is signed in.
const KEYS: [&str; 6] = ["email", "username", "user", "login", "name", "sub"];

pub(super) fn names_user(tape: &RecordedTraffic, base_url: &Url) -> bool {
    let username = login::typed_username(tape);
    let mut answers = tape.exchanges.iter().filter_map(|exchange| answer(base_url, exchange));
    answers.any(|(_, answer)| toml::texts(&answer).iter().any(|(_, text)| Some(*text) == username))
}

pub(super) fn draft(seen: &RecordedAnswer<'_>) -> String {
    let username = login::typed_username(seen.tape);
    let answers: Vec<(&str, Value)> =
        seen.tape.exchanges.iter().filter_map(|exchange| answer(seen.base_url, exchange)).collect();
    for (path, answer) in &answers {
        let named = toml::texts(answer).into_iter().find(|(_, text)| Some(*text) == username);
        if let Some((pointer, _)) = named {
            return table(path, &pointer, "equals = \"{username}\"\n");
        }
    }
    for (path, answer) in &answers {
        let named = toml::texts(answer).into_iter().find(|(pointer, text)| {
            !text.is_empty() && pointer.rsplit('/').next().is_some_and(|key| KEYS.contains(&key))
        });
        if let Some((pointer, _)) = named {
            return table(path, &pointer, "# VERIFY: is it there only for who is signed in?\n");
        }
    }
    table(
        "/api/me",
        "/username",
        "# VERIFY: no GET that names the user was seen; look for one in the page's requests.\n",
    )
}

fn table(path: &str, pointer: &str, more: &str) -> String {
    format!("[probe]\npath = {path:?}\npointer = {pointer:?}\n{more}")
}

/// The JSON that a GET of the site was answered.
fn answer<'a>(base_url: &Url, exchange: &'a RecordedExchange) -> Option<(&'a str, Value)> {
    let fits = exchange.method == "GET" && exchange.status == Some(200);
    let path = path(base_url, &exchange.url).filter(|path| fits && !path.contains('?'))?;
    let answer: Value = serde_json::from_str(exchange.answer.as_deref()?).ok()?;
    answer.is_object().then_some((path, answer))
}
