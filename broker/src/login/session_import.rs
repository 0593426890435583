//! A session that an operator brings from elsewhere, in the form in which it was found. Pure.
//!
//! It becomes what a login would have captured. Whether the site knows it, only the probe can tell.

use std::collections::{BTreeMap, BTreeSet};

use latchkey_shared::{
    account::SessionOrigin,
    session::{Cookie, Session},
    site::{Bearer, Site, chat::Driver},
    time::Timestamp,
};
use secrecy::{ExposeSecret, SecretString};

use super::{expiry, parts, renew};

mod cookie;
mod storage_state;

pub(crate) use storage_state::StorageState;

use cookie::{LONGEST, is_cookie_name, is_cookie_value};

const TOKEN: &str = "1 to 16384 printable ASCII characters without spaces";
/// What names itself to the site where no browser did.
const USER_AGENT: &str = "latchkey";

/// A session as it comes.
#[derive(Debug)]
pub(crate) enum SessionImport {
    /// What is sent as `Authorization: Bearer ...`.
    Bearer(SecretString),
    /// The value of a `Cookie` header.
    Cookies(SecretString),
    /// What Playwright's `storageState` writes.
    StorageState(StorageState),
    /// A key of the site's API.
    ApiKey(SecretString),
}

/// What is wrong with a given session, and in which form it was given. The text repeats no value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub(crate) struct ImportMistake {
    /// The form.
    pub(crate) field: &'static str,
    /// What is wrong, and what to do.
    pub(crate) message: String,
}

/// How much of the site's session a given one holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completeness {
    /// All that the site needs.
    Enough,
    /// Less; the site's renewal may bring the rest. What is missing, in the site file's words.
    Less(String),
}

