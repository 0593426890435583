//! `[chat]`: the request that asked, with placeholders for what differs each time, and how its answer is read.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    answer::{RecordedAnswer, RecordedQuestion, path},
    events, toml,
};
use crate::browser::RecordedExchange;

/// What differs from one question to the next, and how it is named.
#[derive(Default)]
struct VariableNames {
    /// Random values that the page made: value to name and kind.
    minted: BTreeMap<String, (String, &'static str)>,
    /// Values out of an earlier answer: value to name and pointer.
    taken: BTreeMap<String, (String, String)>,
    /// Values of the session, and what is written in their place.
    kept: Vec<(String, String)>,
}

/// Drafts the table, and the line of `[site]` that names the models.
pub(super) fn draft(seen: &RecordedAnswer<'_>, asked: &RecordedQuestion<'_>) -> (String, String) {
    let body: Value =
        asked.exchange.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    let model = body.get("model").and_then(Value::as_str);
    let models = match model {
        Some(model) => {
            format!("models = [{}] # VERIFY: or models_from, where the site lists them", Value::from(model))
        }
        None => "models = [\"default\"] # the site names none; clients call it this".to_owned(),
    };
    let at = path(seen.base_url, &asked.exchange.url).unwrap_or("/");
    let is_openai = body["messages"].is_array()
        && model.is_some()
        && asked.exchange.answer.as_deref().is_some_and(|answer| answer.contains("\"choices\""));
    let chat = if is_openai {
        format!(
            "# VERIFY: true if the site passes tools on to its model.\n[chat]\ntools = false\n\n\
             # VERIFY: how a dead session looks; other 401s are the model's.\n[chat.expired]\nstatus = [401]\n\n\
             [chat.openai]\npath = {at:?}\n"
        )
    } else {
        declared(seen, asked, &body, model)
    };
    (chat, models)
}

/// `[chat.http]`.
fn declared(
    seen: &RecordedAnswer<'_>,
    asked: &RecordedQuestion<'_>,
    body: &Value,
    model: Option<&str>,
) -> String {
    let (streaming, stream) = stream(seen, asked);
    let mut names = VariableNames { kept: kept(seen), ..VariableNames::default() };
    let stream_path = streaming.and_then(|streaming| path(seen.base_url, &streaming.url)).unwrap_or_default();
    let between = streaming.map(|streaming| followers(seen, asked, streaming)).unwrap_or_default();
    let bodies: Vec<Value> = between.iter().map(|exchange| json(exchange.body.as_deref())).collect();
    for body in std::iter::once(body).chain(&bodies) {
        names.find(body, &asked.text, model);
    }
    for exchange in std::iter::once(&asked.exchange).chain(&between).filter(|_| !stream_path.is_empty()) {
        names.take(&json(exchange.answer.as_deref()), stream_path);
    }
    let mut text = "[chat]\ntools = false\n\n# VERIFY: how a dead session looks.\n[chat.expired]\nstatus = [401]\n\n[chat.http]\n".to_owned();
    let minted: Vec<String> =
        names.minted.values().map(|(name, kind)| format!("{name} = {kind:?}")).collect();
    if !minted.is_empty() {
        text += &format!("mint = {{ {} }}\n", minted.join(", "));
    }
    text += "\n# VERIFY: what else in it is of one conversation, one account or one day.\n";
    text += &request(seen, asked.exchange, &names, &names.fill(body, &asked.text, model));
    for (exchange, body) in between.into_iter().zip(&bodies) {
        text += "\n# VERIFY: the same.\n";
        text += &request(seen, exchange, &names, &names.fill(body, &asked.text, model));
    }
    if !stream_path.is_empty() {
        text += &format!("\n[[chat.http.requests]]\npath = {:?}\n", names.in_path(stream_path));
    }
    text + "\n" + &stream
}

/// One request with a body.
fn request(
    seen: &RecordedAnswer<'_>,
    exchange: &RecordedExchange,
    names: &VariableNames,
    template: &Value,
) -> String {
    let at = names.in_path(path(seen.base_url, &exchange.url).unwrap_or("/"));
    let method = &exchange.method;
    let json = toml::inline(template);
    let mut text = format!("[[chat.http.requests]]\nmethod = {method:?}\npath = {at:?}\njson = {json}\n");
    let headers = headers(seen, exchange);
    if !headers.is_empty() {
        text += &format!("headers = {{ {} }}\n", headers.join(", "));
    }
    let answer = self::json(exchange.answer.as_deref());
    let own = |(name, pointer): &&(String, String)| {
        answer.pointer(pointer).and_then(Value::as_str).is_some_and(|value| names.is_taken(value, name))
    };
    let taken: Vec<String> =
        names.taken.values().filter(own).map(|(name, pointer)| format!("{name} = {pointer:?}")).collect();
    if !taken.is_empty() {
        text += &format!("take = {{ {} }}\n", taken.join(", "));
    }
    text
}

/// The requests between the one that asks and its stream without which that would not be: the stream, or its path, has
/// in it what they were answered.
fn followers<'a>(
    seen: &RecordedAnswer<'a>,
    asked: &RecordedQuestion<'_>,
    streaming: &RecordedExchange,
) -> Vec<&'a RecordedExchange> {
    let all = &seen.tape.exchanges;
    let at = |wanted: &RecordedExchange| all.iter().position(|exchange| std::ptr::eq(exchange, wanted));
    let (Some(first), Some(last)) = (at(asked.exchange), at(streaming)) else { return Vec::new() };
    let stream = format!("{} {}", streaming.url, streaming.answer.as_deref().unwrap_or_default());
    let is_id = |text: &str| {
        text.len() >= 6
            && text.bytes().any(|byte| byte.is_ascii_digit())
            && !text.contains(char::is_whitespace)
    };
    let between = all.get(first + 1..last).unwrap_or_default().iter();
    between
        .filter(|exchange| exchange.body.is_some() && path(seen.base_url, &exchange.url).is_some())
        .filter(|exchange| {
            let answer = json(exchange.answer.as_deref());
            toml::texts(&answer).iter().any(|(_, text)| is_id(text) && stream.contains(text))
        })
        .collect()
}

