#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

use std::{collections::BTreeMap, num::NonZeroU64, time::Duration};

use url::{Origin, Url};

mod advice;
mod built_in;
pub mod chat;
mod condition;
mod duration;
mod file;
mod logout;
mod mistake;
pub mod models;
pub mod name;
pub mod nearest;
mod pattern;
mod pointer;
pub mod refresh;
pub mod schema;
mod selector;
pub mod step;
pub mod text;

pub use advice::advice;
pub use built_in::BUILT_IN;
use chat::Chat;
pub use file::{ParsedSite, check, http_url, parse};
pub use logout::{Logout, LogoutMethod};
pub use mistake::SiteFileDiagnostic;
use models::{ANY_MODEL, ModelInfo};
pub use name::SiteName;
pub use pattern::NamePattern;
use refresh::Refresh;
use step::{Condition, LoginStep};
use text::RecipeText;

/// Base URLs by site, which override those of the files.
pub type SiteUrls = BTreeMap<SiteName, Url>;

/// An upstream web product at one address.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name, the key of everything about it.
    pub name: SiteName,
    /// Its name for people.
    pub title: String,
    /// Where it is; no trailing slash in the path.
    pub base_url: Url,
    /// Where the browser may type secrets: the origin of `base_url` and those that the file adds.
    pub origins: Vec<Origin>,
    /// The lower goes first where several sites have a model; of equal ones the one that is read first.
    pub order: u32,
    /// What models it offers.
    pub models: Models,
    /// What the file tells of them, by their names.
    pub model_info: BTreeMap<String, ModelInfo>,
    /// How to sign in.
    pub login: Login,
    /// What to capture.
    pub session: SessionRules,
    /// How a session is renewed.
    pub refresh: Refresh,
    /// How to prove that a session works.
    pub probe: Probe,
    /// How to end a session at the site, if it can be.
    pub logout: Option<Logout>,
    /// How to chat.
    pub chat: Chat,
    /// What it bears.
    pub limits: SiteLimits,
}

/// The models of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Models {
    /// Named in the file.
    Fixed(Vec<String>),
    /// Asked from the site with a session.
    Fetched(ModelsFrom),
}

/// Where a site lists its models: a GET that answers JSON.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelsFrom {
    /// Path below the base URL.
    pub path: String,
    /// JSON pointer (RFC 6901) of the array.
    pub list: String,
    /// JSON pointer of the id, inside one element; empty where the element is the id.
    pub id: String,
}

/// A login recipe.
#[derive(Clone, Debug)]
pub struct Login {
    /// Limit of the whole recipe.
    pub timeout: Duration,
    /// Limit of one step that names none.
    pub step_timeout: Duration,
    /// The recipe; empty where nobody signs in.
    pub steps: Vec<LoginStep>,
    /// How the site says no. Watched during every step.
    pub refusals: Vec<LoginRefusal>,
}

impl Login {
    /// Whether nobody signs in: an operator gives each account its session, or a key of the site's API.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.steps.is_empty()
    }
}

/// A sign that the site refuses the login, and what it means.
#[derive(Clone, Debug)]
pub struct LoginRefusal {
    /// What it means.
    pub means: RefusalKind,
    /// What is seen.
    pub when: Condition,
}

/// What a refusal means for the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The username, password or code is wrong.
    CredentialsRejected,
    /// The site locked the account.
    AccountLocked,
    /// The site asks to wait.
    RateLimited,
    /// A captcha.
    CaptchaRequired,
    /// Terms or a consent page that somebody must accept.
    ConsentRequired,
    /// A push, a QR code, a code by mail or text message: whatever only the account's owner has.
    ApprovalRequired,
    /// The password has expired and must be changed.
    PasswordExpired,
    /// A person, for whatever else.
    HumanRequired,
    /// The site has an error page.
    SiteDown,
}

/// What is captured after the last step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionRules {
    /// Cookies by name, or by prefix with a trailing `*`. Each must match at least one cookie.
    pub cookies: Vec<NamePattern>,
    /// `localStorage` keys of the base URL's origin. Each must be there.
    pub local_storage: Vec<String>,
    /// `sessionStorage` keys of the base URL's origin. Each must be there.
    pub session_storage: Vec<String>,
    /// Where the bearer is found, if the site has one.
    pub bearer: Option<Bearer>,
    /// Cap of the session's life; the only bound when neither a JWT nor a cookie tells an expiry.
    pub life: Duration,
}

