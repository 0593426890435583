//! `[refresh]`: how a session is renewed with nothing typed: by a request, or by a browser with what it kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::{
    SiteFileDiagnostic,
    chat::request::{self, RawRequest, RequestTemplate},
    condition::RawCondition,
    duration::duration,
    mistake::SiteFileSource,
    pointer::is_pointer,
    step::Condition,
    text,
};
use crate::nearest::nearest;

/// How a session is renewed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refresh {
    /// By a request.
    pub http: Option<HttpRefresh>,
    /// Whether a browser is opened with what it kept, before anything is typed.
    pub restore: bool,
    /// What is seen where nothing needs to be typed; without it, what the recipe's last step waits for.
    pub signed_in: Option<Condition>,
}

/// Renewal by one request, with what the browser kept: more cookies and items than adapters are given.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRefresh {
    /// The request. Cookies that its answer sets are taken as a browser would.
    pub request: RequestTemplate,
    /// JSON pointer of the new bearer in the answer.
    pub bearer: Option<String>,
    /// `localStorage` items, with the JSON pointer of each in the answer.
    pub local_storage: BTreeMap<String, String>,
    /// When the new session ends, where neither a token nor a cookie says it.
    pub expires: Option<Expires>,
    /// Limit of the request.
    pub timeout: Duration,
}

/// Where an answer says when the session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expires {
    /// JSON pointer of a number of seconds from now.
    In(String),
    /// JSON pointer of a time: seconds or milliseconds since the epoch, or RFC 3339.
    At(String),
}

impl Default for Refresh {
    fn default() -> Self {
        Self { http: None, restore: true, signed_in: None }
    }
}

/// The table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRefresh {
    http: Option<Spanned<RawHttpRefresh>>,
    restore: Option<bool>,
    signed_in: Option<Spanned<RawCondition>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHttpRefresh {
    request: Spanned<RawRequest>,
    bearer: Option<String>,
    #[serde(default)]
    local_storage: BTreeMap<String, String>,
    expires_in: Option<String>,
    expires_at: Option<String>,
    #[serde(default = "default_timeout", deserialize_with = "duration")]
    timeout: Duration,
}

fn default_timeout() -> Duration {
    Duration::from_secs(10)
}

pub(super) fn check(
    source: &SiteFileSource<'_>,
    raw: RawRefresh,
    base_url: &Url,
) -> Result<Refresh, SiteFileDiagnostic> {
    let http = raw.http.map(|http| check_http(source, http)).transpose()?;
    let signed_in = match raw.signed_in {
        Some(condition) => {
            let at = condition.span().start;
            let checked = condition.into_inner().check(base_url);
            Some(checked.map_err(|why| source.mistake(at, why))?)
        }
        None => None,
    };
    Ok(Refresh { http, restore: raw.restore.unwrap_or(true), signed_in })
}

fn check_http(
    source: &SiteFileSource<'_>,
    raw: Spanned<RawHttpRefresh>,
) -> Result<HttpRefresh, SiteFileDiagnostic> {
    const PLACE: &str = "refresh.http.request";

    let at = raw.span().start;
    let RawHttpRefresh { request, bearer, local_storage, expires_in, expires_at, timeout } = raw.into_inner();
    let request_at = request.span().start;
    check_names(source, PLACE)?;
    let request = request::check(source, PLACE, request_at, request.into_inner(), &BTreeSet::new())?;
    if !request.take.is_empty() || request.once {
        return Err(source.mistake(request_at, "take and once mean nothing here; leave them out"));
    }
    let expires = match (expires_in, expires_at) {
        (Some(_), Some(_)) => {
            return Err(source.mistake(at, "expires_in and expires_at exclude each other; leave one out"));
        }
        (Some(pointer), None) => Some(Expires::In(pointer)),
        (None, at) => at.map(Expires::At),
    };
    let expiry = expires.as_ref().map(|(Expires::In(pointer) | Expires::At(pointer))| pointer);
    let pointers = bearer.iter().chain(local_storage.values()).chain(expiry);
    if let Some(bad) = pointers.into_iter().find(|pointer| !is_pointer(pointer)) {
        let message = format!("{bad:?} is no JSON pointer: it starts with /");
        return Err(source.mistake_near(at, bad, message));
    }
    Ok(HttpRefresh { request, bearer, local_storage, expires, timeout })
}

/// Only what a browser kept is known to this request.
///
/// # Errors
/// The first placeholder that stands for nothing.
fn check_names(source: &SiteFileSource<'_>, table: &str) -> Result<(), SiteFileDiagnostic> {
    const KEPT: [&str; 3] = ["cookie", "local_storage", "session_storage"];

    let named = source.texts(table).flat_map(|(at, text)| text::names(text).map(move |name| (at, name)));
    let is_known = |name: &str| match name.split_once('.') {
        None => ["bearer", "null"].contains(&name),
        Some((of, key)) => KEPT.contains(&of) && !key.is_empty(),
    };
    let mut unknown = named.filter(|(_, name)| !is_known(name));
    let Some((at, name)) = unknown.next() else { return Ok(()) };
    let of = name.split_once('.').map_or(name, |(of, _)| of);
    let told = match nearest(of, KEPT.into_iter().chain(["bearer"])) {
        Some("bearer") => "did you mean {bearer}?".to_owned(),
        Some(near) => {
            format!("did you mean {{{near}.{}}}?", name.split_once('.').map_or("NAME", |(_, key)| key))
        }
        None => "expected {bearer}, {cookie.NAME}, {local_storage.KEY} or {session_storage.KEY}".to_owned(),
    };
    Err(source.mistake(at, format!("{{{name}}} is not known here; {told}")))
}
