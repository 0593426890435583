//! What is left of a Claude client's request when a gateway has made a chat of it, and how it is mended.
//!
//! Facts: new-api's conversion of Messages to chat completions (read 2026-08). It joins the blocks of the system prompt
//! without a separator, and writes a tool result that is made of blocks as one text: their JSON.

use serde_json::{Value, json};

use super::blocks::{part, reference};
use crate::openai::{message::Message, messages::texts};

/// Opens Claude Code's system prompt. It is for Anthropic's accounting, not for a model, and changes with each version.
const BILLING: &str = "x-anthropic-billing-header:";
/// How a text that is a list of objects stands in JSON.
const QUOTED_LIST: &str = r#""[{\""#;

/// A system prompt without its billing header: `name=value;` pairs, whatever follows them.
pub(crate) fn without_billing(text: &str) -> &str {
    let Some(mut rest) = text.strip_prefix(BILLING) else { return text };
    loop {
        let trimmed = rest.trim_start();
        let name = trimmed.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let Some(value) = trimmed[name..].strip_prefix('=').filter(|_| name > 0) else { return trimmed };
        let end = value.find(|letter: char| letter == ';' || letter.is_whitespace()).unwrap_or(value.len());
        rest = value[end..].trim_start_matches(';');
    }
}

/// Whether a gateway made this chat of a message of Claude Code: the billing header begins its first message. Where the
/// model's name is like one of OpenAI's, the gateway calls that a developer's.
pub(crate) fn is_claudes(messages: &[Message]) -> bool {
    let first = messages.first().filter(|message| message.json().contains(BILLING) && message.is_system());
    let content = first.map(|message| &message.value()["content"]);
    let text = content.and_then(|content| content.as_str().or_else(|| content[0]["text"].as_str()));
    text.is_some_and(|text| text.starts_with(BILLING))
}

/// The messages as the client meant them. Those that need no mending keep their bytes.
pub(crate) fn mended(messages: Vec<Message>) -> Vec<Message> {
    let mut mended = Vec::with_capacity(messages.len());
    // What is no text of results: a message of role tool has no place for it.
    let mut seen: Vec<Value> = Vec::new();
    for message in messages {
        let json = message.json();
        let suspicious = json.contains(QUOTED_LIST) || json.contains(BILLING) || !seen.is_empty();
        if !suspicious {
            mended.push(message);
            continue;
        }
        let value = message.value();
        let better = match message.role() {
            "tool" => result(value, &mut seen, &asked_for(value, &mended)),
            "system" | "developer" => system(value),
            "user" if !seen.is_empty() => Some(with_parts(value, std::mem::take(&mut seen))),
            _ => None,
        };
        if message.role() != "tool" && !seen.is_empty() {
            mended.push(person(&std::mem::take(&mut seen)));
        }
        mended.push(better.map_or(message, Message::of));
    }
    if !seen.is_empty() {
        mended.push(person(&seen));
    }
    mended
}

/// A tool's message, if its text is the JSON of blocks as a gateway's encoder writes it: a file that only looks alike
/// ends with a newline, or has spaces in it.
fn result(message: &Value, seen: &mut Vec<Value>, asked: &[String]) -> Option<Value> {
    let text = message["content"].as_str().filter(|text| text.starts_with("[{") && text.ends_with("}]"))?;
    let Ok(Value::Array(blocks)) = serde_json::from_str(text) else { return None };
    if !blocks.iter().all(is_block) {
        return None;
    }
    let is_reference = |block: &&Value| block["type"] == "tool_reference";
    seen.extend(blocks.iter().filter(|block| block["type"] != "text" && !is_reference(block)).flat_map(part));
    let mut said = texts(&blocks);
    // In their order, if each that was asked for was found.
    let count = blocks.iter().filter(is_reference).count();
    let mut asked = asked.iter().filter(|_| asked.len() == count);
    said.extend(blocks.iter().filter(is_reference).map(|block| {
        let asked = asked.next().map(String::as_str);
        reference(block["tool_name"].as_str().or(asked))
    }));
    let mut message = message.clone();
    message["content"] = said.join("\n").into();
    Some(message)
}

/// The tools that the call of a result selects by name, as Claude Code's search does: `select:Read,Edit`.
fn asked_for(result: &Value, before: &[Message]) -> Vec<String> {
    let Some(id) =
        result["tool_call_id"].as_str().filter(|_| result["content"].as_str().is_some_and(references))
    else {
        return Vec::new();
    };
    let near = before.iter().rev().filter(|message| message.json().contains(id));
    let call = near.flat_map(Message::calls).find(|call| call["id"] == id);
    let arguments = call.and_then(|call| call["function"]["arguments"].as_str());
    let arguments: Value =
        arguments.and_then(|arguments| serde_json::from_str(arguments).ok()).unwrap_or_default();
    let query = arguments["query"].as_str().and_then(|query| query.strip_prefix("select:"));
    query.into_iter().flat_map(|names| names.split(',')).map(|name| name.trim().to_owned()).collect()
}

fn references(text: &str) -> bool {
    text.contains("tool_reference")
}

/// Whether a value can only be a block of Anthropic's: other lists have types too.
fn is_block(value: &Value) -> bool {
    match value["type"].as_str() {
        Some("text") => value["text"].is_string(),
        Some("image" | "document") => value["source"].is_object(),
        Some("tool_reference") => true,
        Some(_) | None => false,
    }
}

