//! `[chat.upload]`: how pictures and files get to a site that takes them apart from what is said.
//!
//! Each file of a prompt is uploaded by requests of its own, right before the first request or step of the chat that
//! names `{uploads}`, the list of what they came to.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

pub use super::text::{ABOUT_FILE, FILE, UPLOADS};
use super::{
    request::{self, BodyTemplate, RawRequest, RequestTemplate},
    text::{JsonTemplate, VariableName},
};
use crate::{SiteFileDiagnostic, mistake::SiteFileSource};

/// How files are uploaded.
#[derive(Clone, Debug, PartialEq)]
pub struct UploadRules {
    /// What the site takes; anything else is refused, and so is a file that is too large.
    pub takes: BTreeSet<FileKind>,
    /// The largest file, in bytes.
    pub max_bytes: usize,
    /// The most files of one prompt.
    pub max_files: usize,
    /// What is asked for each file, in order.
    pub requests: Vec<RequestTemplate>,
    /// What stands for one file in `{uploads}`.
    pub item: JsonTemplate,
    /// What is asked for each file when the site needs it no more, whichever way the answer ended.
    pub remove: Vec<RequestTemplate>,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// What a client sends as a picture.
    Picture,
    /// What it sends as a file.
    File,
    /// What it sends as a sound.
    Sound,
}

impl FileKind {
    /// What a person calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::File => "file",
            Self::Sound => "sound",
        }
    }
}

/// The table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUpload {
    takes: BTreeSet<FileKind>,
    #[serde(default = "default_max_bytes")]
    max_bytes: usize,
    #[serde(default = "default_max_files")]
    max_files: usize,
    requests: Spanned<Vec<Spanned<RawRequest>>>,
    item: Spanned<Value>,
    #[serde(default)]
    remove: Vec<Spanned<RawRequest>>,
}

fn default_max_bytes() -> usize {
    10 * 1024 * 1024
}

fn default_max_files() -> usize {
    8
}

/// Checks it; its requests may name the values that are `known` where the uploads are made, if they are anywhere.
///
/// # Errors
/// Its first mistake.
pub(super) fn check(
    source: &SiteFileSource<'_>,
    raw: Spanned<RawUpload>,
    known: Option<BTreeSet<String>>,
) -> Result<UploadRules, SiteFileDiagnostic> {
    const LIST: &str = "chat.upload.requests";

    let table_at = raw.span().start;
    let RawUpload { takes, max_bytes, max_files, requests, item, remove } = raw.into_inner();
    let Some(mut known) = known.or_else(|| source.has_mistakes().then(BTreeSet::new)) else {
        let message = "nothing tells the site of the uploads; name {uploads} in a request or step of the chat, or write \
                       uploads = \"files\" in [chat.openai]";
        return Err(source.mistake(table_at, message));
    };
    let own = |name: &&String| [UPLOADS, FILE].contains(&name.as_str());
    if let Some(name) = known.iter().find(own) {
        let message =
            format!("`{name}` has a meaning of its own beside [chat.upload]; mint or take another name");
        return Err(source.mistake(table_at, message));
    }
    let at = requests.span().start;
    let all = requests.get_ref().len();
    // Each file is new to the site.
    let is_once = |request: &&Spanned<RawRequest>| request.get_ref().is_once();
    if let Some(request) = requests.get_ref().iter().chain(&remove).find(is_once) {
        let message = "once means nothing here, where each file is new; leave it out";
        return Err(source.mistake_near(request.span().start, "once", format!("{LIST}: {message}")));
    }
    let places: Vec<usize> = requests.get_ref().iter().map(|request| request.span().start).collect();
    known.extend(ABOUT_FILE.map(str::to_owned));
    let mut sending = known.clone();
    sending.insert(FILE.to_owned());
    let requests = request::check_all(source, LIST, requests.into_inner(), &mut sending)?;
    // One that is wrong may be the one that sends it.
    if requests.len() == all {
        if !requests.iter().any(sends_the_file) {
            let message = "none sends the file; write multipart = { file = \"{file}\" }";
            return Err(source.mistake(at, format!("{LIST}: {message}")));
        }
        if let Some((_, at)) = requests.iter().zip(places).find(|(request, _)| misplaces_the_file(request)) {
            let message =
                "{file} is the content, and stands alone as a part of multipart; its name is {file.name}";
            return Err(source.mistake_near(at, "{file}", format!("{LIST}: {message}")));
        }
    }
    known.extend(requests.iter().flat_map(|request| request.take.keys().cloned()));
    let item = request::shape(source, "chat.upload.item", item, &known)?;
    let remove = request::check_all(source, "chat.upload.remove", remove, &mut known)?;
    Ok(UploadRules { takes, max_bytes, max_files, requests, item, remove })
}

fn is_the_file(text: &super::text::TextTemplate) -> bool {
    matches!(text.whole_name(), Some(VariableName::Value(name)) if name == FILE)
}

fn sends_the_file(request: &RequestTemplate) -> bool {
    matches!(&request.body, BodyTemplate::Multipart(parts) if parts.iter().any(|(_, text)| is_the_file(text)))
}

/// Whether it names the content anywhere but as a part of its own.
fn misplaces_the_file(request: &RequestTemplate) -> bool {
    let mut rest = request.clone();
    if let BodyTemplate::Multipart(parts) = &mut rest.body {
        parts.retain(|(_, text)| !is_the_file(text));
    }
    rest.names(&VariableName::Value(FILE.to_owned()))
}
