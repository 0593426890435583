//! What a client's system says in the middle of a chat, told as a reminder of the person.
//!
//! Many chat templates allow one system message, at the top, and refuse the request otherwise. Claude Code 2.1.332 sends
//! one behind the prompt (2026-11), which a gateway's conversion leaves where it is.

use serde_json::{Value, json};

use super::{
    message::Message,
    messages::{reminder, texts},
};

/// The messages with one system message at the most, at the top. Those that need no change keep their bytes.
pub(crate) fn reminded(messages: Vec<Message>) -> Vec<Message> {
    let top = messages.iter().take_while(|message| message.is_system()).count();
    if top <= 1 && !messages[top..].iter().any(Message::is_system) {
        return messages;
    }
    let mut told = Reminder::default();
    let mut rest = messages.into_iter();
    told.top(rest.by_ref().take(top).collect());
    for message in rest {
        match message.role() {
            "system" | "developer" => told.waiting.extend(parts(&message)),
            "user" => told.person(message),
            // Nothing stands between a call and its results.
            "tool" | "function" => told.messages.push(message),
            _ => {
                told.flush();
                told.messages.push(message);
            }
        }
    }
    told.flush();
    told.messages
}

#[derive(Default)]
struct Reminder {
    messages: Vec<Message>,
    /// Parts of reminders that have no place yet.
    waiting: Vec<Value>,
}

impl Reminder {
    /// All that stands at the top is one message.
    fn top(&mut self, mut top: Vec<Message>) {
        if top.len() <= 1 {
            self.messages.append(&mut top);
            return;
        }
        let mut first = top[0].value().clone();
        first["content"] = top.iter().flat_map(said).collect::<Vec<_>>().join("\n\n").into();
        self.messages.push(Message::of(first));
    }

    /// The person's words, behind the reminders that came before them. What these stood between is one message: two of
    /// the person in a row are refused as well.
    fn person(&mut self, message: Message) {
        if self.waiting.is_empty() {
            self.messages.push(message);
            return;
        }
        let before = self.messages.pop_if(|last| last.role() == "user");
        let mut all = before.map(|before| as_parts(&mut before.value().clone())).unwrap_or_default();
        let mut own = message.value().clone();
        all.append(&mut self.waiting);
        all.extend(as_parts(&mut own));
        self.messages.push(Message::of(with(own, all)));
    }

    /// Reminders that nothing of the person follows stand behind what the person said last, or alone.
    fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let last = self.messages.pop_if(|last| last.role() == "user");
        let mut own = last.map_or_else(|| json!({"role": "user"}), |last| last.value().clone());
        let mut all = as_parts(&mut own);
        all.extend(waiting);
        self.messages.push(Message::of(with(own, all)));
    }
}

/// The message with these parts; parts that are all text are one text, which every site reads.
fn with(mut message: Value, parts: Vec<Value>) -> Value {
    message["content"] = if parts.iter().all(|part| part["type"] == "text") {
        texts(&parts).join("\n\n").into()
    } else {
        parts.into()
    };
    message
}

/// A message's own content as parts.
fn as_parts(message: &mut Value) -> Vec<Value> {
    match message["content"].take() {
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        Value::Array(parts) => parts,
        _ => Vec::new(),
    }
}

/// The reminder that a system message becomes; what says nothing is none.
fn parts(system: &Message) -> Vec<Value> {
    let said = said(system).join("\n\n");
    if said.trim().is_empty() {
        return Vec::new();
    }
    as_parts(&mut reminder(&said))
}

fn said(message: &Message) -> Vec<&str> {
    message.texts().into_iter().filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn told(messages: &Value) -> Value {
        let messages = messages.as_array().unwrap().iter().cloned().map(Message::of).collect();
        reminded(messages).iter().map(|message| message.value().clone()).collect()
    }

    fn said(role: &str, content: &str) -> Value {
        json!({"role": role, "content": content})
    }

    #[test]
    fn a_system_message_behind_the_prompt_is_a_reminder_of_it() {
        let chat = json!([said("system", "Top."), said("user", "Do it."), said("system", "Mind.")]);

        let reminder = "Do it.\n\n<system-reminder>\nMind.\n</system-reminder>";
        assert_eq!(told(&chat), json!([said("system", "Top."), said("user", reminder)]));
    }

    #[test]
    fn what_a_reminder_stood_between_is_one_message() {
        let chat = json!([said("user", "One."), said("system", "Mind."), said("user", "Two.")]);

        let all = "One.\n\n<system-reminder>\nMind.\n</system-reminder>\n\nTwo.";
        assert_eq!(told(&chat), json!([said("user", all)]));
    }

    #[test]
    fn nothing_comes_between_a_call_and_its_results() {
        let call = json!({"role": "assistant", "content": null, "tool_calls": []});
        let tool = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"});
        let chat = json!([said("user", "Go."), call, tool("a"), said("developer", "Mind."), tool("b")]);

        let reminder = said("user", "<system-reminder>\nMind.\n</system-reminder>");
        assert_eq!(told(&chat), json!([said("user", "Go."), call, tool("a"), tool("b"), reminder]));
    }

    #[test]
    fn what_stands_at_the_top_is_one_message_and_the_rest_keeps_its_bytes() {
        let chat = json!([said("system", "One."), said("developer", "Two."), said("user", "Hi")]);
        assert_eq!(told(&chat), json!([said("system", "One.\n\nTwo."), said("user", "Hi")]));

        let raw: Box<RawValue> =
            RawValue::from_string(r#"{"role":"user","content":"a","x":1.10}"#.into()).unwrap();
        let message = Message::read(0, raw.clone()).unwrap();
        assert_eq!(reminded(vec![message])[0].json(), raw.get());
    }

    #[test]
    fn a_reminder_before_the_persons_next_words_is_of_these() {
        let picture = json!({"type": "image_url", "image_url": {"url": "data:,"}});
        let chat = json!([
            said("user", "A"), said("assistant", "B"), said("system", "Mind."),
            {"role": "user", "content": [picture]}, said("system", ""),
        ]);

        let reminder = json!({"type": "text", "text": "<system-reminder>\nMind.\n</system-reminder>"});
        let expected = json!([said("user", "A"), said("assistant", "B"), {"role": "user", "content": [reminder, picture]}]);
        assert_eq!(told(&chat), expected);
    }
}