fn system(message: &Value) -> Option<Value> {
    let mut message = message.clone();
    let first = match &mut message["content"] {
        Value::Array(parts) => parts.first_mut()?.get_mut("text")?,
        content => content,
    };
    let text = first.as_str().filter(|text| text.starts_with(BILLING))?;
    *first = without_billing(text).into();
    Some(message)
}

fn person(parts: &[Value]) -> Message {
    Message::of(json!({"role": "user", "content": parts}))
}

/// A person's message with parts before its own: two messages in a row are refused by many chat templates.
fn with_parts(message: &Value, mut parts: Vec<Value>) -> Value {
    let mut message = message.clone();
    match message["content"].take() {
        Value::String(text) => parts.push(json!({"type": "text", "text": text})),
        Value::Array(own) => parts.extend(own),
        _ => {}
    }
    message["content"] = parts.into();
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mend(messages: &Value) -> Value {
        let messages = messages.as_array().unwrap().iter().cloned().map(Message::of).collect();
        mended(messages).iter().map(|message| message.value().clone()).collect()
    }

    fn tool(content: &str) -> Value {
        json!({"role": "tool", "name": "Read", "tool_call_id": "a", "content": content})
    }

    #[test]
    fn blocks_in_a_text_are_text_and_pictures_again() {
        let png = json!({"type": "base64", "media_type": "image/png", "data": "AAAA"});
        let blocks = json!([{"type": "text", "text": "one"}, {"type": "image", "source": png}, {"type": "text", "text": "two"}]);
        let picture = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
        let asked = json!({"role": "user", "content": "And?"});

        let messages = json!([tool(&blocks.to_string()), tool("plain"), asked]);

        let parts = json!([picture, {"type": "text", "text": "And?"}]);
        let expected = json!([tool("one\ntwo"), tool("plain"), {"role": "user", "content": parts}]);
        assert_eq!(mend(&messages), expected);
        let alone = json!([tool(&blocks.to_string())]);
        assert_eq!(mend(&alone), json!([tool("one\ntwo"), {"role": "user", "content": [picture]}]));
    }

    #[test]
    fn tools_that_were_found_are_told_by_name() {
        let lost = r#"[{"type":"tool_reference"},{"type":"tool_reference"}]"#;
        let kept = r#"[{"type":"tool_reference","tool_name":"Edit"}]"#;
        let found = |name: &str| format!("Tool found: {name}. It can be called now.");
        let call = |query: &str| {
            let function = json!({"name": "ToolSearch", "arguments": json!({"query": query}).to_string()});
            json!({"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": function}]})
        };

        let selected = mend(&json!([call("select:Read, Edit"), tool(lost)]));
        let searched = mend(&json!([call("files"), tool(lost)]));

        assert_eq!(selected[1], tool(&format!("{}\n{}", found("Read"), found("Edit"))));
        assert!(!searched[1]["content"].as_str().unwrap().contains("tool_reference"));
        assert_eq!(mend(&json!([tool(kept)])), json!([tool(&found("Edit"))]));
    }

    #[test]
    fn what_only_looks_like_blocks_stays() {
        for text in [
            "[{\"type\":\"text\",\"text\":\"a file\"}]\n",
            "[{\"type\":\"text\"}]",
            "[{\"type\":\"row\",\"id\":1}]",
            "[{\"a\":1}",
        ] {
            let messages = json!([tool(text), {"role": "assistant", "content": null}]);
            assert_eq!(mend(&messages), messages, "{text}");
        }
    }

    #[test]
    fn a_chat_that_was_claudes_is_known_by_its_first_message() {
        let header =
            "x-anthropic-billing-header: cc_version=2.1.332.1a2; cc_entrypoint=cli;You are Claude Code.";
        let is = |role: &str, content: Value| {
            is_claudes(&[
                Message::of(json!({"role": role, "content": content})),
                Message::of(json!({"role": "user"})),
            ])
        };

        assert!(is("system", header.into()) && is("developer", header.into()));
        assert!(is("system", json!([{"type": "text", "text": header}])));
        assert!(!is("user", header.into()), "a person may write of it");
        assert!(!is("system", format!("Mind {header}").into()) && !is("system", json!([])));
        assert!(!is_claudes(&[]));
    }

    #[test]
    fn a_billing_header_is_taken_away_and_nothing_else() {
        let header = "x-anthropic-billing-header: cc_version=2.1.197.1a2; cc_entrypoint=cli; cch=00000;";

        assert_eq!(without_billing(header), "");
        assert_eq!(without_billing(&format!("{header}You are Claude Code.")), "You are Claude Code.");
        assert_eq!(without_billing(&format!("{header}\nYou are.")), "You are.");
        assert_eq!(
            without_billing("You are x-anthropic-billing-header: a=b;"),
            "You are x-anthropic-billing-header: a=b;"
        );
        let system = json!({"role": "system", "content": format!("{header}You are.")});
        let parts = json!({"role": "system", "content": [{"type": "text", "text": header}]});
        let expected = json!([{"role": "system", "content": "You are."}, {"role": "system", "content": [{"type": "text", "text": ""}]}]);
        assert_eq!(mend(&json!([system, parts])), expected);
    }
}
