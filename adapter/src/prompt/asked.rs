//! What a site is asked, at first and after more was said.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use latchkey_bridge::{catalog::Catalog, render::cut};
use latchkey_shared::site::chat::effort::Effort;
use serde_json::value::RawValue;

use super::{emulation::Emulation, file::PromptFile};
use crate::openai::message::Message;

/// What a site is asked.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    /// The model as the site knows it.
    pub model: String,
    /// The conversation.
    pub messages: Vec<Message>,
    /// What is uploaded for it, where the site takes files.
    pub files: Vec<PromptFile>,
    /// The client's tools.
    pub tools: Vec<Box<RawValue>>,
    /// How much the model is to think, if the client says it.
    pub effort: Option<Effort>,
    /// Whatever else the client asks for.
    pub rest: BTreeMap<String, Box<RawValue>>,
    /// Begins the ids that we give to tool calls; unique to the answer.
    pub minted: String,
    /// How calls come back.
    pub calls: CallMode,
}

/// How calls come back.
#[derive(Clone, Debug)]
pub(crate) enum CallMode {
    /// As the site makes them, if any.
    Untouched,
    /// As the site makes them, and are brought towards what is declared.
    Native(DeclaredTools),
    /// Written in the answer's text.
    Emulated(Arc<Emulation>),
}

/// What the client declared, and has had so far.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredTools {
    /// Its tools.
    pub catalog: Arc<Catalog>,
    /// Those that alone may be called, if it chose some.
    pub only: Option<Vec<String>>,
    /// The ids of the calls in the conversation.
    pub ids: Arc<HashSet<String>>,
}

/// What was said and asked after the client's request, unknown to the client.
#[derive(Clone, Debug)]
pub(crate) struct RepairExchange {
    /// The site's answer.
    pub answer: String,
    /// What it is asked then.
    pub question: String,
}

impl Prompt {
    /// The same prompt after more was said. What was said is cut in the middle where the site would not take all of it.
    pub(crate) fn after(&self, exchanges: &[RepairExchange]) -> Self {
        let mut prompt = self.clone();
        // The site has them; it is told of them again only where it is told all.
        prompt.files.iter_mut().for_each(|file| file.is_new = false);
        let mut room = match &self.calls {
            CallMode::Emulated(emulation) => emulation.prompt_bytes,
            CallMode::Untouched | CallMode::Native(_) => usize::MAX,
        };
        let taken: usize = self.messages.iter().map(|message| message.json().len()).sum();
        let asked: usize = exchanges.iter().map(|exchange| exchange.question.len()).sum();
        room = room.saturating_sub(taken + asked);
        for RepairExchange { answer, question } in exchanges {
            // Sites refuse an empty message.
            if !answer.trim().is_empty() {
                let answer = cut::shorten(answer, room);
                room = room.saturating_sub(answer.len());
                prompt.messages.push(Message::text_of("assistant", &answer));
            }
            prompt.messages.push(Message::text_of("user", question));
        }
        prompt
    }
}
