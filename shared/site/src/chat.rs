//! How to chat with a site: what holds for every driver, and one table for the driver that the site wants.
//!
//! A driver is named by its table: `[chat.openai]`. Each driver's own schema is a file of its own below here.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Deserialize;
use toml::Spanned;

use super::{SiteFileDiagnostic, duration::some_duration, mistake::SiteFileSource, pointer::is_pointer};

pub mod conversation;
pub mod effort;
mod fill;
pub mod http;
pub mod openai;
pub mod request;
pub mod socket;
pub mod stream;
pub mod text;
pub mod upload;

use effort::{EffortRules, RawEffort};
use http::{HttpChat, RawHttp};
use openai::{OpenAiChat, RawOpenAi};
use socket::{RawSocketIo, RawWebSocket, SocketChat};
use text::VariableName;
use upload::{RawUpload, UPLOADS, UploadRules};

/// How to chat with a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    /// Whether the site passes `tools` on to its model.
    pub tools: bool,
    /// How the site's model is told to write tool calls where the site takes none.
    pub dialect: Dialect,
    /// Whether calls are read in other models' forms too, where they are written.
    pub foreign_calls: bool,
    /// Whether its models are asked to mark the end of finished work, where calls are written out.
    pub end_mark: bool,
    /// What holds for one of its models instead, by the name that the site gives it.
    pub models: BTreeMap<String, ModelRules>,
    /// How much a model is to think, in the site's words. Without it a site like `OpenAI` is told the client's.
    pub effort: Option<EffortRules>,
    /// The longest prompt that the site takes, in bytes, where tools are written into it.
    pub prompt_bytes: Option<usize>,
    /// How a dead session looks. Without it, every 401 is one.
    pub expired: Expired,
    /// What else the site means by a status.
    pub refusals: Vec<ChatRefusal>,
    /// How pictures and files are uploaded, where the site takes them apart from what is said.
    pub upload: Option<UploadRules>,
    /// The protocol, and all that it needs to know of the site.
    pub driver: Driver,
}

/// What holds for one model of a site.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRules {
    /// Whether its calls are read in other models' forms too; none where the site's rule holds.
    pub foreign_calls: Option<bool>,
    /// Whether it is asked to mark the end of finished work; none where the site's rule holds.
    pub end_mark: Option<bool>,
}

/// The protocols, one for each way in which sites chat.
#[derive(Clone, Debug, PartialEq)]
pub enum Driver {
    /// An endpoint like OpenAI's chat completions, behind the site's session.
    OpenAi(OpenAiChat),
    /// Requests and a stream that the file declares.
    Http(Box<HttpChat>),
    /// A socket, what is sent over it and a stream that the file declares.
    Socket(Box<SocketChat>),
}

/// The textual form in which a model writes tool calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Tags with raw values: nothing has to be escaped.
    #[default]
    Xml,
    /// JSON inside a tag.
    Json,
    /// Square brackets and fenced values, for sites that rewrite `<`.
    Fence,
}

/// How the site says on its chat endpoint that the session is dead. Whatever else has the same status is the
/// model's own trouble.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expired {
    /// Statuses that may mean it.
    pub status: BTreeSet<u16>,
    /// JSON pointer that the answer's body must have then, if the status alone does not tell.
    #[serde(default)]
    pub pointer: Option<String>,
}

impl Default for Expired {
    fn default() -> Self {
        Self { status: BTreeSet::from([401]), pointer: None }
    }
}

/// What a site means by an answer with a certain status.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatRefusal {
    /// The statuses.
    pub status: BTreeSet<u16>,
    /// What the body must contain, whatever the case.
    #[serde(default)]
    pub contains: Option<String>,
    /// What it means.
    pub means: RefusalMeaning,
    /// When to ask again, where the answer has no `Retry-After`.
    #[serde(default, deserialize_with = "some_duration")]
    pub retry_after: Option<Duration>,
}

/// What a refusal of a chat means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalMeaning {
    /// The site has too much to do, whoever asks.
    Busy,
    /// The site asks this account to wait.
    RateLimited,
    /// The session is dead.
    Expired,
    /// The prompt is too long.
    TooLong,
    /// There is no such model.
    UnknownModel,
}