impl SessionImport {
    /// The name of its form, in the API and in the audit.
    pub(crate) fn form(&self) -> &'static str {
        match self {
            Self::Bearer(_) => "bearer",
            Self::Cookies(_) => "cookies",
            Self::StorageState(_) => "storage_state",
            Self::ApiKey(_) => "api_key",
        }
    }

    pub(super) fn origin(&self) -> SessionOrigin {
        match self {
            Self::Bearer(_) | Self::Cookies(_) | Self::StorageState(_) => SessionOrigin::Import,
            Self::ApiKey(_) => SessionOrigin::ApiKey,
        }
    }

    /// What a browser would keep that had this session.
    pub(super) fn state(&self, site: &Site) -> Result<Session, ImportMistake> {
        let now = Timestamp::now();
        let mut state = Session {
            cookies: Vec::new(),
            bearer: None,
            local_storage: BTreeMap::new(),
            session_storage: BTreeMap::new(),
            user_agent: USER_AGENT.to_owned(),
            captured_at: now,
            expires_at: now + site.session.life,
        };
        match self {
            Self::Bearer(bearer) => {
                if site.session.bearer.is_none() {
                    let hint = if site.login.is_given() { "api_key" } else { "cookies or storage_state" };
                    return Err(self.mistake(format!("the site file captures no bearer; give {hint}")));
                }
                self.put_bearer(site, &mut state, bearer)?;
            }
            Self::ApiKey(key) => {
                if site.session.bearer.is_none() && !site.login.is_given() {
                    let what = "the site file captures no bearer, in whose place a key would be sent; give cookies or storage_state";
                    return Err(self.mistake(what));
                }
                self.put_bearer(site, &mut state, key)?;
            }
            Self::Cookies(header) => {
                state.cookies = self.cookies(site, header.expose_secret())?;
                state.bearer = parts::stored_bearer(&site.session, &state);
            }
            Self::StorageState(stored) => {
                stored.fill(site, &mut state).map_err(|what| self.mistake(what))?;
                state.bearer = parts::stored_bearer(&site.session, &state);
            }
        }
        if state.bearer.as_ref().is_some_and(|bearer| !is_token(bearer.expose_secret())) {
            return Err(self.mistake(format!("the bearer in it is no token: expected {TOKEN}")));
        }
        Ok(state)
    }

    /// Whether a state will do: all that the site file names, or for a site that is sent whatever there is, some of it.
    pub(super) fn holds(&self, site: &Site, state: &Session) -> Result<Completeness, ImportMistake> {
        if matches!(self, Self::ApiKey(_)) && matches!(site.chat.driver, Driver::OpenAi(_)) {
            return Ok(Completeness::Enough);
        }
        let missing = parts::missing(&site.session, state).join(" and no ");
        let holds_some = parts::of_session(site, state).secrets().next().is_some();
        if holds_some && (missing.is_empty() || matches!(site.chat.driver, Driver::OpenAi(_))) {
            return Ok(Completeness::Enough);
        }
        if missing.is_empty() {
            return Err(self.mistake("[session] of the site file names nothing of the kind; give api_key"));
        }
        if site.refresh.http.is_some() && !matches!(self, Self::ApiKey(_)) {
            return Ok(Completeness::Less(missing));
        }
        Err(self.mistake(format!("it holds no {missing}, which [session] of the site file names")))
    }

    /// What adapters get of a state, and its end: what it says itself, the operator's `until`, or the site file's.
    pub(super) fn session(
        &self,
        site: &Site,
        state: &Session,
        until: Option<Timestamp>,
    ) -> Result<Session, ImportMistake> {
        if let Self::ApiKey(key) = self {
            let told = expiry::jwt_expiry(key.expose_secret());
            let expires_at = told.into_iter().chain(until).min().unwrap_or(Timestamp::NEVER);
            return self.alive(Session { expires_at, ..parts::of_session(site, state) });
        }
        match parts::session(site, state, until) {
            Ok(session) => self.alive(session),
            Err(trouble) => Err(self.mistake(trouble.what)),
        }
    }

    pub(super) fn mistake(&self, message: impl Into<String>) -> ImportMistake {
        ImportMistake { field: self.form(), message: message.into() }
    }

    fn alive(&self, session: Session) -> Result<Session, ImportMistake> {
        if Timestamp::now() < session.expires_at {
            return Ok(session);
        }
        Err(self.mistake(format!("it ended at {} already; give one that lives", session.expires_at)))
    }

    /// The token, where the page would keep it too.
    fn put_bearer(
        &self,
        site: &Site,
        state: &mut Session,
        token: &SecretString,
    ) -> Result<(), ImportMistake> {
        let text = token.expose_secret().trim();
        let bare = without_prefix(text, "bearer ").unwrap_or(text);
        if !is_token(bare) {
            return Err(self.mistake(format!("expected {TOKEN}")));
        }
        if let Some(Bearer::Cookie(name)) = &site.session.bearer {
            state.cookies.push(host_cookie(site, name, bare));
        }
        renew::put_bearer(site, state, bare.into());
        Ok(())
    }

    /// Reads a `Cookie` header (RFC 6265, section 4.2.1). It names no host, so all are the site's own.
    fn cookies(&self, site: &Site, header: &str) -> Result<Vec<Cookie>, ImportMistake> {
        const EXPECTED: &str = "expected a Cookie header as a browser sends it, like `a=1; b=2`";

        let header = header.trim();
        let header = without_prefix(header, "cookie:").unwrap_or(header);
        if header.len() > LONGEST {
            return Err(self.mistake(format!("expected at most {LONGEST} bytes")));
        }
        let mut names = BTreeSet::new();
        let mut cookies = Vec::new();
        for pair in header.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| self.mistake(EXPECTED))?;
            if !is_cookie_name(name) || !is_cookie_value(value) {
                return Err(self.mistake(EXPECTED));
            }
            if !names.insert(name) {
                return Err(self.mistake(format!("cookie {name} is there twice; keep the right one")));
            }
            cookies.push(host_cookie(site, name, value));
        }
        if cookies.is_empty() { Err(self.mistake(EXPECTED)) } else { Ok(cookies) }
    }
}

fn host_cookie(site: &Site, name: &str, value: &str) -> Cookie {
    Cookie {
        name: name.to_owned(),
        value: value.into(),
        domain: site.base_url.host_str().unwrap_or_default().to_owned(),
        path: "/".to_owned(),
        secure: site.base_url.scheme() == "https",
        http_only: true,
        expires_at: None,
    }
}

/// The rest of a text that begins so, whatever the case.
fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| rest.trim())
}

fn is_token(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
