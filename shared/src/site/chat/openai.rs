//! `[chat.openai]`: an endpoint like OpenAI's chat completions, behind the site's session.

use serde::Deserialize;
use toml::Spanned;

use crate::site::{SiteFileError, mistake::Source};

/// An endpoint like OpenAI's chat completions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAi {
    /// Path below the base URL.
    pub path: String,
}

/// The table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOpenAi {
    path: Spanned<String>,
}

pub(super) fn check(source: &Source<'_>, raw: RawOpenAi) -> Result<OpenAi, SiteFileError> {
    if !raw.path.get_ref().starts_with('/') {
        return Err(source.mistake(raw.path.span().start, "must start with /"));
    }
    Ok(OpenAi { path: raw.path.into_inner() })
}
