//! Takes secrets out of a case: bearers, cookies, keys, tokens, mail addresses, the names of home directories.
//!
//! Each becomes something of the same length, and the same for the same secret. A stream is cleaned as what it says and not as it came: a secret may be in two of its pieces.

use std::{collections::BTreeMap, ops::Range};

use serde_json::{Map, Value};

use super::{
    kept::{ReplayCase, SiteAnswer},
    told::ClientAnswer,
};

/// Fields and words whose values are secrets.
const NAMES: [&str; 14] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api_key",
    "api-key",
    "apikey",
    "token",
    "access_token",
    "password",
    "passwd",
    "secret",
    "session_id",
];
/// Of these, those after which the whole rest of a line is secret.
const LINES: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
/// Words after which a secret stands.
const SCHEMES: [&str; 2] = ["bearer", "basic"];
/// How well-known keys begin.
const BEGINNINGS: [&str; 9] = ["sk-", "sk_", "pk-", "ghp_", "gho_", "xoxb-", "xoxp-", "AKIA", "eyJ"];
/// Fields of a request that say who asks, and nothing else.
const WHO: [&str; 3] = ["metadata", "user", "safety_identifier"];
/// What the names of people stand behind in a path.
const HOMES: [&str; 2] = [concat!("/ho", "me/"), concat!("/ro", "ot")];
/// A word so long, of letters and digits, is a key and no word.
const RANDOM: usize = 32;

/// Cleans a case.
pub fn clean(case: &mut ReplayCase) {
    let mut cleaner = Cleaner::default();
    if let Value::Object(fields) = &mut case.request {
        WHO.iter().for_each(|who| drop(fields.remove(*who)));
    }
    cleaner.values(&mut case.request);
    for answer in &mut case.answers {
        if let SiteAnswer::Stream { lines, .. } = answer {
            cleaner.stream(lines);
        }
    }
    for ClientAnswer { text, calls, .. } in [&mut case.got, &mut case.expected] {
        *text = cleaner.text(text);
        calls.iter_mut().for_each(|(_, arguments)| cleaner.values(arguments));
    }
    case.about = cleaner.text(&case.about);
}

/// Remembers what it took out, so that the same becomes the same.
#[derive(Debug, Default)]
struct Cleaner(BTreeMap<String, String>);

impl Cleaner {
    fn text(&mut self, text: &str) -> String {
        let mut cleaned = String::with_capacity(text.len());
        let mut at = 0;
        for range in secrets(text) {
            cleaned.push_str(&text[at..range.start]);
            cleaned.push_str(&self.mask(&text[range.clone()]));
            at = range.end;
        }
        cleaned + &text[at..]
    }

    /// As many characters, of which the last ones tell it from others.
    fn mask(&mut self, secret: &str) -> String {
        let number = self.0.len() + 1;
        let masked = self.0.entry(secret.to_owned()).or_insert_with(|| {
            let length = secret.chars().count();
            let number = number.to_string();
            let number = &number[number.len().saturating_sub(length)..];
            "x".repeat(length - number.len()) + number
        });
        masked.clone()
    }

