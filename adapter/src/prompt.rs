//! From a client's request to what a site is asked. Pure: every refusal here is a 400.

use std::{collections::HashSet, sync::Arc};

use latchkey_shared::site::Site;

use crate::{
    capability, config,
    openai::{
        message::Message,
        request::{ChatRequest, InvalidRequest},
    },
};

mod asked;
pub(crate) mod emulation;
mod error;
mod file;
mod length;
mod parts;
pub(crate) mod wanted;
mod written;

pub(crate) use asked::{CallMode, DeclaredTools, Prompt, RepairExchange};
pub(crate) use error::PromptError;
pub(crate) use file::PromptFile;
pub(crate) use length::PromptLength;

impl Prompt {
    /// Makes the prompt for one site; `end_mark` says whether its model may be asked to mark the end of its work.
    ///
    /// # Errors
    /// When the site cannot do what is asked.
    pub(crate) fn new(
        request: ChatRequest,
        site: &Site,
        model: String,
        minted: String,
        settings: &config::ToolCallConfig,
        end_mark: bool,
    ) -> Result<Self, PromptError> {
        let takes_tools = capability::takes_tools(site);
        let emulates = match settings.tools {
            config::ToolMode::Auto => !takes_tools,
            config::ToolMode::Emulate => true,
            config::ToolMode::Native | config::ToolMode::Off => false,
        };
        if emulates || (request.tools.is_empty() && wanted::writes(&request, site)?) {
            return written::prompt(request, site, model, minted, settings, end_mark);
        }
        let (request, files) = parts::apart(request, site, parts::OtherParts::of(site))?;
        if !request.tools.is_empty() && !takes_tools {
            return Err(InvalidRequest(format!("tools: the site {} takes no tools", site.name)).into());
        }
        length::check(site, &request.messages, &request.tools).map_err(PromptError::TooLong)?;
        let ChatRequest { messages, tools, only, effort, rest, .. } = request;
        let calls = match settings.tools {
            config::ToolMode::Auto | config::ToolMode::Native if !tools.is_empty() => {
                let catalog = Arc::new(written::catalog(&tools)?);
                CallMode::Native(DeclaredTools { catalog, only, ids: Arc::new(ids(&messages)) })
            }
            _ => CallMode::Untouched,
        };
        let messages = messages.into_iter().map(Message::unparsed).collect();
        Ok(Self { model, messages, files, tools, effort, rest, minted, calls })
    }
}

/// The ids of all calls in a conversation.
fn ids(messages: &[Message]) -> HashSet<String> {
    // Most messages have none, and a long conversation is not parsed for that.
    let may_call = messages.iter().filter(|message| message.json().contains("\"tool_calls\""));
    let calls = may_call.flat_map(Message::calls);
    calls.filter_map(|call| Some(call["id"].as_str()?.to_owned())).collect()
}
