//! `[session]`: what the page sent with the question, and where it has that from.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    answer::{RecordedAnswer, path},
    toml,
};
use crate::browser::RecordedExchange;

pub(super) fn draft(seen: &RecordedAnswer<'_>, asked: &RecordedExchange) -> String {
    let mut text = String::from("[session]\n");
    let names: Vec<Value> = seen.cookies.iter().map(|(name, _)| Value::from(pattern(name))).collect();
    if !names.is_empty() {
        text += "# VERIFY: leave out what only counts or decorates; each must be there after signing in.\n";
        text += &format!("cookies = {}\n", toml::inline(&Value::Array(names)));
    }
    match bearer(asked).map(|token| place(seen, &token)) {
        Some(place) => text += &format!("bearer = {place}\n"),
        None if seen.cookies.is_empty() => {
            text += "# VERIFY: nothing was found that signs the requests.\ncookies = [\"session\"]\n";
        }
        None => {}
    }
    text + "# VERIFY: how long the site keeps a session at most.\nlife = \"12h\"\n"
}

/// The token of the request that asks.
fn bearer(asked: &RecordedExchange) -> Option<SecretString> {
    let (_, value) = asked.headers.iter().find(|(name, _)| name == "authorization")?;
    let (scheme, token) = value.expose_secret().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

/// Where a token is kept, by its place alone.
fn place(seen: &RecordedAnswer<'_>, token: &SecretString) -> String {
    let token = token.expose_secret();
    let is = |value: &SecretString| {
        let value = value.expose_secret();
        value == token || serde_json::from_str::<String>(value).is_ok_and(|inner| inner == token)
    };
    for (word, items) in
        [("local_storage", seen.local), ("session_storage", seen.session), ("cookie", seen.cookies)]
    {
        if let Some((name, _)) = items.iter().find(|(_, value)| is(value)) {
            return format!("{{ {word} = {} }}", Value::from(name.as_str()));
        }
    }
    for exchange in &seen.tape.exchanges {
        let answer = exchange.answer.as_deref().and_then(|answer| serde_json::from_str::<Value>(answer).ok());
        let found = answer.as_ref().and_then(|answer| {
            toml::texts(answer).into_iter().find(|(_, text)| *text == token).map(|(pointer, _)| pointer)
        });
        if let (Some(pointer), Some(path)) = (found, path(seen.base_url, &exchange.url)) {
            let path = path.split('?').next().unwrap_or(path);
            return format!("{{ response = {path:?}, pointer = {pointer:?} }}");
        }
    }
    "{ request = \"/\" } # VERIFY: it is kept where no place was found".to_owned()
}

/// A name that ends in what is new each time is a prefix.
fn pattern(name: &str) -> String {
    let is_word = |part: &str| part.len() > 2 && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_random = |rest: &str| {
        let mixed = rest.bytes().any(|byte| byte.is_ascii_lowercase())
            && rest.bytes().any(|byte| !byte.is_ascii_lowercase());
        rest.len() >= 8 && mixed && !rest.split(['-', '_', '.']).any(is_word)
    };
    let ends = name.match_indices(['-', '_']).map(|(at, _)| at + 1);
    match ends.into_iter().find(|end| *end > 2 && is_random(&name[*end..])) {
        Some(end) => format!("{}*", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_is_new_each_time_becomes_a_prefix() {
        assert_eq!(pattern("access-token-Be_x9Yq2LmN"), "access-token-*");
        assert_eq!(pattern("access-token-unsecure-k3j9x8q2"), "access-token-unsecure-*");
        for plain in
            ["sid", "XSRF-TOKEN", "__Secure-next-auth.session-token", "practice_session", "connect.sid"]
        {
            assert_eq!(pattern(plain), plain);
        }
    }
}
