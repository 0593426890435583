//! The drivers, one for each chat protocol of sites. Here is the one match over them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use latchkey_bridge::{dialect::CallFormat, render::PromptBudget};
use latchkey_shared::{
    session::Session,
    shutdown::Tasks,
    site::{
        ModelsFrom, Site,
        chat::{Dialect, Driver, conversation::ConversationRules},
    },
};
use reqwest::{
    Client,
    header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, USER_AGENT},
};
use secrecy::{ExposeSecret, SecretString};
use tracing::Span;
use url::Url;

use http::HttpClients;
use trace::Tracer;

use crate::{
    metrics::Cancels,
    prompt::Prompt,
    stream::{DeltaStream, delta::Captures, fault::Fault},
};

mod declared;
pub(crate) mod http;
pub(crate) mod models;
mod openai;
mod refusal;
pub(crate) mod trace;

pub(crate) use openai::decoder as openai_decoder;

/// What every driver uses. Clones share it.
#[derive(Clone)]
pub(crate) struct DriverContext {
    /// The ways to all sites.
    pub clients: HttpClients,
    /// Where calls go on that nobody waits for.
    pub tasks: Tasks,
    /// How long sites took to confirm that an answer is over.
    pub cancels: Cancels,
    /// Who looks on.
    pub watch: Tracer,
    /// The request's, for what goes on after its answer.
    pub span: Span,
}

/// A prompt in a site's own words, ready for any of its accounts. Clones share the body.
#[derive(Clone, Debug)]
pub(crate) struct DriverRequest {
    words: DriverInput,
    minted: String,
    /// The site's own conversation that it goes on with.
    kept: Option<Captures>,
}

#[derive(Clone, Debug)]
enum DriverInput {
    /// The request's body, and what it takes to upload files where there are any.
    OpenAi(Bytes, Option<declared::variables::PromptVariables>),
    /// What requests, and messages of a socket, are filled with.
    Declared(declared::variables::PromptVariables),
}

impl DriverRequest {
    /// Words a whole prompt for a site.
    pub(crate) fn new(site: &Site, prompt: &Prompt) -> Self {
        let words = match &site.chat.driver {
            Driver::OpenAi(_) => {
                let has_files = !prompt.files.is_empty();
                let uploaded = has_files.then(|| declared::variables::PromptVariables::whole(prompt));
                DriverInput::OpenAi(openai::body(prompt), uploaded)
            }
            Driver::Http(_) | Driver::Socket(_) => {
                DriverInput::Declared(declared::variables::PromptVariables::whole(prompt))
            }
        };
        Self { words, minted: prompt.minted.clone(), kept: None }
    }

    /// Words what is new in a prompt since the site's last answer, which is in the conversation that `kept` names.
    pub(crate) fn going_on(site: &Site, prompt: &Prompt, kept: Captures) -> Self {
        match &site.chat.driver {
            Driver::OpenAi(_) => Self::new(site, prompt),
            Driver::Http(_) | Driver::Socket(_) => {
                let words = DriverInput::Declared(declared::variables::PromptVariables::new_only(prompt));
                Self { words, minted: prompt.minted.clone(), kept: Some(kept) }
            }
        }
    }
}

/// Asks a site with one session and waits for the beginning of its answer.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(crate) async fn open(
    outside: &DriverContext,
    site: &Arc<Site>,
    session: &Arc<Session>,
    ask: DriverRequest,
) -> Result<DeltaStream, Fault> {
    let DriverRequest { words, minted, kept } = ask;
    match (&site.chat.driver, words) {
        (Driver::OpenAi(openai), DriverInput::OpenAi(body, words)) => {
            openai::open(outside, site, openai, session, openai::OpenAiRequest { body, words, minted }).await
        }
        (Driver::Http(http), DriverInput::Declared(words)) => {
            declared::open(outside, site, http, session, declared::DeclaredRequest { words, minted, kept })
                .await
        }
        (Driver::Socket(socket), DriverInput::Declared(words)) => {
            let asked = declared::DeclaredRequest { words, minted, kept };
            declared::socket::open(outside, site, socket, session, asked).await
        }
        (Driver::OpenAi(_) | Driver::Http(_) | Driver::Socket(_), _) => {
            unreachable!("a prompt is worded for its own site")
        }
    }
}

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
pub(crate) fn kept(site: &Site, values: &Captures) -> Option<Captures> {
    let names = conversation(site)?.keep.iter();
    names.map(|name| Some((name.clone(), values.get(name)?.clone()))).collect()
}

/// Asks a site for its models.
///
/// # Errors
/// When it does not list them.
pub(crate) async fn models(
    client: &Client,
    site: &Site,
    from: &ModelsFrom,
    session: &Session,
) -> Result<Vec<String>, Fault> {
    models::fetch(client, site, from, session).await
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

/// What makes a request one of the signed-in browser.
fn headers(session: &Session, url: &Url) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    if let Some(cookies) = session.cookie_header(url) {
        headers.insert(COOKIE, sensitive(&cookies)?);
    }
    if let Some(bearer) = &session.bearer {
        let value = SecretString::from(format!("Bearer {}", bearer.expose_secret()));
        headers.insert(AUTHORIZATION, sensitive(&value)?);
    }
    if let Ok(user_agent) = HeaderValue::from_str(&session.user_agent) {
        headers.insert(USER_AGENT, user_agent);
    }
    Ok(headers)
}

/// A header value that is never shown. A session that cannot be sent is as good as dead.
fn sensitive(text: &SecretString) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| Fault::SessionDead)?;
    value.set_sensitive(true);
    Ok(value)
}
