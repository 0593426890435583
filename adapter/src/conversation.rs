//! Finds the conversation of a site that a request goes on with, by what was said in it.
//!
//! A client sends all of a conversation each time. What it sends up to the last answer is digested; if a site's own
//! conversation is kept under the digest, only the rest is new to the site. Without it, all is told anew.

use latchkey_shared::site::Site;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    openai::{message::Message, request::ChatRequest},
    scope::AccountScope,
    stream::collect::CollectedAnswer,
};

/// The header by which a client tells its sessions apart, if it sends one: OpenCode's, then Claude Code's.
pub(crate) const SESSION_HEADERS: [&str; 2] = ["x-session-affinity", "x-claude-code-session-id"];

/// The digests of one request's conversation.
#[derive(Clone, Debug)]
pub(crate) struct ConversationDigests {
    /// Of all up to the last answer; `None` where there is none yet.
    pub before: Option<String>,
    all: Sha256,
    /// How calls are written in it.
    form: String,
}

impl ConversationDigests {
    /// Digests a request. Its session, tools and model are part of what was said, and so are the client's secret and
    /// the pools that it may use: the same words of somebody else are another conversation.
    pub(crate) fn read(site: &Site, scope: &AccountScope, model: &str, request: &ChatRequest) -> Self {
        let mut all = Sha256::new();
        add(&mut all, &scope.key());
        let client = request.client.iter().flatten().map(|byte| format!("{byte:02x}")).collect::<String>();
        for part in
            [client.as_str(), site.name.as_str(), model, request.session.as_deref().unwrap_or_default()]
        {
            add(&mut all, part);
        }
        for tool in &request.tools {
            add(&mut all, tool.get());
        }
        let mut before = None;
        for message in &request.messages {
            say(&mut all, message);
            if message.role() == "assistant" {
                before = Some(digest(all.clone()));
            }
        }
        Self { before, all, form: String::new() }
    }

    /// The same where calls are written in this form: the site was told of it once, and goes on with no other.
    pub(crate) fn written(self, form: String) -> Self {
        let before = self.before.map(|before| both(before, &form));
        Self { before, form, ..self }
    }

    /// The digest under which the conversation is looked for once this was answered.
    pub(crate) fn after(&self, said: &CollectedAnswer) -> String {
        let mut all = self.all.clone();
        let calls = said.calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str()));
        answer(&mut all, &said.text, calls);
        both(digest(all), &self.form)
    }
}

/// A digest of what was said, and of the form in which calls are written.
fn both(said: String, form: &str) -> String {
    if form.is_empty() {
        return said;
    }
    let mut all = Sha256::new();
    add(&mut all, &said);
    add(&mut all, form);
    digest(all)
}

fn say(all: &mut Sha256, message: &Message) {
    let text = text(&message.value()["content"]);
    match message.role() {
        "assistant" => {
            let calls = message.calls().iter().map(|call| {
                let function = &call["function"];
                let field = |name: &str| function[name].as_str().unwrap_or_default();
                (field("name"), field("arguments"))
            });
            answer(all, &text, calls);
        }
        role => {
            add(all, role);
            add(all, text.trim());
        }
    }
}

/// Ids of calls are no part of what was said, nor are spaces in their JSON.
fn answer<'a>(all: &mut Sha256, text: &str, calls: impl Iterator<Item = (&'a str, &'a str)>) {
    add(all, "assistant");
    add(all, text.trim());
    for (name, arguments) in calls {
        add(all, name);
        match serde_json::from_str::<Value>(arguments) {
            Ok(arguments) => add(all, &arguments.to_string()),
            Err(_) => add(all, arguments),
        }
    }
}

/// The text of a message; what is no text is taken as its JSON.
fn text(content: &Value) -> String {
    match content {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let part = |part: &Value| part["text"].as_str().map_or_else(|| part.to_string(), str::to_owned);
            parts.iter().map(part).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

/// Each part with its length, so that no two conversations are one.
pub(crate) fn add(all: &mut Sha256, part: &str) {
    all.update((part.len() as u64).to_be_bytes());
    all.update(part);
}

/// In the form in which keys have it.
pub(crate) fn digest(all: Sha256) -> String {
    all.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use latchkey_shared::site::{SiteUrls, catalog::SiteCatalog};
    use serde_json::json;

    use super::*;
    use crate::stream::delta::ToolCall;

    fn thread(session: Option<&str>, messages: &Value) -> ConversationDigests {
        thread_of(&AccountScope::All, session, messages)
    }

    fn thread_of(scope: &AccountScope, session: Option<&str>, messages: &Value) -> ConversationDigests {
        let urls = SiteUrls::from([("gradio".parse().unwrap(), "http://127.0.0.1:1".parse().unwrap())]);
        let catalog = SiteCatalog::load(&[], &urls).unwrap();
        let body = json!({"model": "gradio", "messages": messages}).to_string();
        let mut request = ChatRequest::parse(body.as_bytes()).unwrap();
        request.session = session.map(str::to_owned);
        ConversationDigests::read(catalog.sites().next().unwrap(), scope, "gradio", &request)
    }

    #[test]
    fn the_next_request_finds_what_this_one_left() {
        let call = ToolCall {
            id: "ours".to_owned(),
            name: "read".to_owned(),
            arguments: r#"{"b":1,"a":2}"#.to_owned(),
        };
        let said =
            CollectedAnswer { text: "Hello \n".to_owned(), calls: vec![call], ..CollectedAnswer::default() };
        let left = thread(None, &json!([{"role": "user", "content": "Hi"}])).after(&said);

        let function = json!({"name": "read", "arguments": "{\"a\": 2, \"b\": 1}"});
        let answer = json!({"role": "assistant", "content": "Hello", "tool_calls": [{"id": "theirs", "function": function}]});
        let parts = json!([{"type": "text", "text": "Hi"}]);
        let next = json!([
            {"role": "user", "content": parts}, answer, {"role": "tool", "content": "x"}, {"role": "user", "content": "y"},
        ]);

        assert_eq!(thread(None, &next).before, Some(left));
    }

    #[test]
    fn a_site_goes_on_only_in_the_form_that_it_was_told() {
        let said = CollectedAnswer { text: "Hello".to_owned(), ..CollectedAnswer::default() };
        let asked = json!({"role": "user", "content": "Hi"});
        let next =
            json!([asked, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "y"}]);
        let left = |form: &str| thread(None, &json!([asked])).written(form.to_owned()).after(&said);
        let before = |form: &str| thread(None, &next).written(form.to_owned()).before.unwrap();

        assert_eq!((before(""), before("xml a")), (left(""), left("xml a")));
        assert_ne!(before("xml b"), left("xml a"));
        assert_ne!(before(""), left("xml a"));
    }

    #[test]
    fn another_word_session_or_pool_is_another_conversation() {
        let said = |text: &str| json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": text}, {"role": "user", "content": "?"}]);
        let digests = [
            thread(None, &said("a")).before,
            thread(None, &said("b")).before,
            thread(Some("s"), &said("a")).before,
            thread_of(&AccountScope::of(["a".parse().unwrap()].into()), None, &said("a")).before,
            thread_of(&AccountScope::of(["b".parse().unwrap()].into()), None, &said("a")).before,
            thread(None, &json!([{"role": "user", "content": "Hi"}])).before,
        ];

        let different: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!((different.len(), &digests[5]), (6, &None));
    }
}
