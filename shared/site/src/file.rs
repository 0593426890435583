//! Reads a site file: TOML as it stands, then checked into [`Site`].

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use toml::{Spanned, de::DeTable};

use super::{
    Bearer, Models, NamePattern, Probe, SessionRules, Site, SiteFileDiagnostic, SiteUrls,
    chat::RawChat,
    duration::duration,
    logout::RawLogout,
    mistake::SiteFileSource,
    models::{self, ModelInfo},
    pointer::is_pointer,
    refresh::{self, RawRefresh, Refresh},
    schema,
    text::Placeholder,
};
use crate::SiteName;

mod address;
mod head;
mod limits;
mod login;
mod steps;
mod template;
mod whole;

pub use address::http_url;
use head::{RawSite, SiteHead, stand_in};
use limits::RawLimits;
use login::RawLogin;
use template::template;

/// What a file describes: a site, or one that has no address yet.
#[derive(Debug)]
pub struct ParsedSite {
    /// Its name.
    pub name: SiteName,
    /// The site; `None` when neither the file nor `LATCHKEY_SITE_URLS` has a base URL.
    pub site: Option<Site>,
}

/// Every section may be missing: one that cannot be read was told of, and the others are checked all the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(rename = "version")]
    _version: Option<u32>,
    site: Option<RawSite>,
    login: Option<Spanned<RawLogin>>,
    session: Option<Spanned<RawSession>>,
    refresh: Option<RawRefresh>,
    logout: Option<RawLogout>,
    probe: Option<RawProbe>,
    chat: Option<Spanned<RawChat>>,
    #[serde(default)]
    models: BTreeMap<String, ModelInfo>,
    #[serde(default)]
    limits: RawLimits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSession {
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    local_storage: Vec<String>,
    #[serde(default)]
    session_storage: Vec<String>,
    bearer: Option<Spanned<RawBearer>>,
    #[serde(default = "default_life", deserialize_with = "duration")]
    life: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBearer {
    local_storage: Option<String>,
    session_storage: Option<String>,
    cookie: Option<String>,
    request: Option<String>,
    response: Option<String>,
    pointer: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProbe {
    path: Spanned<String>,
    pointer: Spanned<String>,
    equals: Option<Spanned<String>>,
    #[serde(default = "default_probe_timeout", deserialize_with = "duration")]
    timeout: Duration,
}

fn default_life() -> Duration {
    Duration::from_secs(12 * 60 * 60)
}

fn default_probe_timeout() -> Duration {
    Duration::from_secs(10)
}

/// Reads one site file; `file` names it in mistakes.
///
/// # Errors
/// The first mistake, with its line.
pub fn parse(file: &str, text: &str, urls: &SiteUrls) -> Result<ParsedSite, SiteFileDiagnostic> {
    check(file, text, urls).map_err(|mistakes| {
        let more = mistakes.len() - 1;
        let mut first = mistakes.into_iter().next().expect("a refusal names a mistake");
        if more > 0 {
            first.message += &format!(" ({more} more: `latchkey-broker site check {file}` tells them)");
        }
        first
    })
}

/// Reads one site file; `file` names it in mistakes.
///
/// # Errors
/// Every mistake in the order of the file; of mistakes in TOML itself, the first.
pub fn check(file: &str, text: &str, urls: &SiteUrls) -> Result<ParsedSite, Vec<SiteFileDiagnostic>> {
    let source = SiteFileSource::new(file, text);
    let mut document = DeTable::parse(text).map_err(|error| vec![source.toml_mistake(&error)])?;
    let source = source.with_places_of(document.get_ref());
    schema::fit(&source, &mut document);
    let raw = RawFile::deserialize(toml::Deserializer::from(document));
    let raw = source.keep(raw.map_err(|error| source.toml_mistake(&error)));
    let parsed = raw.and_then(|raw| site(&source, raw, urls));
    match (parsed, source.mistakes()) {
        (Some(parsed), mistakes) if mistakes.is_empty() => Ok(parsed),
        (_, mistakes) => Err(mistakes),
    }
}

/// Checks each section; `None` when one is missing or wrong, which was kept then.
fn site(source: &SiteFileSource<'_>, raw: RawFile, urls: &SiteUrls) -> Option<ParsedSite> {
    let head = raw.site.and_then(|raw| head::check(source, raw, urls));
    // Where secrets may be typed is known from the head alone.
    let login = raw.login.zip(head.as_ref()).and_then(|(raw, head)| login::check(source, raw, head));
    // What an operator gives need not be captured.
    let captured = login.as_ref().is_none_or(|login| !login.is_given());
    let session = raw.session.and_then(|raw| source.keep(session(source, raw, captured)));
    let base_url = head.as_ref().map_or_else(stand_in, |head| head.base_url.clone());
    let refresh = match raw.refresh {
        Some(raw) => source.keep(refresh::check(source, raw, &base_url)),
        None => Some(Refresh::default()),
    };
    let probe = raw.probe.and_then(|raw| source.keep(probe(source, raw)));
    let logout = raw.logout.and_then(|raw| source.keep(raw.check(source)));
    let chat = raw.chat.and_then(|raw| source.keep(RawChat::check(source, raw)));
    let limits = source.keep(raw.limits.check(source));
    let SiteHead { name, title, base_url, placed, origins, order, models } = head?;
    let known = match &models {
        Models::Fixed(ids) => Some(ids.as_slice()),
        Models::Fetched(_) => None,
    };
    models::check(source, known, &raw.models);
    let login = login?;
    let session = session?;
    let refresh = refresh?;
    let probe = probe?;
    let chat = chat?;
    let limits = limits?;
    let site = Site {
        name: name.clone(),
        title,
        base_url,
        origins,
        order,
        models,
        model_info: raw.models,
        login,
        session,
        refresh,
        probe,
        logout,
        chat,
        limits,
    };
    whole::check(source, &site);
    Some(ParsedSite { name, site: placed.then_some(site) })
}

fn session(
    source: &SiteFileSource<'_>,
    raw: Spanned<RawSession>,
    captured: bool,
) -> Result<SessionRules, SiteFileDiagnostic> {
    let at = raw.span().start;
    let raw = raw.into_inner();
    let bearer = match raw.bearer {
        Some(bearer) => Some(self::bearer(source, bearer)?),
        None => None,
    };
    if captured && raw.cookies.is_empty() && bearer.is_none() {
        return Err(source.mistake(at, "expected cookies or a bearer, or nothing signs the requests"));
    }
    let cookies = raw.cookies.iter().map(|name| NamePattern::parse(name)).collect();
    let local_storage = raw.local_storage;
    let session_storage = raw.session_storage;
    Ok(SessionRules { cookies, local_storage, session_storage, bearer, life: raw.life })
}

fn bearer(source: &SiteFileSource<'_>, raw: Spanned<RawBearer>) -> Result<Bearer, SiteFileDiagnostic> {
    let at = raw.span().start;
    let raw = raw.into_inner();
    let found = match (raw.response, raw.pointer) {
        (Some(path), Some(pointer)) if path.starts_with('/') && is_pointer(&pointer) => {
            vec![Bearer::Response { path, pointer }]
        }
        (None, None) => Vec::new(),
        _ => return Err(source.mistake(at, "response and pointer come together and start with /")),
    };
    let found: Vec<Bearer> = found
        .into_iter()
        .chain(raw.local_storage.map(Bearer::LocalStorage))
        .chain(raw.session_storage.map(Bearer::SessionStorage))
        .chain(raw.cookie.map(Bearer::Cookie))
        .chain(raw.request.map(Bearer::Request))
        .collect();
    match <[Bearer; 1]>::try_from(found) {
        Ok([Bearer::Request(path)]) if !path.starts_with('/') => {
            Err(source.mistake(at, "request is the start of a path; begin it with /"))
        }
        Ok([bearer]) => Ok(bearer),
        Err(_) => Err(source.mistake(
            at,
            "expected exactly one of local_storage, session_storage, cookie, request, response",
        )),
    }
}

fn probe(source: &SiteFileSource<'_>, raw: RawProbe) -> Result<Probe, SiteFileDiagnostic> {
    if !raw.path.get_ref().starts_with('/') {
        return Err(source.mistake(raw.path.span().start, "must start with /"));
    }
    if !is_pointer(raw.pointer.get_ref()) {
        let message = "must be a JSON pointer, like /user/name";
        return Err(source.mistake(raw.pointer.span().start, message));
    }
    let equals = match &raw.equals {
        Some(text) => Some(template(source, text, &[Placeholder::Username])?),
        None => None,
    };
    Ok(Probe { path: raw.path.into_inner(), pointer: raw.pointer.into_inner(), equals, timeout: raw.timeout })
}

#[cfg(test)]
mod tests;
