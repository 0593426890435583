//! What sites offer, and where a model's name leads.

use std::{collections::HashSet, sync::Arc};

use latchkey_shared::{id::SiteName, site::Site};

use crate::stream::fault::Fault;

/// A site's model ids, or why they are not known.
pub(super) type ModelIds = Result<Arc<[String]>, ModelsUnknown>;

/// Why a site's models are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ModelsUnknown {
    /// No account is signed in with which to ask.
    NoAccount,
    /// The site does not say.
    Fault(Fault),
}

/// Where a model's name leads.
#[derive(Clone, Debug)]
pub(crate) struct ModelRoute {
    /// The site.
    pub site: Arc<Site>,
    /// The model as the site names it.
    pub model: String,
    /// Whether the site's list has it; false when the site does not tell its list.
    pub listed: bool,
}

/// A name by which clients may ask for a model.
#[derive(Clone, Debug)]
pub(crate) struct ListedModel {
    /// The name.
    pub name: String,
    /// The site.
    pub site: Arc<Site>,
    /// The model as the site names it.
    pub id: String,
}

/// A site and its models, as far as they are known.
pub(super) struct SiteOffer {
    pub(super) site: Arc<Site>,
    pub(super) ids: ModelIds,
}

/// Why a model's name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelError {
    /// No site has it.
    #[error("model: there is no {0:?}; GET /v1/models lists what there is")]
    Unknown(String),
    /// No site says what it has, because no account is signed in at this one.
    #[error("no models are known: no account of the site {0} is signed in")]
    NotKnown(SiteName),
    /// A site that may have it does not list what it has.
    #[error(transparent)]
    Unlisted(Fault),
}

impl SiteOffer {
    fn route(&self, id: &str) -> ModelRoute {
        ModelRoute { site: Arc::clone(&self.site), model: id.to_owned(), listed: self.has(id) }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.as_ref().is_ok_and(|ids| ids.iter().any(|known| known == id))
    }

    /// The model that has a name here: the site's own, or one that its file gives.
    fn named(&self, name: &str) -> Option<ModelRoute> {
        let own = self.has(name).then_some(name);
        let other = || self.site.aliased(name).filter(|id| self.ids.is_err() || self.has(id));
        own.or_else(other).map(|id| self.route(id))
    }
}

/// Where a name leads: `site/name` to that site, and a plain one to the first that has it, in the order of the offers.
pub(super) fn resolve(offers: &[SiteOffer], model: &str) -> Result<ModelRoute, ModelError> {
    if let Some((site, name)) = model.split_once('/') {
        let named = offers.iter().find(|offer| offer.site.name.as_str() == site);
        let unlisted = |offer: &SiteOffer| offer.ids.is_err().then(|| offer.route(name));
        if let Some(route) = named.and_then(|offer| offer.named(name).or_else(|| unlisted(offer))) {
            return Ok(route);
        }
        // A site that tells its list has no other model, whatever other sites do not tell.
        if named.is_some() && !offers.iter().any(|offer| offer.has(model)) {
            return Err(ModelError::Unknown(shown(model)));
        }
    }
    offers.iter().find_map(|offer| offer.named(model)).ok_or_else(|| missing(offers, model))
}

/// Every name by which a client may ask for a model: the plain one leads to the first site that has it.
pub(super) fn listed(offers: &[SiteOffer]) -> Vec<ListedModel> {
    let mut taken = HashSet::new();
    let mut models = Vec::new();
    for offer in offers {
        for id in offer.ids.iter().flat_map(|ids| ids.iter()) {
            let aliases = offer.site.model_info(id).aliases;
            for name in std::iter::once(id).chain(&aliases) {
                let is_first = taken.insert(name.clone());
                let name = if is_first { name.clone() } else { format!("{}/{name}", offer.site.name) };
                models.push(ListedModel { name, site: Arc::clone(&offer.site), id: id.clone() });
            }
        }
    }
    models
}

/// Why a name is at no site: there is none, or a site that may have it does not say.
fn missing(offers: &[SiteOffer], model: &str) -> ModelError {
    let mut nobody = None;
    for offer in offers {
        match &offer.ids {
            Err(ModelsUnknown::Fault(fault)) => return ModelError::Unlisted(fault.clone()),
            Err(ModelsUnknown::NoAccount) => nobody = Some(offer.site.name.clone()),
            Ok(_) => {}
        }
    }
    // Where nobody is signed in there is nothing to be had. As long as others tell their lists, a name that none of
    // them has is wrong, and a gateway need not ask again.
    let some_tell = offers.iter().any(|offer| offer.ids.is_ok());
    match nobody.filter(|_| !some_tell) {
        Some(site) => ModelError::NotKnown(site),
        None => ModelError::Unknown(shown(model)),
    }
}

