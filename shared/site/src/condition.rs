//! A condition as it stands in the file: a step waits for it, a refusal is known by it.

use serde::Deserialize;
use url::Url;

use crate::{
    NamePattern, selector,
    step::Condition,
    text::{Placeholder, RecipeText},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCondition {
    visible: Option<String>,
    url: Option<String>,
    text: Option<String>,
    response: Option<String>,
    #[serde(default)]
    status: Vec<u16>,
}

impl RawCondition {
    pub(super) fn check(self, base_url: &Url) -> Result<Condition, String> {
        let response = self.response.map(|path| Condition::Response { path, status: self.status.clone() });
        if response.is_none() && !self.status.is_empty() {
            return Err("status belongs to response; write response = \"/path\" beside it, or take it away"
                .to_owned());
        }
        let url = match self.url {
            Some(url) => Some(Condition::Url(url_pattern(&url, base_url)?)),
            None => None,
        };
        let found: Vec<Condition> = response
            .into_iter()
            .chain(url)
            .chain(self.visible.map(Condition::Visible))
            .chain(self.text.map(Condition::Text))
            .collect();
        match <[Condition; 1]>::try_from(found) {
            Ok([Condition::Response { path, .. }]) if !path.starts_with('/') => {
                Err("response is a path and starts with /".to_owned())
            }
            Ok([Condition::Visible(selector)]) => {
                selector::check(&selector)?;
                Ok(Condition::Visible(selector))
            }
            Ok([condition]) => Ok(condition),
            Err(_) => Err("expected exactly one of visible, url, text, response".to_owned()),
        }
    }
}

fn url_pattern(text: &str, base_url: &Url) -> Result<NamePattern, String> {
    let template = RecipeText::parse(text)?;
    if template.is_secret() || template.has(Placeholder::Username) {
        return Err("a url may use {base_url} only".to_owned());
    }
    Ok(NamePattern::parse(&template.fill_base_url(base_url)))
}