/// Where a bearer token is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// In a `localStorage` item of the base URL's origin.
    LocalStorage(String),
    /// In a `sessionStorage` item of the base URL's origin.
    SessionStorage(String),
    /// In a cookie.
    Cookie(String),
    /// In the `Authorization` header of a request to a path below the base URL that starts so.
    Request(String),
    /// In a JSON answer from a path below the base URL, at a JSON pointer (RFC 6901).
    Response {
        /// Path of the request, without query.
        path: String,
        /// Where in the JSON.
        pointer: String,
    },
}

/// A cheap authenticated GET on the API that the adapter will call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Path below the base URL.
    pub path: String,
    /// JSON pointer that must hold something that is neither null, false, "" nor empty.
    pub pointer: String,
    /// What it must equal, if the file says so; may name `{username}`.
    pub equals: Option<RecipeText>,
    /// Limit of the request.
    pub timeout: Duration,
}

/// What a site bears, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteLimits {
    /// Streams at once on one account.
    pub concurrency: u32,
    /// Turns of one account that begin within any minute.
    pub requests_per_minute: Option<u32>,
    /// What all accounts together bear.
    pub site: SharedLimits,
    /// From sending the request to the first delta.
    pub first_token: Duration,
    /// Between two pieces of the stream.
    pub idle: Duration,
    /// Of a whole turn.
    pub turn: Duration,
    /// Logins in a browser in one minute, of all accounts and all brokers.
    pub logins_per_minute: u32,
}

/// What a site bears of all its accounts, through all adapters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedLimits {
    /// Streams at once.
    pub concurrency: Option<u32>,
    /// Turns that begin within any minute.
    pub requests_per_minute: Option<u32>,
}

impl SharedLimits {
    /// Whether there is nothing to count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.concurrency.is_none() && self.requests_per_minute.is_none()
    }
}

impl Default for SiteLimits {
    fn default() -> Self {
        Self {
            concurrency: 4,
            requests_per_minute: None,
            site: SharedLimits::default(),
            // Clients give up after 300 s without a header (OpenCode 1.18, Claude Code 2.1.197, 2026-11).
            first_token: Duration::from_secs(285),
            // They are told of life meanwhile: a model may think for minutes between two words.
            idle: Duration::from_secs(600),
            turn: Duration::from_secs(30 * 60),
            logins_per_minute: 30,
        }
    }
}

impl Site {
    /// The URL of a path of the site; `path` starts with `/` and may carry a query.
    #[must_use]
    pub fn url(&self, path: &str) -> Url {
        join(&self.base_url, path)
    }

    /// What the file tells of a model. Where it tells no context, that is what the longest prompt has of tokens, at
    /// five bytes each, which is more than text has: clients shorten a conversation by it, and are to be early.
    #[must_use]
    pub fn model_info(&self, id: &str) -> ModelInfo {
        let told = self.model_info.get(id).or_else(|| self.model_info.get(ANY_MODEL));
        let mut info = told.cloned().unwrap_or_default();
        let by_length = || NonZeroU64::new(self.chat.prompt_bytes? as u64 / 5);
        info.context = info.context.or_else(by_length);
        info
    }

    /// The site's own id of a model that the file gives another name.
    #[must_use]
    pub fn aliased(&self, alias: &str) -> Option<&str> {
        let mut told = self.model_info.iter();
        told.find(|(_, info)| info.aliases.iter().any(|known| known == alias)).map(|(id, _)| id.as_str())
    }

    /// Whether secrets may be typed at an origin.
    #[must_use]
    pub fn allows(&self, origin: &Origin) -> bool {
        self.origins.contains(origin)
    }
}

/// Of the base URL only the path is read again: to read all of it is a fortieth of what a request costs.
fn join(base_url: &Url, path: &str) -> Url {
    let path = path.split_once('#').map_or(path, |(path, _)| path);
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut url = base_url.clone();
    url.set_path(&format!("{}{path}", base_url.path().trim_end_matches('/')));
    url.set_query(query);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_the_base_url() {
        for base in ["https://chat.example.org", "https://chat.example.org/", "http://[::1]:8080/team/"] {
            for path in ["/", "/api/chat", "/api/chat?v=1&q=a%20b", "/a b/ü?ü=1", "/a/../b", "/a%2Fb?"] {
                let whole: Url = format!("{}{path}", base.trim_end_matches('/')).parse().unwrap();
                assert_eq!(join(&base.parse().unwrap(), path), whole, "{base} {path}");
            }
        }
    }
}
