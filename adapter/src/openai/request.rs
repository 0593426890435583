//! A chat request: what we touch by name, all else as it came.
//!
//! Values that we do not touch keep their very bytes, so that no number or key is changed on the way.

use std::collections::BTreeMap;

use latchkey_shared::site::chat::effort::Effort;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

pub(crate) use super::body::{InvalidRequest, object, raw};
use super::{body::not_an_object, choice, custom, message::Message, origin::ToolOrigins};

/// A chat request whose named fields are valid.
#[derive(Clone, Debug)]
pub(crate) struct ChatRequest {
    /// The model as the client names it.
    pub model: String,
    /// At least one.
    pub messages: Vec<Message>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Tools, if there are any.
    pub tools: Vec<Box<RawValue>>,
    /// The names of those that alone may be called, if the client chose some.
    pub only: Option<Vec<String>>,
    /// Which of them are more than functions for the client.
    pub origins: ToolOrigins,
    /// How the client tells this conversation from its others, if it does.
    pub session: Option<String>,
    /// The digest of the client's secret, if it came with one.
    pub client: Option<[u8; 32]>,
    /// How much the model is to think, if the client says it.
    pub effort: Option<Effort>,
    /// Every other field.
    pub rest: BTreeMap<String, Box<RawValue>>,
}

impl ChatRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let mut rest: BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(body).map_err(|error| not_an_object(&error))?;
        let model: String = required(&mut rest, "model", "a text")?;
        let messages: Vec<Box<RawValue>> = required(&mut rest, "messages", "an array")?;
        if messages.is_empty() {
            return Err(InvalidRequest("messages: expected at least one message".to_owned()));
        }
        let messages = messages.into_iter().enumerate().map(|(index, raw)| Message::read(index, raw));
        let messages = messages.map(|message| message.map(custom::called)).collect::<Result<_, _>>()?;
        check_answerable(&mut rest)?;
        let stream = optional(&mut rest, "stream", "true or false")?.unwrap_or(false);
        let mut tools: Vec<Box<RawValue>> = optional(&mut rest, "tools", "an array")?.unwrap_or_default();
        let origins = custom::declared(&mut tools)?;
        custom::chosen(&mut rest);
        let only = choice::settle(&mut tools, &mut rest)?;
        rest.remove("stream_options"); // ours: usage is always asked for and always given
        let effort = effort(&rest);
        Ok(Self { model, messages, stream, tools, only, origins, session: None, client: None, effort, rest })
    }
}

/// How much the model is to think, in the words of chats. What is no word that is known here stays a field like others.
pub(crate) fn effort(rest: &BTreeMap<String, Box<RawValue>>) -> Option<Effort> {
    let word: String = serde_json::from_str(rest.get("reasoning_effort")?.get()).ok()?;
    Effort::parse(&word)
}

/// Refuses what no answer of a site can have: a client that asks for it does not do without.
fn check_answerable(rest: &mut BTreeMap<String, Box<RawValue>>) -> Result<(), InvalidRequest> {
    if optional::<u64>(rest, "n", "a number")?.is_some_and(|count| count != 1) {
        return Err(InvalidRequest("n: expected 1, there is one answer to a request".to_owned()));
    }
    if optional::<bool>(rest, "logprobs", "true or false")? == Some(true) {
        return Err(InvalidRequest("logprobs: expected false, sites do not tell them".to_owned()));
    }
    if optional::<u64>(rest, "top_logprobs", "a number")?.is_some_and(|count| count > 0) {
        return Err(InvalidRequest("top_logprobs: expected 0, sites do not tell them".to_owned()));
    }
    let modalities = optional::<Vec<String>>(rest, "modalities", "an array of texts")?;
    if modalities.is_some_and(|all| all.iter().any(|modality| modality != "text")) {
        return Err(InvalidRequest("modalities: expected [\"text\"], answers are nothing else".to_owned()));
    }
    if optional::<Box<RawValue>>(rest, "audio", "null")?.is_some() {
        return Err(InvalidRequest("audio: expected null, answers are text".to_owned()));
    }
    for (old, new) in [("functions", "tools"), ("function_call", "tool_choice")] {
        if optional::<Box<RawValue>>(rest, old, "null")?.is_some() {
            return Err(InvalidRequest(format!("{old}: expected {new}, which has taken its place")));
        }
    }
    Ok(())
}

fn required<T: DeserializeOwned>(
    fields: &mut BTreeMap<String, Box<RawValue>>,
    name: &str,
    expected: &str,
) -> Result<T, InvalidRequest> {
    optional(fields, name, expected)?
        .ok_or_else(|| InvalidRequest(format!("{name}: missing, expected {expected}")))
}

fn optional<T: DeserializeOwned>(
    fields: &mut BTreeMap<String, Box<RawValue>>,
    name: &str,
    expected: &str,
) -> Result<Option<T>, InvalidRequest> {
    let Some(raw) = fields.remove(name) else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|_| InvalidRequest(format!("{name}: expected {expected}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        ChatRequest::parse(body.as_bytes()).unwrap_err().0
    }

    #[test]
    fn a_refusal_names_the_field() {
        assert_eq!(refusal(r#"{"messages":[]}"#), "model: missing, expected a text");
        assert_eq!(refusal(r#"{"model":1}"#), "model: expected a text");
        assert_eq!(refusal(r#"{"model":"m"}"#), "messages: missing, expected an array");
        assert_eq!(refusal(r#"{"model":"m","messages":[]}"#), "messages: expected at least one message");
        assert_eq!(refusal(r#"{"model":"m","messages":["a"]}"#), "messages[0]: expected an object");
        assert_eq!(refusal(r#"{"model":"m","messages":[{"role":"user"},{}]}"#), "messages[1].role: missing");
        let many = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"n":2}"#;
        assert_eq!(refusal(many), "n: expected 1, there is one answer to a request");
        assert_eq!(refusal(r#"{"model":"m","messages":[["user"]]}"#), "messages[0]: expected an object");
        assert!(refusal("{").starts_with("the body is not a JSON object: EOF"));
    }

    #[test]
    fn a_refusal_repeats_nothing_of_the_body() {
        assert_eq!(refusal("\"Permission denied\""), "the body is not a JSON object");
        assert_eq!(refusal("[1]"), "the body is not a JSON object");
    }

    #[test]
    fn what_is_not_touched_keeps_its_bytes() {
        let body = r#"{"model":"m","messages":[{"role":"developer","content":null,"x":1.10}],
            "temperature":0.10,"stop":"a","seed":18446744073709551616,"n":1,"stream":null,"tools":null}"#;

        let request = ChatRequest::parse(body.as_bytes()).unwrap();

        assert_eq!(request.messages[0].json(), r#"{"role":"developer","content":null,"x":1.10}"#);
        let rest: Vec<(&str, &str)> =
            request.rest.iter().map(|(key, raw)| (key.as_str(), raw.get())).collect();
        assert_eq!(rest, [("seed", "18446744073709551616"), ("stop", "\"a\""), ("temperature", "0.10")]);
        assert!(!request.stream && request.tools.is_empty());
    }
}
