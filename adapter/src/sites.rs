//! The drivers, one for each chat protocol of sites. Here is the one match over them.

use std::sync::Arc;

use bytes::Bytes;
use latchkey_shared::{
    session::Session,
    site::{ModelsFrom, Site, chat::Driver},
};
use reqwest::Client;
use serde_json::Value;

use crate::{
    prompt::Prompt,
    stream::{DeltaStream, delta::Captures, fault::Fault},
};

mod context;
mod declared;
#[cfg(test)]
mod decoded;
mod effort;
mod headers;
pub(crate) mod http;
pub(crate) mod models;
mod openai;
mod refusal;
pub(crate) mod trace;

pub(crate) use context::DriverContext;
pub(crate) use openai::decoder as openai_decoder;

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
            Driver::OpenAi(chat) => {
                let has_files = !prompt.files.is_empty();
                let uploaded =
                    has_files.then(|| declared::variables::PromptVariables::whole(prompt, Value::Null));
                DriverInput::OpenAi(openai::body(prompt, chat, site.chat.effort.as_ref()), uploaded)
            }
            Driver::Http(_) | Driver::Socket(_) => DriverInput::Declared(
                declared::variables::PromptVariables::whole(prompt, effort::of(site, prompt)),
            ),
        };
        Self { words, minted: prompt.minted.clone(), kept: None }
    }

    /// Words what is new in a prompt since the site's last answer, which is in the conversation that `kept` names.
    pub(crate) fn going_on(site: &Site, prompt: &Prompt, kept: Captures) -> Self {
        match &site.chat.driver {
            Driver::OpenAi(_) => Self::new(site, prompt),
            Driver::Http(_) | Driver::Socket(_) => {
                let effort = effort::of(site, prompt);
                let words =
                    DriverInput::Declared(declared::variables::PromptVariables::new_only(prompt, effort));
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
    context: &DriverContext,
    site: &Arc<Site>,
    session: &Arc<Session>,
    request: DriverRequest,
) -> Result<DeltaStream, Fault> {
    let DriverRequest { words, minted, kept } = request;
    match (&site.chat.driver, words) {
        (Driver::OpenAi(openai), DriverInput::OpenAi(body, words)) => {
            openai::open(
                context,
                site,
                openai,
                session,
                openai::OpenAiRequest { body, variables: words, minted },
            )
            .await
        }
        (Driver::Http(http), DriverInput::Declared(words)) => {
            declared::open(
                context,
                site,
                http,
                session,
                declared::DeclaredRequest { variables: words, minted, kept },
            )
            .await
        }
        (Driver::Socket(socket), DriverInput::Declared(words)) => {
            let asked = declared::DeclaredRequest { variables: words, minted, kept };
            declared::socket::open(context, site, socket, session, asked).await
        }
        (Driver::OpenAi(_) | Driver::Http(_) | Driver::Socket(_), _) => {
            unreachable!("a prompt is worded for its own site")
        }
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
