//! The drivers, one for each chat protocol of sites. Here is the one match over them.

use bytes::Bytes;
use latchkey_shared::{
    session::Session,
    site::{
        ModelsFrom, Site,
        chat::{Dialect, Driver},
    },
};
use reqwest::{
    Client,
    header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, USER_AGENT},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    bridge::{dialect::Form, render::Budget},
    prompt::Prompt,
    stream::{Deltas, fault::Fault},
};

pub(crate) mod http;
pub(crate) mod models;
mod openai;

/// A prompt in a site's own words, ready for any of its accounts. Clones share the body.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    body: Bytes,
    minted: String,
}

impl Ask {
    /// Words a prompt for a site.
    pub(crate) fn new(site: &Site, prompt: &Prompt) -> Self {
        let body = match &site.chat.driver {
            Driver::OpenAi(_) => openai::body(prompt),
        };
        Self { body, minted: prompt.minted.clone() }
    }
}

/// Asks a site with one session and waits for the beginning of its answer.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(crate) async fn open(client: &Client, site: &Site, session: &Session, ask: Ask) -> Result<Deltas, Fault> {
    match &site.chat.driver {
        Driver::OpenAi(openai) => openai::open(client, site, openai, session, ask).await,
    }
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

/// How a site's model is told to write calls, where its chat takes no tools.
pub(crate) fn form(site: &Site) -> Form {
    match site.chat.dialect {
        Dialect::Xml => Form::Xml,
        Dialect::Json => Form::Json,
        Dialect::Fence => Form::Fence,
    }
}

/// How long a prompt with tools in it may be. They may take a quarter of a short one.
pub(crate) fn budget(site: &Site) -> Budget {
    let Budget { tools_bytes, prompt_bytes } = Budget::default();
    let prompt_bytes = site.chat.prompt_bytes.unwrap_or(prompt_bytes);
    Budget { tools_bytes: tools_bytes.min(prompt_bytes / 4), prompt_bytes }
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