/// Values of the session, and what is written in their place: no token gets into a file.
fn kept(seen: &RecordedAnswer<'_>) -> Vec<(String, String)> {
    use secrecy::ExposeSecret;

    let cookies = seen.cookies.iter().map(|(name, value)| (value, format!("{{cookie.{name}}}")));
    let local = seen.local.iter().map(|(key, value)| (value, format!("VERIFY: {key} of localStorage")));
    let session = seen.session.iter().map(|(key, value)| (value, format!("VERIFY: {key} of sessionStorage")));
    let all =
        cookies.chain(local).chain(session).map(|(value, place)| (value.expose_secret().to_owned(), place));
    all.filter(|(value, _)| value.len() >= 8).collect()
}

fn json(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The exchange whose answer is the stream, if it is not the one that asked, and its table.
fn stream<'a>(
    seen: &RecordedAnswer<'a>,
    asked: &RecordedQuestion<'a>,
) -> (Option<&'a RecordedExchange>, String) {
    let is_stream = |exchange: &RecordedExchange| {
        exchange.content_type.contains("event-stream") || exchange.content_type.contains("ndjson")
    };
    let own = events::draft(asked.exchange, seen.shown);
    let later = seen
        .tape
        .exchanges
        .iter()
        .filter(|exchange| asked.exchange.after <= exchange.after && is_stream(exchange));
    let mut later: Vec<(&RecordedExchange, String)> =
        later.filter_map(|exchange| Some((exchange, events::draft(exchange, seen.shown)?))).collect();
    // A page may open several: first what it shows.
    later.sort_by_key(|(exchange, _)| !events::is_shown(exchange, seen.shown));
    let later = later.into_iter().next();
    match (own.filter(|_| is_stream(asked.exchange) || later.is_none()), later) {
        (Some(own), _) => (None, own),
        (None, Some((exchange, stream))) => (Some(exchange), stream),
        (None, None) => (
            None,
            "# VERIFY: no answer was found; how it comes, and where its text is.\n[chat.http.stream]\nformat = \"text\"\nbody_ends = true\n".to_owned(),
        ),
    }
}

