//! `[site]`: what it is called, where it is and which models it has.

use serde::Deserialize;
use toml::Spanned;
use url::{Origin, Url};

use super::address::{base_url, origin};
use crate::{
    Models, ModelsFrom, SiteFileDiagnostic, SiteName, SiteUrls, mistake::SiteFileSource, pointer::is_pointer,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSite {
    name: Spanned<String>,
    title: String,
    base_url: Option<Spanned<String>>,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
    #[serde(default = "default_order")]
    order: u32,
    #[serde(default)]
    models: Vec<String>,
    models_from: Option<Spanned<ModelsFrom>>,
}

/// What `[site]` says.
pub(super) struct SiteHead {
    pub(super) name: SiteName,
    pub(super) title: String,
    pub(super) base_url: Url,
    /// Whether it has an address. A file without one is still checked whole, against a stand-in.
    pub(super) placed: bool,
    pub(super) origins: Vec<Origin>,
    pub(super) order: u32,
    pub(super) models: Models,
}

fn default_order() -> u32 {
    100
}

/// Checks the section; what is wrong is kept.
pub(super) fn check(source: &SiteFileSource<'_>, raw: RawSite, urls: &SiteUrls) -> Option<SiteHead> {
    let at = raw.name.span().start;
    let name = raw.name.get_ref().parse::<SiteName>();
    let name = source.keep(name.map_err(|bad| source.mistake(at, bad.to_string())));
    let given = name.as_ref().and_then(|name| urls.get(name)).cloned();
    let own = raw.base_url.as_ref().map(|url| source.keep(base_url(source, url)));
    let models = source.keep(models(source, &raw));
    let base_url = given.or(own.flatten());
    let placed = base_url.is_some();
    let base_url = base_url.unwrap_or_else(stand_in);
    let mut origins = vec![base_url.origin()];
    for text in &raw.origins {
        origins.push(source.keep(origin(source, text))?);
    }
    Some(SiteHead {
        name: name?,
        title: raw.title,
        base_url,
        placed,
        origins,
        order: raw.order,
        models: models?,
    })
}

fn models(source: &SiteFileSource<'_>, raw: &RawSite) -> Result<Models, SiteFileDiagnostic> {
    match &raw.models_from {
        Some(from) if !raw.models.is_empty() => {
            Err(source
                .mistake(from.span().start, "models and models_from exclude each other; keep one of them"))
        }
        Some(from) => {
            let ModelsFrom { path, list, id } = from.get_ref();
            // The whole element is the id where the list has nothing but ids.
            let pointers = is_pointer(list) && (id.is_empty() || is_pointer(id));
            if !path.starts_with('/') || !pointers {
                let message =
                    "path, list and id must start with /; list and id are JSON pointers, id may be \"\"";
                return Err(source.mistake(from.span().start, message));
            }
            Ok(Models::Fetched(from.get_ref().clone()))
        }
        None if raw.models.is_empty() => {
            let message = "is missing; write models = [\"...\"] or models_from = { path, list, id }";
            Err(source.mistake_about(raw.name.span().start, "models", message))
        }
        None => Ok(Models::Fixed(raw.models.clone())),
    }
}

/// Stands in for an address that is not known.
pub(super) fn stand_in() -> Url {
    "http://site.invalid/".parse().expect("a valid URL")
}
