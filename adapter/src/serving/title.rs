//! The title of a conversation, made here: clients ask for one beside the first turn, and a site would spend a
//! conversation on it.

use serde_json::json;

use crate::openai::request::ChatRequest;

/// How clients ask for a title: OpenCode 1.18, Claude Code 2.1, and Claude Code before it (2026-11).
const TITLES: [&str; 3] = [
    "You are a title generator",
    "Generate a concise, sentence-case title",
    "Analyze if this message indicates a new conversation topic",
];
/// The last of these wants to know that, too.
const TOPIC: usize = 2;
/// Longer ones are cut by the clients.
const LIMIT_CHARS: usize = 50;

/// The answer to a request for a title; none if it is another request.
pub(super) fn of(request: &ChatRequest) -> Option<String> {
    if !request.tools.is_empty() {
        return None;
    }
    let of = |role: &'static str| request.messages.iter().filter(move |message| message.role() == role);
    let system: String = of("system").map(|message| message.texts().join(" ")).collect();
    let kind = TITLES.iter().position(|words| system.contains(words))?;
    let title = of("user").rev().map(|message| title(&message.text())).find(|title| !title.is_empty());
    let title = title.unwrap_or_else(|| "New conversation".to_owned());
    if kind == TOPIC {
        return Some(json!({"isNewTopic": true, "title": title}).to_string());
    }
    let as_json = request.rest.get("response_format").is_some_and(|raw| raw.get().contains("json"));
    Some(if as_json { json!({"title": title}).to_string() } else { title })
}

/// The first words that a person wrote.
fn title(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some((before, rest)) = text.split_once("<system-reminder>") {
        let after = rest.split_once("</system-reminder>").map_or("", |(_, after)| after);
        text = format!("{before}{after}");
    }
    let mut title = String::new();
    for word in text.split_whitespace() {
        if LIMIT_CHARS < title.chars().count() + word.chars().count() {
            break;
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    title
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn answer(system: &str, user: &str, more: &Value) -> Option<String> {
        let mut body = json!({"model": "m", "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of(&ChatRequest::parse(body.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn a_title_is_what_the_person_wrote_first() {
        let none = json!({});
        let long = "<system-reminder>x y</system-reminder> Please  rename the function\nthat reads the file of settings";

        assert_eq!(
            answer("You are a title generator. Be brief.", long, &none).unwrap(),
            "Please rename the function that reads the file of"
        );
        let format = json!({"response_format": {"type": "json_schema", "json_schema": {}}});
        assert_eq!(
            answer("Generate a concise, sentence-case title.", "Hi", &format).unwrap(),
            r#"{"title":"Hi"}"#
        );
        assert_eq!(answer("You are a title generator", " ", &none).unwrap(), "New conversation");
    }

    #[test]
    fn whatever_else_is_asked_goes_to_the_site() {
        assert_eq!(answer("You are a coding agent.", "Hi", &json!({})), None);
        let tools = json!({"tools": [{"type": "function", "function": {"name": "read"}}]});
        assert_eq!(answer("You are a title generator", "Hi", &tools), None);
    }
}