/// Headers of the page's own that have their value from the session, by its place.
fn headers(seen: &RecordedAnswer<'_>, asked: &RecordedExchange) -> Vec<String> {
    use secrecy::ExposeSecret;

    let mut found = Vec::new();
    for (name, value) in asked.headers.iter().filter(|(name, _)| name.starts_with("x-")) {
        let is = |(_, kept): &&(String, secrecy::SecretString)| kept.expose_secret() == value.expose_secret();
        let cookie = seen.cookies.iter().find(is).map(|(key, _)| format!("{{cookie.{key}}}"));
        let local = || seen.local.iter().find(is).map(|(key, _)| format!("{{local_storage.{key}}}"));
        found.extend(cookie.or_else(local).map(|from| format!("{} = {from:?}", toml::key(name))));
    }
    found
}

impl VariableNames {
    /// Finds the random values in a body.
    fn find(&mut self, body: &Value, question: &str, model: Option<&str>) {
        for (pointer, text) in toml::texts(body) {
            let fixed = text == question || Some(text) == model || self.kept_at(text).is_some();
            if let Some(kind) = random(text).filter(|_| !fixed && !self.minted.contains_key(text)) {
                let name = self
                    .free(pointer.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or("value"));
                self.minted.insert(text.to_owned(), (name, kind));
            }
        }
    }

    /// Finds values of an answer in the path of the next request.
    fn take(&mut self, answer: &Value, next: &str) {
        for (pointer, text) in toml::texts(answer) {
            if text.len() >= 6 && next.contains(text) && !self.minted.contains_key(text) {
                let name = self.free(pointer.rsplit('/').next().unwrap_or("value"));
                self.taken.insert(text.to_owned(), (name, pointer));
            }
        }
    }

    /// Whether a value is the one with this name.
    fn is_taken(&self, value: &str, name: &str) -> bool {
        self.taken.get(value).is_some_and(|(known, _)| known == name)
    }

    /// What is written in place of a value of the session.
    fn kept_at(&self, text: &str) -> Option<&str> {
        self.kept.iter().find(|(value, _)| value == text).map(|(_, place)| place.as_str())
    }

    /// A name that no other value has.
    fn free(&self, wanted: &str) -> String {
        let plain: String = wanted
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' })
            .collect();
        let fixed = ["prompt", "messages", "system", "model", "null", "bearer", ""];
        let used = |name: &str| {
            fixed.contains(&name)
                || self.minted.values().any(|(used, _)| used == name)
                || self.taken.values().any(|(used, _)| used == name)
        };
        let numbered = (2..).map(|number| format!("{plain}_{number}"));
        std::iter::once(plain.clone()).chain(numbered).find(|name| !used(name)).unwrap_or(plain)
    }

    fn all(&self) -> impl Iterator<Item = (&String, &String)> {
        let minted = self.minted.iter().map(|(value, (name, _))| (value, name));
        minted.chain(self.taken.iter().map(|(value, (name, _))| (value, name)))
    }

    fn in_path(&self, path: &str) -> String {
        self.all().fold(path.replace(['{', '}'], ""), |path, (value, name)| {
            path.replace(value, &format!("{{{name}}}"))
        })
    }

    /// The body with placeholders.
    fn fill(&self, value: &Value, question: &str, model: Option<&str>) -> Value {
        match value {
            Value::String(text) if text.trim() == question => "{prompt}".into(),
            Value::String(text) if Some(text.as_str()) == model => "{model}".into(),
            Value::String(text) if self.kept_at(text).is_some() => self.kept_at(text).into(),
            Value::String(text) => {
                let escaped = text.replace('{', "{{").replace('}', "}}");
                let named =
                    self.all().find(|(value, _)| *value == text).map(|(_, name)| format!("{{{name}}}"));
                named.unwrap_or_else(|| escaped.replace(question, "{prompt}")).into()
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item, question, model)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, field)| (key.clone(), self.fill(field, question, model))).collect()
            }
            plain => plain.clone(),
        }
    }
}

/// The kind of a value that a page makes by chance, if it looks like one.
fn random(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let hex = |byte: &u8| byte.is_ascii_hexdigit();
    let is_uuid = text.len() == 36
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if [8, 13, 18, 23].contains(&at) { *byte == b'-' } else { hex(byte) });
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let plain = bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    match text.len() {
        36 if is_uuid => Some("uuid"),
        32 if bytes.iter().all(hex) => Some("hex"),
        8..=16 if plain && digits > 0 && digits < text.len() => Some("alnum"),
        _ => None,
    }
}
