//! Parts of a message that are no text, as clients of OpenAI's API send them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// One red pixel.
pub const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// A picture.
#[must_use]
pub fn picture() -> Value {
    json!({"type": "image_url", "image_url": {"url": PICTURE}})
}

/// A text file.
#[must_use]
pub fn file(name: &str, content: &str) -> Value {
    let data = format!("data:text/plain;base64,{}", STANDARD.encode(content));
    json!({"type": "file", "file": {"filename": name, "file_data": data}})
}

/// A message of the person with further parts.
#[must_use]
pub fn user(text: &str, parts: &[Value]) -> Value {
    let mut content = vec![json!({"type": "text", "text": text})];
    content.extend_from_slice(parts);
    json!({"role": "user", "content": content})
}
