//! From a client's request to what a site is asked. Pure: every refusal here is a 400.

use std::collections::BTreeMap;

use latchkey_shared::site::Site;
use serde_json::value::RawValue;

use crate::{
    openai::request::{ChatRequest, Invalid},
    sites,
};

/// What a site is asked.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    /// The model as the site knows it.
    pub model: String,
    /// The conversation.
    pub messages: Vec<Box<RawValue>>,
    /// The client's tools.
    pub tools: Vec<Box<RawValue>>,
    /// Whatever else the client asks for.
    pub rest: BTreeMap<String, Box<RawValue>>,
    /// Begins the ids that we give to tool calls; unique to the answer.
    pub minted: String,
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
    ) -> Result<Self, Invalid> {
        if !request.tools.is_empty() && !sites::takes_tools(site) {
            return Err(Invalid(format!("tools: the site {} takes no tools", site.name)));
        }
        let ChatRequest { messages, tools, rest, .. } = request;
        Ok(Self { model, messages, tools, rest, minted })
    }
}
