//! Pictures and files, where a site is reached through text only: what the person just sent of them is refused, what is
//! older is told as left out. Refused again and again, a picture in the history would end the conversation.

use latchkey_shared::site::Site;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::openai::request::{ChatRequest, Invalid};

/// The request with nothing but text in it.
///
/// # Errors
/// When the person's last words are more than text.
pub(super) fn as_text(mut request: ChatRequest, site: &Site) -> Result<ChatRequest, Invalid> {
    let last = request.messages.len() - 1;
    for (index, raw) in request.messages.iter_mut().enumerate() {
        // Most messages are texts, and a long one is not parsed for that.
        if !raw.get().contains('[') {
            continue;
        }
        let mut message: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        let Some(parts) = message["content"].as_array() else { continue };
        let Some((at, part)) = parts.iter().enumerate().find(|(_, part)| !is_text(part)) else { continue };
        if index == last && message["role"] == "user" {
            return Err(Invalid(format!(
                "messages[{index}].content[{at}]: the site {} is reached through text only and takes no {}; send the \
                 request without it",
                site.name,
                kind(part),
            )));
        }
        let texts: Vec<String> = parts.iter().map(text).collect();
        message["content"] = texts.join("\n").into();
        *raw = text_of(&message);
    }
    Ok(request)
}

fn is_text(part: &Value) -> bool {
    part.is_string() || ["text", "refusal"].iter().any(|key| part[key].is_string())
}

fn text(part: &Value) -> String {
    let text = part.as_str().or_else(|| part["text"].as_str()).or_else(|| part["refusal"].as_str());
    let left_out = || format!("[{} left out: this model is reached through text only]", kind(part));
    text.map_or_else(left_out, str::to_owned)
}

/// What a person calls it; nothing of what the client wrote is repeated.
fn kind(part: &Value) -> &'static str {
    match part["type"].as_str() {
        Some("image_url" | "image" | "input_image") => "picture",
        Some("file" | "input_file" | "document") => "file",
        Some("input_audio") => "sound",
        Some(_) | None => "part of this kind",
    }
}

fn text_of(message: &Value) -> Box<RawValue> {
    to_raw_value(message).expect("JSON always serializes")
}

#[cfg(test)]
mod tests {
    use latchkey_shared::site::{SiteUrls, catalog::Catalog};
    use serde_json::json;

    use super::*;

    fn as_text(messages: &Value) -> Result<Vec<String>, Invalid> {
        let urls = SiteUrls::from([("gradio".parse().unwrap(), "http://127.0.0.1:1".parse().unwrap())]);
        let catalog = Catalog::load(&[], &urls).unwrap();
        let body = json!({"model": "gradio", "messages": messages}).to_string();
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        let request = super::as_text(request, catalog.sites().next().unwrap())?;
        Ok(request.messages.iter().map(|raw| raw.get().to_owned()).collect())
    }

    #[test]
    fn a_new_picture_is_refused_and_an_old_one_told_as_left_out() {
        let picture = json!({"role": "user", "content": [
            {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:"}}]});
        let question = json!({"role": "user", "content": "And [now]?"});

        let refused = as_text(&json!([question, picture])).unwrap_err();
        let told = as_text(&json!([picture, question])).unwrap();

        assert_eq!(
            refused.0,
            "messages[1].content[1]: the site gradio is reached through text only and takes no picture; send the \
             request without it"
        );
        let expected = "What is this?\n[picture left out: this model is reached through text only]";
        assert_eq!(told, [json!({"role": "user", "content": expected}).to_string(), question.to_string()]);
    }

    #[test]
    fn texts_keep_their_bytes() {
        let parts = json!([{"role": "user", "content": [{"type": "text", "text": "[1]"}]}]);

        assert_eq!(as_text(&parts).unwrap(), [parts[0].to_string()]);
    }
}
