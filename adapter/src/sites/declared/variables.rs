//! What a site is told, as its file may name it: one text, a list of messages, the instructions.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    openai::message::Message,
    prompt::{Prompt, PromptFile},
};

const TRANSCRIPT: &str = "This is the conversation so far. Give the next answer in it, and only that.";

/// The words of one prompt. Clones share them.
#[derive(Clone, Debug)]
pub(in crate::sites) struct PromptVariables {
    text: Arc<ConversationText>,
    /// The one that is being uploaded.
    file: Option<PromptFile>,
}

#[derive(Debug)]
struct ConversationText {
    model: String,
    system: String,
    /// How much the model is to think, as the site knows it; or null.
    effort: Value,
    messages: Vec<Message>,
    files: Vec<PromptFile>,
}

impl PromptVariables {
    /// The whole prompt.
    pub(in crate::sites) fn whole(prompt: &Prompt, effort: Value) -> Self {
        Self::told(prompt, effort, 0, prompt.files.clone())
    }

    /// What came after the last answer: the rest is known to the site.
    pub(in crate::sites) fn new_only(prompt: &Prompt, effort: Value) -> Self {
        let last = prompt.messages.iter().rposition(|message| message.role() == "assistant");
        let files = prompt.files.iter().filter(|file| file.is_new).cloned().collect();
        Self::told(prompt, effort, last.map_or(0, |at| at + 1), files)
    }

    fn told(prompt: &Prompt, effort: Value, from: usize, files: Vec<PromptFile>) -> Self {
        let (system, said): (Vec<&Message>, Vec<&Message>) =
            prompt.messages[from..].iter().partition(|message| message.is_system());
        let system = system.into_iter().map(Message::text).collect::<Vec<_>>().join("\n\n");
        let messages = said.into_iter().cloned().collect();
        Self {
            text: Arc::new(ConversationText { model: prompt.model.clone(), system, effort, messages, files }),
            file: None,
        }
    }

    /// The same while a file is uploaded.
    pub(super) fn with_file(&self, file: &PromptFile) -> Self {
        Self { text: Arc::clone(&self.text), file: Some(file.clone()) }
    }

    pub(super) fn file(&self) -> Option<&PromptFile> {
        self.file.as_ref()
    }

    pub(super) fn files(&self) -> &[PromptFile] {
        &self.text.files
    }

    pub(super) fn model(&self) -> &str {
        &self.text.model
    }

    pub(super) fn effort(&self) -> &Value {
        &self.text.effort
    }

    pub(super) fn system(&self) -> &str {
        &self.text.system
    }

    /// All of it as one text; with the instructions at its beginning where nothing else tells them.
    pub(super) fn prompt(&self, with_system: bool) -> String {
        let ConversationText { system, messages, .. } = &*self.text;
        let mut parts = Vec::new();
        if with_system && !system.is_empty() {
            parts.push(system.clone());
        }
        match messages.as_slice() {
            [only] if only.role() != "assistant" => parts.push(only.text()),
            several => {
                parts.push(TRANSCRIPT.to_owned());
                parts.extend(several.iter().map(|said| format!("{}:\n{}", title(said.role()), said.text())));
            }
        }
        parts.join("\n\n")
    }

    /// All of it as a list; with the instructions as its first message where nothing else tells them.
    pub(super) fn messages(&self, with_system: bool) -> Value {
        let ConversationText { system, messages, .. } = &*self.text;
        let first = (with_system && !system.is_empty()).then(|| json!({"role": "system", "content": system}));
        let rest = messages.iter().map(|said| json!({"role": said.role(), "content": said.text()}));
        first.into_iter().chain(rest).collect()
    }
}

fn title(role: &str) -> &str {
    match role {
        "assistant" => "Assistant",
        "tool" | "function" => "Tool result",
        _ => "User",
    }
}