/// `[chat]` as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChat {
    #[serde(default)]
    tools: bool,
    #[serde(default)]
    dialect: Dialect,
    foreign_calls: Option<bool>,
    #[serde(default)]
    end_mark: bool,
    #[serde(default)]
    models: BTreeMap<String, ModelRules>,
    effort: Option<Spanned<RawEffort>>,
    prompt_bytes: Option<usize>,
    #[serde(default)]
    expired: Expired,
    #[serde(default)]
    refusals: Vec<ChatRefusal>,
    upload: Option<Spanned<RawUpload>>,
    http: Option<Spanned<RawHttp>>,
    openai: Option<Spanned<RawOpenAi>>,
    socketio: Option<Spanned<RawSocketIo>>,
    websocket: Option<Spanned<RawWebSocket>>,
}

impl Chat {
    /// Whether calls of a model are read in other models' forms too.
    #[must_use]
    pub fn reads_foreign_calls(&self, model: &str) -> bool {
        let rule = self.models.get(model).and_then(|rules| rules.foreign_calls);
        rule.unwrap_or(self.foreign_calls)
    }

    /// Whether a model is asked to mark the end of finished work.
    #[must_use]
    pub fn asks_for_end_mark(&self, model: &str) -> bool {
        let rule = self.models.get(model).and_then(|rules| rules.end_mark);
        rule.unwrap_or(self.end_mark)
    }
}

impl RawChat {
    /// Checks it.
    ///
    /// # Errors
    /// Its first mistake.
    pub(super) fn check(source: &SiteFileSource<'_>, raw: Spanned<Self>) -> Result<Chat, SiteFileDiagnostic> {
        let at = raw.span().start;
        let Self {
            tools,
            dialect,
            foreign_calls,
            end_mark,
            models,
            effort,
            prompt_bytes,
            expired,
            refusals,
            upload,
            http,
            openai,
            socketio,
            websocket,
        } = raw.into_inner();
        if let Some(pointer) = expired.pointer.as_ref().filter(|pointer| !is_pointer(pointer)) {
            let message = "must be a JSON pointer, like /user/name";
            return Err(source.mistake_near(at, pointer, message));
        }
        let given: BTreeSet<String> = upload.iter().map(|_| UPLOADS.to_owned()).collect();
        let socket = |socket| Driver::Socket(Box::new(socket));
        let drivers = [
            openai.map(|raw| openai::check(source, raw.into_inner(), &given).map(Driver::OpenAi)),
            http.map(|raw| {
                http::check(source, raw.into_inner(), &given).map(|http| Driver::Http(Box::new(http)))
            }),
            socketio.map(|raw| socket::check_socketio(source, raw.into_inner(), &given).map(socket)),
            websocket.map(|raw| socket::check_websocket(source, raw.into_inner(), &given).map(socket)),
        ];
        let named: Vec<Result<Driver, SiteFileDiagnostic>> = drivers.into_iter().flatten().collect();
        let Ok([driver]) = <[_; 1]>::try_from(named) else {
            return Err(source.mistake(
                at,
                "expected the table of exactly one driver: [chat.openai], [chat.http], [chat.socketio] or \
                 [chat.websocket]",
            ));
        };
        let driver = driver?;
        if tools && !matches!(driver, Driver::OpenAi(_)) {
            let message = "tools: only [chat.openai] passes tools on; leave it out, and they are written into the prompt";
            return Err(source.mistake(at, message));
        }
        let upload = upload.map(|raw| upload::check(source, raw, known_at_uploads(&driver))).transpose()?;
        let has_body = matches!(driver, Driver::OpenAi(_));
        let effort = effort.map(|raw| effort::check(source, raw, has_body)).transpose()?;
        Ok(Chat {
            tools,
            dialect,
            foreign_calls: foreign_calls.unwrap_or(true),
            end_mark,
            models,
            effort,
            prompt_bytes,
            expired,
            refusals,
            upload,
            driver,
        })
    }
}

/// What is known where the uploads are made: before the first that names them. `None` where nothing does.
fn known_at_uploads(driver: &Driver) -> Option<BTreeSet<String>> {
    let uploads = VariableName::Value(UPLOADS.to_owned());
    let (mint, conversation, requests, steps) = match driver {
        Driver::OpenAi(openai) => return openai.uploads.is_some().then(BTreeSet::new),
        Driver::Http(http) => (&http.mint, &http.conversation, &http.requests, &[][..]),
        Driver::Socket(socket) => (&socket.mint, &socket.conversation, &socket.requests, &socket.steps[..]),
    };
    let start = conversation.iter().flat_map(|conversation| conversation.start.keys());
    let mut known: BTreeSet<String> = mint.keys().chain(start).cloned().collect();
    for request in requests {
        if request.names(&uploads) {
            return Some(known);
        }
        known.extend(request.take.keys().cloned());
    }
    for step in steps {
        if step.names(&uploads) {
            return Some(known);
        }
        known.extend(step.take.keys().cloned());
    }
    None
}
