//! Where a site is, and where secrets may be typed.

use toml::Spanned;
use url::{Origin, Url};

use crate::{SiteFileDiagnostic, mistake::SiteFileSource};

pub(super) fn base_url(
    source: &SiteFileSource<'_>,
    text: &Spanned<String>,
) -> Result<Url, SiteFileDiagnostic> {
    http_url(text.get_ref()).map_err(|why| source.mistake(text.span().start, why))
}

/// Reads a URL that a site may have: http or https, a host, no user, query or fragment.
///
/// # Errors
/// A sentence on what was expected.
pub fn http_url(text: &str) -> Result<Url, String> {
    let expected = || format!("{text:?} is no URL like https://chat.example.org");
    let url: Url = text.parse().map_err(|_| expected())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain || url.fragment().is_some() {
        return Err(expected());
    }
    Ok(url)
}

pub(super) fn origin(
    source: &SiteFileSource<'_>,
    text: &Spanned<String>,
) -> Result<Origin, SiteFileDiagnostic> {
    match http_url(text.get_ref()) {
        Ok(url) if url.path() == "/" => Ok(url.origin()),
        Ok(_) => {
            Err(source.mistake(text.span().start, "an origin has no path; end it after the host or port"))
        }
        Err(why) => Err(source.mistake(text.span().start, why)),
    }
}
