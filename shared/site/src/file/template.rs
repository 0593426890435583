//! Templates that may use only some placeholders.

use toml::Spanned;

use crate::{
    SiteFileDiagnostic,
    mistake::SiteFileSource,
    text::{Placeholder, RecipeText},
};

/// Reads a template that may use only some placeholders.
pub(super) fn template(
    source: &SiteFileSource<'_>,
    text: &Spanned<String>,
    allowed: &[Placeholder],
) -> Result<RecipeText, SiteFileDiagnostic> {
    let at = text.span().start;
    let template = RecipeText::parse(text.get_ref()).map_err(|why| source.mistake(at, why))?;
    let forbidden = Placeholder::ALL
        .iter()
        .find(|(placeholder, _)| template.has(*placeholder) && !allowed.contains(placeholder));
    let Some((_, name)) = forbidden else { return Ok(template) };
    let spelled = |placeholder: &Placeholder| {
        Placeholder::ALL
            .iter()
            .find(|(each, _)| each == placeholder)
            .map(|(_, spelling)| format!("{{{spelling}}}"))
    };
    let allowed: Vec<String> = allowed.iter().filter_map(spelled).collect();
    Err(source.mistake(at, format!("{{{name}}} may not be used here, only {}", allowed.join(" and "))))
}
