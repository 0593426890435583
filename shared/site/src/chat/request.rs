//! One request over HTTP, as drivers declare them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;
use toml::Spanned;

use super::text::{JsonTemplate, TextTemplate, VariableName};
use crate::{SiteFileDiagnostic, mistake::SiteFileSource, pointer::is_pointer};

/// Headers that are the session's or the connection's own.
const RESERVED: [&str; 5] = ["cookie", "host", "content-length", "transfer-encoding", "connection"];

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestTemplate {
    /// Its method.
    pub method: HttpMethod,
    /// Path below the base URL, perhaps with a query; what is filled in is percent-encoded.
    pub path: TextTemplate,
    /// Headers besides those of the session.
    pub headers: BTreeMap<String, TextTemplate>,
    /// Its body.
    pub body: BodyTemplate,
    /// Values out of its JSON answer.
    pub take: BTreeMap<String, Extraction>,
    /// Left out where all that it takes is known from an earlier turn of the conversation.
    pub once: bool,
    /// JSON pointers and what must be there in its answer, or it has failed.
    pub expect: BTreeMap<String, Value>,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// Without a body.
    #[default]
    Get,
    /// The usual one with a body.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl HttpMethod {
    /// Its name in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A body.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum BodyTemplate {
    /// None.
    #[default]
    None,
    /// JSON.
    Json(JsonTemplate),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, TextTemplate)>),
    /// `multipart/form-data` of texts.
    Multipart(Vec<(String, TextTemplate)>),
}

/// Where in a JSON answer a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Extraction {
    /// At a JSON pointer (RFC 6901).
    At(String),
    /// In the first element of a list that is as wanted.
    Find(ListSearch),
}

/// The first element of a list that is as wanted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSearch {
    /// JSON pointer of the list.
    pub list: String,
    /// JSON pointers inside an element, and what must be there.
    pub matching: BTreeMap<String, Value>,
    /// JSON pointer of the value, inside the element.
    pub value: String,
}

impl RequestTemplate {
    /// Whether the site learns from it what is asked.
    #[must_use]
    pub fn tells_the_prompt(&self) -> bool {
        self.names(&VariableName::Prompt) || self.names(&VariableName::Messages)
    }

    /// Whether a name is anywhere in it.
    #[must_use]
    pub fn names(&self, name: &VariableName) -> bool {
        let in_body = match &self.body {
            BodyTemplate::None => false,
            BodyTemplate::Json(shape) => shape.names(name),
            BodyTemplate::Form(fields) | BodyTemplate::Multipart(fields) => {
                fields.iter().any(|(_, text)| text.names(name))
            }
        };
        in_body || self.path.names(name) || self.headers.values().any(|text| text.names(name))
    }
}

