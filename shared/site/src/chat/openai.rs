//! `[chat.openai]`: an endpoint like OpenAI's chat completions, behind the site's session.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use crate::{SiteFileDiagnostic, mistake::SiteFileSource};

/// An endpoint like OpenAI's chat completions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAiChat {
    /// Path below the base URL.
    pub path: String,
    /// The field of the body that lists what was uploaded, beside what the client itself may have put there.
    pub uploads: Option<String>,
    /// Fields of a client's request that the site gets beside OpenAI's own.
    pub fields: Vec<String>,
}

/// The table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOpenAi {
    path: Spanned<String>,
    uploads: Option<Spanned<String>>,
    #[serde(default)]
    fields: Vec<String>,
}

/// Checks it; it may list uploads where they are `given`.
///
/// # Errors
/// Its first mistake.
pub(super) fn check(
    source: &SiteFileSource<'_>,
    raw: RawOpenAi,
    given: &BTreeSet<String>,
) -> Result<OpenAiChat, SiteFileDiagnostic> {
    if !raw.path.get_ref().starts_with('/') {
        return Err(source.mistake(raw.path.span().start, "must start with /"));
    }
    if let Some(uploads) = raw.uploads.as_ref().filter(|_| given.is_empty()) {
        let message = "nothing is uploaded; write a table [chat.upload] that says how, or leave this out";
        return Err(source.mistake(uploads.span().start, message));
    }
    let uploads = raw.uploads.map(Spanned::into_inner);
    Ok(OpenAiChat { path: raw.path.into_inner(), uploads, fields: raw.fields })
}
