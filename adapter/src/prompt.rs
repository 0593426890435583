//! From a client's request to what a site is asked. Pure: every refusal here is a 400.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use latchkey_bridge::{catalog::Catalog, render::cut};
use latchkey_shared::site::Site;
use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    config,
    openai::request::{ChatRequest, InvalidRequest},
    sites,
};

pub(crate) mod emulation;
mod file;
mod parts;
pub(crate) mod wanted;

use emulation::Emulation;
pub(crate) use file::PromptFile;

/// What a site is asked.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    /// The model as the site knows it.
    pub model: String,
    /// The conversation.
    pub messages: Vec<Box<RawValue>>,
    /// What is uploaded for it, where the site takes files.
    pub files: Vec<PromptFile>,
    /// The client's tools.
    pub tools: Vec<Box<RawValue>>,
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

#[derive(Serialize)]
struct PromptMessage<'a> {
    role: &'a str,
    content: &'a str,
}

impl Prompt {
    /// Makes the prompt for one site.
    ///
    /// # Errors
    /// When the site cannot do what is asked.
    pub(crate) fn new(
        request: ChatRequest,
        site: &Site,
        model: String,
        minted: String,
        settings: &config::ToolCallConfig,
    ) -> Result<Self, InvalidRequest> {
        let takes_tools = sites::takes_tools(site);
        let emulates = match settings.tools {
            config::ToolMode::Auto => !takes_tools,
            config::ToolMode::Emulate => true,
            config::ToolMode::Native | config::ToolMode::Off => false,
        };
        if emulates || (request.tools.is_empty() && wanted::writes(&request, site)) {
            return emulation::prompt(request, site, model, minted, settings);
        }
        let (request, files) = parts::apart(request, site, parts::OtherParts::of(site))?;
        if !request.tools.is_empty() && !takes_tools {
            return Err(InvalidRequest(format!("tools: the site {} takes no tools", site.name)));
        }
        let ChatRequest { messages, tools, only, rest, .. } = request;
        let calls = match settings.tools {
            config::ToolMode::Auto | config::ToolMode::Native if !tools.is_empty() => {
                let catalog = Arc::new(emulation::catalog(&tools));
                CallMode::Native(DeclaredTools { catalog, only, ids: Arc::new(ids(&messages)) })
            }
            _ => CallMode::Untouched,
        };
        Ok(Self { model, messages, files, tools, rest, minted, calls })
    }

    /// The same prompt after more was said. What was said is cut in the middle where the site would not take all of it.
    pub(crate) fn after(&self, exchanges: &[RepairExchange]) -> Self {
        let mut prompt = self.clone();
        // The site has them; it is told of them again only where it is told all.
        prompt.files.iter_mut().for_each(|file| file.is_new = false);
        let mut room = match &self.calls {
            CallMode::Emulated(emulation) => emulation.prompt_bytes,
            CallMode::Untouched | CallMode::Native(_) => usize::MAX,
        };
        let taken: usize = self.messages.iter().map(|raw| raw.get().len()).sum();
        let asked: usize = exchanges.iter().map(|exchange| exchange.question.len()).sum();
        room = room.saturating_sub(taken + asked);
        for RepairExchange { answer, question } in exchanges {
            // Sites refuse an empty message.
            if !answer.trim().is_empty() {
                let answer = cut::shorten(answer, room);
                room = room.saturating_sub(answer.len());
                prompt.messages.push(message("assistant", &answer));
            }
            prompt.messages.push(message("user", question));
        }
        prompt
    }
}

/// The ids of all calls in a conversation.
fn ids(messages: &[Box<RawValue>]) -> HashSet<String> {
    let mut ids = HashSet::new();
    // Most messages have none, and a long conversation is not parsed for them.
    for message in messages.iter().filter(|message| message.get().contains("\"tool_calls\"")) {
        let message: Value = serde_json::from_str(message.get()).unwrap_or_default();
        let calls = message["tool_calls"].as_array().into_iter().flatten();
        ids.extend(calls.filter_map(|call| Some(call["id"].as_str()?.to_owned())));
    }
    ids
}

fn message(role: &str, content: &str) -> Box<RawValue> {
    to_raw_value(&PromptMessage { role, content }).expect("texts always serialize")
}
