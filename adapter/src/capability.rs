//! What a site's chat can do, asked of its site file: prompts are made by this, and drivers not known by whoever makes them.

use std::time::Duration;

use latchkey_bridge::{dialect::CallFormat, render::PromptBudget};
use latchkey_shared::site::{
    Site,
    chat::{Dialect, Driver, conversation::ConversationRules},
};

use crate::stream::delta::Captures;

/// How long a site remembers a conversation with which one can go on; `None` where each prompt is the whole one.
pub(crate) fn remembers(site: &Site) -> Option<Duration> {
    conversation(site).map(|conversation| conversation.ttl)
}

fn conversation(site: &Site) -> Option<&ConversationRules> {
    match &site.chat.driver {
        Driver::OpenAi(_) => None,
        Driver::Http(http) => http.conversation.as_ref(),
        Driver::Socket(socket) => socket.conversation.as_ref(),
    }
}

/// With what a conversation is gone on, out of all that is known of it; `None` where that does not suffice.
pub(crate) fn kept(site: &Site, captures: &Captures) -> Option<Captures> {
    let names = conversation(site)?.keep.iter();
    names.map(|name| Some((name.clone(), captures.get(name)?.clone()))).collect()
}

/// Whether a site's chat takes tools.
pub(crate) fn takes_tools(site: &Site) -> bool {
    site.chat.tools
}

/// Whether a site's chat is told of fields like `max_tokens`.
pub(crate) fn takes_fields(site: &Site) -> bool {
    match &site.chat.driver {
        Driver::OpenAi(_) => true,
        Driver::Http(_) | Driver::Socket(_) => false,
    }
}

/// Whether a site's chat takes a message in parts, pictures and files among them.
pub(crate) fn takes_parts(site: &Site) -> bool {
    match &site.chat.driver {
        Driver::OpenAi(_) => true,
        Driver::Http(_) | Driver::Socket(_) => false,
    }
}

/// How a site's model is told to write calls, where its chat takes no tools.
pub(crate) fn form(site: &Site) -> CallFormat {
    match site.chat.dialect {
        Dialect::Xml => CallFormat::Xml,
        Dialect::Json => CallFormat::Json,
        Dialect::Fence => CallFormat::Fence,
    }
}

/// How long a prompt with tools in it may be. They may take a quarter of a short one.
pub(crate) fn budget(site: &Site) -> PromptBudget {
    let PromptBudget { tools_bytes, prompt_bytes } = PromptBudget::default();
    let prompt_bytes = site.chat.prompt_bytes.unwrap_or(prompt_bytes);
    PromptBudget { tools_bytes: tools_bytes.min(prompt_bytes / 4), prompt_bytes }
}