impl Extraction {
    /// The value in an answer.
    #[must_use]
    pub fn from<'a>(&self, answer: &'a Value) -> Option<&'a Value> {
        let found = match self {
            Self::At(pointer) => answer.pointer(pointer),
            Self::Find(find) => {
                let wanted = |element: &&Value| {
                    find.matching.iter().all(|(pointer, value)| element.pointer(pointer) == Some(value))
                };
                let list = answer.pointer(&find.list)?.as_array()?;
                list.iter().find(wanted)?.pointer(&find.value)
            }
        };
        found.filter(|value| !value.is_null())
    }

    fn pointers(&self) -> Vec<&str> {
        match self {
            Self::At(pointer) => vec![pointer],
            Self::Find(find) => {
                let matching = find.matching.keys().map(String::as_str);
                matching.chain([find.list.as_str(), find.value.as_str()]).collect()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Extraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawTake;
        impl<'de> Visitor<'de> for RawTake {
            type Value = Extraction;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON pointer, or { list, matching, value }")
            }

            fn visit_str<E>(self, pointer: &str) -> Result<Extraction, E> {
                Ok(Extraction::At(pointer.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Extraction, A::Error> {
                ListSearch::deserialize(MapAccessDeserializer::new(fields)).map(Extraction::Find)
            }
        }
        deserializer.deserialize_any(RawTake)
    }
}

/// A request as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRequest {
    #[serde(default)]
    method: HttpMethod,
    path: Spanned<String>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    json: Option<Spanned<Value>>,
    form: Option<BTreeMap<String, Spanned<String>>>,
    multipart: Option<BTreeMap<String, Spanned<String>>>,
    #[serde(default)]
    take: BTreeMap<String, Spanned<Extraction>>,
    #[serde(default)]
    once: bool,
    #[serde(default)]
    expect: BTreeMap<String, Value>,
}

impl RawRequest {
    /// Whether it is left out where all that it takes is known.
    pub(super) fn is_once(&self) -> bool {
        self.once
    }
}

/// Checks requests in their order; `list` names them in mistakes, `known` grows by what they take.
pub(super) fn check_all(
    source: &SiteFileSource<'_>,
    list: &str,
    raw: Vec<Spanned<RawRequest>>,
    known: &mut BTreeSet<String>,
) -> Result<Vec<RequestTemplate>, SiteFileDiagnostic> {
    let mut requests = Vec::new();
    for request in raw {
        let at = request.span().start;
        let request = request.into_inner();
        let taken: Vec<String> = request.take.keys().cloned().collect();
        requests.extend(source.keep(check(source, list, at, request, known)));
        known.extend(taken);
    }
    Ok(requests)
}

/// Checks one request; `list` is where it stands.
///
/// # Errors
/// The first mistake.
pub(crate) fn check(
    source: &SiteFileSource<'_>,
    list: &str,
    at: usize,
    raw: RawRequest,
    known: &BTreeSet<String>,
) -> Result<RequestTemplate, SiteFileDiagnostic> {
    let RawRequest { method, path, headers, json, form, multipart, take, once, expect } = raw;
    let path = self::path(source, list, &path, known)?;
    let headers = self::headers(source, list, headers, known)?;
    let body = match (json, form, multipart) {
        (None, None, None) => BodyTemplate::None,
        (Some(json), None, None) => BodyTemplate::Json(shape(source, &format!("{list}.json"), json, known)?),
        (None, Some(form), None) => {
            BodyTemplate::Form(texts(source, list, form, known)?.into_iter().collect())
        }
        (None, None, Some(parts)) => {
            BodyTemplate::Multipart(texts(source, list, parts, known)?.into_iter().collect())
        }
        _ => {
            let message = format!("{list}: expected at most one of json, form, multipart");
            return Err(source.mistake(at, message));
        }
    };
    if method == HttpMethod::Get && body != BodyTemplate::None {
        let message = format!("{list}: a body needs a method: method = \"POST\"");
        return Err(source.mistake(at, message));
    }
    if let Some(pointer) = expect.keys().find(|pointer| !is_pointer(pointer)) {
        let message = format!("{list}.expect: {pointer:?} is no JSON pointer: it starts with /");
        return Err(source.mistake_near(at, pointer, message));
    }
    let take = takes(source, list, take)?;
    Ok(RequestTemplate { method, path, headers, body, take, once, expect })
}

/// Checks a path below the base URL.
///
/// # Errors
/// What is wrong with it.
pub(super) fn path(
    source: &SiteFileSource<'_>,
    list: &str,
    raw: &Spanned<String>,
    known: &BTreeSet<String>,
) -> Result<TextTemplate, SiteFileDiagnostic> {
    if !raw.get_ref().starts_with('/') {
        return Err(source.mistake(raw.span().start, format!("{list}.path must start with /")));
    }
    text(source, list, raw, known)
}

/// Checks headers besides those of the session.
///
/// # Errors
/// The first that may not be set, or is wrong.
pub(super) fn headers(
    source: &SiteFileSource<'_>,
    list: &str,
    raw: BTreeMap<String, Spanned<String>>,
    known: &BTreeSet<String>,
) -> Result<BTreeMap<String, TextTemplate>, SiteFileDiagnostic> {
    for (name, value) in &raw {
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            let message = format!("{list}.headers: {name} is set by the adapter; leave it out");
            return Err(source.mistake(value.span().start, message));
        }
    }
    texts(source, list, raw, known)
}

fn takes(
    source: &SiteFileSource<'_>,
    list: &str,
    raw: BTreeMap<String, Spanned<Extraction>>,
) -> Result<BTreeMap<String, Extraction>, SiteFileDiagnostic> {
    let mut takes = BTreeMap::new();
    for (name, take) in raw {
        if let Some(bad) = take.get_ref().pointers().into_iter().find(|pointer| !is_pointer(pointer)) {
            let message = format!("{list}.take: {bad:?} is no JSON pointer: it starts with /");
            return Err(source.mistake(take.span().start, message));
        }
        takes.insert(name, take.into_inner());
    }
    Ok(takes)
}

fn texts(
    source: &SiteFileSource<'_>,
    list: &str,
    raw: BTreeMap<String, Spanned<String>>,
    known: &BTreeSet<String>,
) -> Result<BTreeMap<String, TextTemplate>, SiteFileDiagnostic> {
    raw.into_iter().map(|(name, value)| Ok((name, text(source, list, &value, known)?))).collect()
}

fn text(
    source: &SiteFileSource<'_>,
    list: &str,
    raw: &Spanned<String>,
    known: &BTreeSet<String>,
) -> Result<TextTemplate, SiteFileDiagnostic> {
    let at = raw.span().start;
    let wrong = |why: String| source.mistake(at, format!("{list}: {why}"));
    let text = TextTemplate::parse(raw.get_ref(), known).map_err(wrong)?;
    match [VariableName::Messages, VariableName::Effort, VariableName::Null]
        .iter()
        .find(|name| text.names(name))
    {
        Some(_) => Err(wrong("{messages}, {effort} and {null} stand only in json".to_owned())),
        None => Ok(text),
    }
}

/// Checks JSON whose strings are texts.
///
/// # Errors
/// The faulty string.
pub(super) fn shape(
    source: &SiteFileSource<'_>,
    list: &str,
    raw: Spanned<Value>,
    known: &BTreeSet<String>,
) -> Result<JsonTemplate, SiteFileDiagnostic> {
    let at = raw.span().start;
    JsonTemplate::parse(raw.into_inner(), known)
        .map_err(|(text, why)| source.mistake_near(at, &text, format!("{list}: {why}")))
}
