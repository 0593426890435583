//! Reads a site file: TOML as it stands, then checked into [`Site`].

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;
use url::Url;

use super::{
    Bearer, Limits, Login, Models, ModelsFrom, NamePattern, Probe, Refusal, RefusalKind, SessionRules, Site,
    SiteFileError, SiteUrls,
    chat::RawChat,
    mistake::Source,
    text::{Placeholder, Template},
};
use crate::id::SiteName;

mod steps;

use steps::{RawCondition, RawStep};

/// What a file describes: a site, or one that has no address yet.
#[derive(Debug)]
pub struct Parsed {
    /// Its name.
    pub name: SiteName,
    /// The site; `None` when neither the file nor `LATCHKEY_SITE_URLS` has a base URL.
    pub site: Option<Site>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    version: Spanned<u32>,
    site: RawSite,
    login: RawLogin,
    session: Spanned<RawSession>,
    probe: RawProbe,
    chat: Spanned<RawChat>,
    #[serde(default)]
    limits: RawLimits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSite {
    name: Spanned<String>,
    title: String,
    base_url: Option<Spanned<String>>,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
    #[serde(default)]
    models: Vec<String>,
    models_from: Option<Spanned<ModelsFrom>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLogin {
    #[serde(default = "default_login_timeout", deserialize_with = "duration")]
    timeout: Duration,
    #[serde(default = "default_step_timeout", deserialize_with = "duration")]
    step_timeout: Duration,
    steps: Spanned<Vec<Spanned<RawStep>>>,
    #[serde(default)]
    refusals: Vec<Spanned<RawRefusal>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRefusal {
    means: RefusalKind,
    when: RawCondition,
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

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    concurrency: Option<Spanned<u32>>,
    #[serde(default, deserialize_with = "some_duration")]
    first_token: Option<Duration>,
    #[serde(default, deserialize_with = "some_duration")]
    idle: Option<Duration>,
    #[serde(default, deserialize_with = "some_duration")]
    turn: Option<Duration>,
}

fn default_login_timeout() -> Duration {
    Duration::from_secs(90)
}

fn default_step_timeout() -> Duration {
    Duration::from_secs(15)
}

fn default_life() -> Duration {
    Duration::from_secs(12 * 60 * 60)
}

fn default_probe_timeout() -> Duration {
    Duration::from_secs(10)
}

/// Reads a duration like `30s`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    match humantime::parse_duration(&text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(de::Error::custom(format!("{text:?} is no duration, expected one like \"30s\" or \"12h\""))),
    }
}

/// Reads a duration that may be left out.
pub(super) fn some_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// Reads one site file; `file` names it in mistakes.
///
/// # Errors
/// The first mistake, with its line.
pub fn parse(file: &str, text: &str, urls: &SiteUrls) -> Result<Parsed, SiteFileError> {
    let source = Source { file, text };
    let raw: RawFile = toml::from_str(text).map_err(|error| source.toml_mistake(&error))?;
    if *raw.version.get_ref() != 1 {
        return Err(source.mistake(raw.version.span().start, "version must be 1"));
    }
    let name: SiteName = raw
        .site
        .name
        .get_ref()
        .parse()
        .map_err(|bad: crate::id::BadId| source.mistake(raw.site.name.span().start, bad.to_string()))?;
    let own_url = raw.site.base_url.as_ref().map(|url| base_url(&source, url)).transpose()?;
    let placed = urls.contains_key(&name) || own_url.is_some();
    // A file without an address is still checked whole, against a stand-in for the address.
    let base_url = urls.get(&name).cloned().or(own_url).unwrap_or_else(stand_in);
    let site = site(&source, raw, name.clone(), base_url)?;
    Ok(Parsed { name, site: placed.then_some(site) })
}

fn stand_in() -> Url {
    "http://site.invalid/".parse().expect("a valid URL")
}

fn site(source: &Source<'_>, raw: RawFile, name: SiteName, base_url: Url) -> Result<Site, SiteFileError> {
    let mut origins = vec![base_url.origin()];
    for text in &raw.site.origins {
        origins.push(origin(source, text)?);
    }
    let models = models(source, &raw.site)?;
    let login = Login {
        timeout: raw.login.timeout,
        step_timeout: raw.login.step_timeout,
        steps: steps::check(source, raw.login.steps, &base_url, &origins)?,
        refusals: refusals(source, raw.login.refusals, &base_url)?,
    };
    let session = session(source, raw.session)?;
    let probe = probe(source, raw.probe)?;
    let chat = RawChat::check(source, raw.chat)?;
    let limits = limits(source, raw.limits)?;
    Ok(Site { name, title: raw.site.title, base_url, origins, models, login, session, probe, chat, limits })
}

fn base_url(source: &Source<'_>, text: &Spanned<String>) -> Result<Url, SiteFileError> {
    http_url(text.get_ref()).map_err(|why| source.mistake(text.span().start, format!("base_url: {why}")))
}

/// Reads a URL that a site may have: http or https, a host, no user, query or fragment.
///
/// # Errors
/// A sentence on what was expected.
pub(crate) fn http_url(text: &str) -> Result<Url, String> {
    let expected = || format!("{text:?} is no URL like https://chat.example.org");
    let url: Url = text.parse().map_err(|_| expected())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain || url.fragment().is_some() {
        return Err(expected());
    }
    Ok(url)
}

fn origin(source: &Source<'_>, text: &Spanned<String>) -> Result<url::Origin, SiteFileError> {
    match http_url(text.get_ref()) {
        Ok(url) if url.path() == "/" => Ok(url.origin()),
        Ok(_) => Err(source.mistake(text.span().start, "origins: an origin has no path")),
        Err(why) => Err(source.mistake(text.span().start, format!("origins: {why}"))),
    }
}

fn models(source: &Source<'_>, raw: &RawSite) -> Result<Models, SiteFileError> {
    match &raw.models_from {
        Some(from) if !raw.models.is_empty() => {
            Err(source.mistake(from.span().start, "models and models_from exclude each other"))
        }
        Some(from) => {
            let ModelsFrom { path, list, id } = from.get_ref();
            // The whole element is the id where the list has nothing but ids.
            let pointers = is_pointer(list) && (id.is_empty() || is_pointer(id));
            if !path.starts_with('/') || !pointers {
                let message = "models_from: path, list and id must start with /; list and id are JSON pointers, id may be \"\"";
                return Err(source.mistake(from.span().start, message));
            }
            Ok(Models::Fetched(from.get_ref().clone()))
        }
        None if raw.models.is_empty() => {
            Err(source.mistake(raw.name.span().start, "expected models = [\"...\"] or models_from = {...}"))
        }
        None => Ok(Models::Fixed(raw.models.clone())),
    }
}

fn refusals(
    source: &Source<'_>,
    raw: Vec<Spanned<RawRefusal>>,
    base_url: &Url,
) -> Result<Vec<Refusal>, SiteFileError> {
    let mut refusals = Vec::new();
    for refusal in raw {
        let at = refusal.span().start;
        let refusal = refusal.into_inner();
        let when = refusal.when.check(base_url).map_err(|why| source.mistake(at, why))?;
        refusals.push(Refusal { means: refusal.means, when });
    }
    Ok(refusals)
}

fn session(source: &Source<'_>, raw: Spanned<RawSession>) -> Result<SessionRules, SiteFileError> {
    let at = raw.span().start;
    let raw = raw.into_inner();
    let bearer = match raw.bearer {
        Some(bearer) => Some(self::bearer(source, bearer)?),
        None => None,
    };
    if raw.cookies.is_empty() && bearer.is_none() {
        return Err(
            source.mistake(at, "session: expected cookies or a bearer, or nothing signs the requests")
        );
    }
    let cookies = raw.cookies.iter().map(|name| pattern(name)).collect();
    let (local_storage, session_storage) = (raw.local_storage, raw.session_storage);
    Ok(SessionRules { cookies, local_storage, session_storage, bearer, life: raw.life })
}

/// A name, or a prefix with a trailing `*`.
fn pattern(text: &str) -> NamePattern {
    match text.strip_suffix('*') {
        Some(prefix) => NamePattern::Prefix(prefix.to_owned()),
        None => NamePattern::Exact(text.to_owned()),
    }
}

fn bearer(source: &Source<'_>, raw: Spanned<RawBearer>) -> Result<Bearer, SiteFileError> {
    let at = raw.span().start;
    let raw = raw.into_inner();
    let found = match (raw.response, raw.pointer) {
        (Some(path), Some(pointer)) if path.starts_with('/') && is_pointer(&pointer) => {
            vec![Bearer::Response { path, pointer }]
        }
        (None, None) => Vec::new(),
        _ => return Err(source.mistake(at, "bearer: response and pointer come together and start with /")),
    };
    let found: Vec<Bearer> = found
        .into_iter()
        .chain(raw.local_storage.map(Bearer::LocalStorage))
        .chain(raw.session_storage.map(Bearer::SessionStorage))
        .chain(raw.cookie.map(Bearer::Cookie))
        .chain(raw.request.map(Bearer::Request))
        .collect();
    match <[Bearer; 1]>::try_from(found) {
        Ok([bearer]) => Ok(bearer),
        Err(_) => Err(source.mistake(
            at,
            "bearer: expected exactly one of local_storage, session_storage, cookie, request, response",
        )),
    }
}

fn probe(source: &Source<'_>, raw: RawProbe) -> Result<Probe, SiteFileError> {
    if !raw.path.get_ref().starts_with('/') {
        return Err(source.mistake(raw.path.span().start, "probe.path must start with /"));
    }
    if !is_pointer(raw.pointer.get_ref()) {
        let message = "probe.pointer must be a JSON pointer: it starts with /";
        return Err(source.mistake(raw.pointer.span().start, message));
    }
    let equals = match &raw.equals {
        Some(text) => Some(template(source, text, &[Placeholder::Username])?),
        None => None,
    };
    Ok(Probe { path: raw.path.into_inner(), pointer: raw.pointer.into_inner(), equals, timeout: raw.timeout })
}

fn limits(source: &Source<'_>, raw: RawLimits) -> Result<Limits, SiteFileError> {
    let default = Limits::default();
    let concurrency = match raw.concurrency {
        Some(zero) if *zero.get_ref() == 0 => {
            return Err(source.mistake(zero.span().start, "limits.concurrency must be at least 1"));
        }
        Some(concurrency) => concurrency.into_inner(),
        None => default.concurrency,
    };
    Ok(Limits {
        concurrency,
        first_token: raw.first_token.unwrap_or(default.first_token),
        idle: raw.idle.unwrap_or(default.idle),
        turn: raw.turn.unwrap_or(default.turn),
    })
}

/// Reads a template that may use only some placeholders.
fn template(
    source: &Source<'_>,
    text: &Spanned<String>,
    allowed: &[Placeholder],
) -> Result<Template, SiteFileError> {
    let at = text.span().start;
    let template = Template::parse(text.get_ref()).map_err(|why| source.mistake(at, why))?;
    let forbidden = Placeholder::ALL
        .iter()
        .find(|(placeholder, _)| template.has(*placeholder) && !allowed.contains(placeholder));
    match forbidden {
        Some((_, name)) => Err(source.mistake(at, format!("{{{name}}} may not be used here"))),
        None => Ok(template),
    }
}

/// Whether a text is a JSON pointer to something inside.
pub(super) fn is_pointer(text: &str) -> bool {
    text.starts_with('/')
}

#[cfg(test)]
mod tests;