    fn values(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(all) => all.iter_mut().for_each(|value| self.values(value)),
            Value::Object(fields) => self.fields(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn fields(&mut self, fields: &mut Map<String, Value>) {
        for (name, value) in fields {
            match value {
                Value::String(text) if is_named(name) => *text = self.mask(text),
                value => self.values(value),
            }
        }
    }

    /// The texts of a stream, each put together out of all its pieces, cleaned, and cut up again.
    fn stream(&mut self, lines: &mut [String]) {
        let mut events: Vec<Option<Value>> = lines
            .iter()
            .map(|line| line.strip_prefix("data:").and_then(|data| serde_json::from_str(data).ok()))
            .collect();
        let mut texts: BTreeMap<String, Vec<&mut String>> = BTreeMap::new();
        for (number, event) in events.iter_mut().flatten().enumerate() {
            leaves(event, String::new(), number, &mut texts);
        }
        for pieces in texts.into_values() {
            let whole: String = pieces.iter().map(|piece| piece.as_str()).collect();
            let cleaned: Vec<char> = self.text(&whole).chars().collect();
            let mut at = 0;
            for piece in pieces {
                let length = piece.chars().count();
                *piece = cleaned[at..at + length].iter().collect();
                at += length;
            }
        }
        for (line, event) in lines.iter_mut().zip(events) {
            *line = match event {
                Some(event) => format!("data: {event}"),
                None => self.text(line),
            };
        }
    }
}

/// The texts in a value by where they are in it; those of deltas are pieces of one, others stand for themselves.
fn leaves<'a>(
    value: &'a mut Value,
    path: String,
    number: usize,
    texts: &mut BTreeMap<String, Vec<&'a mut String>>,
) {
    match value {
        Value::String(text) => {
            let key = if path.contains("/delta/") { path } else { format!("{number}{path}") };
            texts.entry(key).or_default().push(text);
        }
        Value::Array(all) => {
            for (at, value) in all.iter_mut().enumerate() {
                leaves(value, format!("{path}/{at}"), number, texts);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(value, format!("{path}/{name}"), number, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_named(name: &str) -> bool {
    NAMES.contains(&name.to_ascii_lowercase().as_str())
}

/// Where secrets are in a text, in order.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut before = String::new();
    for word in words(text) {
        if found.last().is_some_and(|range| word.start < range.end) {
            continue;
        }
        let range = secret(text, &before, word.clone());
        before = text[word].to_ascii_lowercase();
        found.extend(range);
    }
    found
}

/// Where a secret is that begins with this word, or in it.
fn secret(text: &str, before: &str, word: Range<usize>) -> Option<Range<usize>> {
    let this = &text[word.clone()];
    let is_told =
        is_named(before) && text[..word.start].trim_end_matches(['"', '\'', ' ', '\\']).ends_with([':', '=']);
    if is_told && LINES.contains(&before) {
        let rest = text[word.start..].find(['\n', '\r', '"']).map_or(text.len(), |end| word.start + end);
        return Some(word.start..rest);
    }
    if let Some((name, value)) = this.split_once('=')
        && is_named(name)
        && !value.is_empty()
    {
        return Some(word.start + name.len() + 1..word.end);
    }
    if let Some((at, home)) = HOMES.iter().find_map(|home| Some((this.find(home)?, home))) {
        let name = at + home.len();
        let rest = this[name..].find('/').map_or(this.len(), |end| name + end);
        return Some(word.start + at + 1..word.start + rest);
    }
    let is_mail = this.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let is_key = BEGINNINGS.iter().any(|beginning| this.starts_with(beginning)) && this.len() >= 16;
    let follows = SCHEMES.contains(&before) && this.len() >= 6;
    (is_told || is_mail || is_key || follows || is_random(this)).then_some(word)
}

/// Long, of letters and digits, and no path.
fn is_random(word: &str) -> bool {
    let has = |wanted: fn(&char) -> bool| word.chars().any(|letter| wanted(&letter));
    // Ids of calls tie calls to their results, and are nobody's secret.
    let is_id = ["call_", "toolu_", "chatcmpl-", "msg_"].iter().any(|beginning| word.starts_with(beginning));
    let plain = word.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-=+".contains(letter));
    word.len() >= RANDOM && plain && !is_id && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic)
}

/// The words of a text: of all that keys and addresses are made of.
fn words(text: &str) -> Vec<Range<usize>> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_-.+/=@~%".contains(letter);
    let mut words = Vec::new();
    let mut start = None;
    for (at, letter) in text.char_indices() {
        match (start, is_part(letter)) {
            (None, true) => start = Some(at),
            (Some(begun), false) => {
                words.push(begun..at);
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|begun| begun..text.len()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        Cleaner::default().text(text)
    }

    #[test]
    fn secrets_go_and_words_stay() {
        let home = HOMES[0];
        let text = format!(
            "Authorization: Bearer abc.def-123 x\nsend Bearer abc.def-123 now\nCookie: a=b; c=d\n\
             mail alice@example.org, please\npassword=hunter2&a=b\n\"token\": \"hunter22\"\n\
             sk-0123456789abcdefgh\nin {home}alice/src/a.rs"
        );

        let lines = [
            "Authorization: xxxxxxxxxxxxxxxxxxx1",
            "send Bearer xxxxxxxxxx2 now",
            "Cookie: xxxxxxx3",
            "mail xxxxxxxxxxxxxxxx4, please",
            "password=xxxxxx5&a=b",
            "\"token\": \"xxxxxxx6\"",
            "xxxxxxxxxxxxxxxxxxxx7",
            "in /xxxxxxxxx8/src/a.rs",
        ];
        assert_eq!(cleaned(&text).lines().collect::<Vec<_>>(), lines);
        let words = "the token is a word; see src/lib.rs and call_01jd9z6v8w0000000000000001_0";
        assert_eq!(cleaned(words), words);
    }

    #[test]
    fn a_secret_in_two_pieces_goes() {
        let mut lines = ["key sk-01234567", "89abcdef ok"]
            .map(|text| format!("data: {{\"delta\":{{\"text\":\"{text}\"}},\"model\":\"big-1\"}}"));

        Cleaner::default().stream(&mut lines);

        let cleaned = ["key xxxxxxxxxxx", "xxxxxxx1 ok"];
        let line = |text| format!("data: {{\"delta\":{{\"text\":\"{text}\"}},\"model\":\"big-1\"}}");
        assert_eq!(lines, cleaned.map(line));
    }
}