/// A name as it may be repeated in a message: a client must not put phrases there that gateways act upon.
fn shown(model: &str) -> String {
    let plain = model.len() <= 100 && !model.contains(char::is_whitespace);
    if plain { model.to_owned() } else { "...".to_owned() }
}

#[cfg(test)]
mod tests {
    use latchkey_shared::site::{SiteUrls, catalog::SiteCatalog, models::ModelInfo};

    use super::*;

    /// Two sites; the second may not have told its models.
    fn offers(first: &[&str], second: Option<&[&str]>) -> Vec<SiteOffer> {
        let names = ["practice", "open-webui"].map(|name| name.parse::<SiteName>().unwrap());
        let urls: SiteUrls =
            names.iter().map(|name| (name.clone(), "http://127.0.0.1:1".parse().unwrap())).collect();
        let catalog = SiteCatalog::load(&[], &urls).unwrap();
        let lists = [Some(first), second];
        let offer = |(name, ids): (&SiteName, Option<&[&str]>)| SiteOffer {
            site: catalog.site(name).unwrap(),
            ids: ids
                .map(|ids| ids.iter().map(|id| (*id).to_owned()).collect())
                .ok_or(ModelsUnknown::NoAccount),
        };
        names.iter().zip(lists).map(offer).collect()
    }

    fn resolved(offers: &[SiteOffer], model: &str) -> String {
        match resolve(offers, model) {
            Ok(ModelRoute { site, model, .. }) => format!("{} {model}", site.name),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_bare_id_leads_to_the_first_site_that_has_it() {
        let offers = offers(&["a", "both"], Some(&["b", "both", "x/y"]));

        assert_eq!(resolved(&offers, "a"), "practice a");
        assert_eq!(resolved(&offers, "x/y"), "open-webui x/y");
        assert_eq!(resolved(&offers, "open-webui/both"), "open-webui both");
        assert_eq!(resolved(&offers, "both"), "practice both");
        assert!(resolved(&offers, "practice/b").starts_with("model: there is no \"practice/b\""));
        assert!(resolved(&offers, "Permission denied").starts_with("model: there is no \"...\""));
    }

    #[test]
    fn a_site_that_does_not_tell_is_not_denied() {
        let offers = offers(&["a"], None);

        assert_eq!(resolved(&offers, "open-webui/any"), "open-webui any");
        assert_eq!(
            resolve(&offers[1..], "any").unwrap_err(),
            ModelError::NotKnown("open-webui".parse().unwrap())
        );
    }

    #[test]
    fn a_site_that_nobody_is_signed_in_to_makes_no_other_name_unknown_for_a_while() {
        let mut offers = offers(&["a"], None);
        let unknown = |model: &str| ModelError::Unknown(model.to_owned());

        for model in ["any", "practice/b", "practice/a/b", "elsewhere/a"] {
            assert_eq!(resolve(&offers, model).unwrap_err(), unknown(model));
        }
        offers[1].ids = Err(ModelsUnknown::Fault(Fault::Unreachable));
        assert_eq!(resolve(&offers, "any").unwrap_err(), ModelError::Unlisted(Fault::Unreachable));
        assert_eq!(resolve(&offers, "practice/b").unwrap_err(), unknown("practice/b"));
    }

    #[test]
    fn a_name_that_a_file_gives_leads_to_its_model_and_takes_none_away() {
        let mut offers = offers(&["a"], Some(&["b", "other"]));
        let info = |alias: &str| ModelInfo { aliases: vec![alias.to_owned()], ..ModelInfo::default() };
        let mut second = Site::clone(&offers[1].site);
        second.model_info = [("b".to_owned(), info("a")), ("other".to_owned(), info("claude-x"))].into();
        offers[1].site = Arc::new(second);

        assert_eq!(resolved(&offers, "claude-x"), "open-webui other");
        assert_eq!(resolved(&offers, "open-webui/claude-x"), "open-webui other");
        assert_eq!(resolved(&offers, "a"), "practice a");
        assert_eq!(resolved(&offers, "open-webui/a"), "open-webui b");
        let names: Vec<String> = listed(&offers).into_iter().map(|model| model.name).collect();
        assert_eq!(names, ["a", "b", "open-webui/a", "other", "claude-x"]);
        offers[1].ids = Err(ModelsUnknown::NoAccount);
        assert_eq!(resolved(&offers, "claude-x"), "open-webui other");
    }
}
