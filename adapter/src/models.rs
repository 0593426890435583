//! Which models there are, at which sites, under which names.
//!
//! Ids are the sites' own. Where two sites share one, each is `site/id` and the bare id says nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use latchkey_shared::{
    id::SiteName,
    site::{Models, Site, catalog::Catalog},
};
use tokio::time::Instant;

use crate::{pool::Pool, sites};

/// How long a fetched list holds.
const FRESH: Duration = Duration::from_secs(60);

/// The models of all sites.
pub(crate) struct ModelIndex {
    catalog: Arc<Catalog>,
    pool: Arc<Pool>,
    client: reqwest::Client,
    fetched: Mutex<HashMap<SiteName, Fetched>>,
}

#[derive(Clone)]
struct Fetched {
    ids: Arc<[String]>,
    at: Instant,
}

/// Where a model's name leads.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// The site.
    pub site: Arc<Site>,
    /// The model as the site names it.
    pub model: String,
    /// Whether the site's list has it; false when the site does not tell its list.
    pub listed: bool,
}

/// A site and its models, as far as they are known.
struct Offer {
    site: Arc<Site>,
    ids: Option<Arc<[String]>>,
}

/// Why a model's name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelError {
    /// No site has it.
    #[error("model: there is no {0:?}; GET /v1/models lists what there is")]
    Unknown(String),
    /// Several sites have it.
    #[error("model: {model:?} is ambiguous, expected one of {choices}")]
    Ambiguous {
        /// The name.
        model: String,
        /// The names that are not.
        choices: String,
    },
    /// A site that may have it does not say, because no account is signed in.
    #[error("the models of the site {0} are not known yet: no account of it is signed in")]
    NotKnown(SiteName),
}

impl ModelIndex {
    /// The models of a catalog's sites.
    pub(crate) fn new(catalog: Arc<Catalog>, pool: Arc<Pool>, client: reqwest::Client) -> Self {
        Self { catalog, pool, client, fetched: Mutex::default() }
    }

    /// Every model as clients name it, with its site.
    pub(crate) async fn list(&self) -> Vec<(String, String)> {
        let offers = self.offers().await;
        let mut models = Vec::new();
        for offer in &offers {
            for id in offer.ids.iter().flat_map(|ids| ids.iter()) {
                let shared = offers.iter().filter(|other| other.has(id)).count() > 1;
                let name = if shared { format!("{}/{id}", offer.site.name) } else { id.clone() };
                models.push((name, offer.site.name.to_string()));
            }
        }
        models
    }

    /// The site and its own id of the model that a client names.
    ///
    /// # Errors
    /// When the name leads to no site, or to several.
    pub(crate) async fn resolve(&self, model: &str) -> Result<Route, ModelError> {
        resolve(&self.offers().await, model)
    }

    async fn offers(&self) -> Vec<Offer> {
        let mut offers = Vec::new();
        for site in self.catalog.sites() {
            offers.push(Offer { site: Arc::clone(site), ids: self.ids(site).await });
        }
        offers
    }

    async fn ids(&self, site: &Site) -> Option<Arc<[String]>> {
        let from = match &site.models {
            Models::Fixed(ids) => return Some(ids.as_slice().into()),
            Models::Fetched(from) => from,
        };
        let kept = self.kept(&site.name);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.at.elapsed() < FRESH) {
            return Some(Arc::clone(&kept.ids));
        }
        let stale = kept.map(|kept| kept.ids);
        let Some(session) = self.pool.session(site).await else { return stale };
        match sites::models(&self.client, site, from, &session).await {
            Ok(ids) => Some(self.keep(&site.name, ids.into())),
            Err(cause) => {
                tracing::warn!(site = %site.name, %cause, "cannot list the models of the site");
                // A site that is slow to refuse is not asked again by every request.
                stale.map(|ids| self.keep(&site.name, ids))
            }
        }
    }

    fn kept(&self, site: &SiteName) -> Option<Fetched> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).get(site).cloned()
    }

    fn keep(&self, site: &SiteName, ids: Arc<[String]>) -> Arc<[String]> {
        let fetched = Fetched { ids: Arc::clone(&ids), at: Instant::now() };
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).insert(site.clone(), fetched);
        ids
    }
}

impl Offer {
    fn route(&self, id: &str) -> Route {
        Route { site: Arc::clone(&self.site), model: id.to_owned(), listed: self.has(id) }
    }

    fn has(&self, id: &str) -> bool {
        self.ids.as_ref().is_some_and(|ids| ids.iter().any(|known| known == id))
    }
}

fn resolve(offers: &[Offer], model: &str) -> Result<Route, ModelError> {
    if let Some((name, id)) = model.split_once('/') {
        let named = offers.iter().find(|offer| offer.site.name.as_str() == name);
        if let Some(offer) = named.filter(|offer| offer.ids.is_none() || offer.has(id)) {
            return Ok(offer.route(id));
        }
    }
    let found: Vec<&Offer> = offers.iter().filter(|offer| offer.has(model)).collect();
    match found[..] {
        [offer] => Ok(offer.route(model)),
        [] => match offers.iter().find(|offer| offer.ids.is_none()) {
            Some(offer) => Err(ModelError::NotKnown(offer.site.name.clone())),
            None => Err(ModelError::Unknown(shown(model))),
        },
        _ => {
            let choices: Vec<String> =
                found.iter().map(|offer| format!("{}/{model}", offer.site.name)).collect();
            Err(ModelError::Ambiguous { model: shown(model), choices: choices.join(", ") })
        }
    }
}

/// A name as it may be repeated in a message: a client must not put phrases there that gateways act upon.
fn shown(model: &str) -> String {
    let plain = model.len() <= 100 && !model.contains(char::is_whitespace);
    if plain { model.to_owned() } else { "...".to_owned() }
}

#[cfg(test)]
mod tests {
    use latchkey_shared::site::SiteUrls;

    use super::*;

    /// Two sites; the second may not have told its models.
    fn offers(first: &[&str], second: Option<&[&str]>) -> Vec<Offer> {
        let names = ["practice", "open-webui"].map(|name| name.parse::<SiteName>().unwrap());
        let urls: SiteUrls =
            names.iter().map(|name| (name.clone(), "http://127.0.0.1:1".parse().unwrap())).collect();
        let catalog = Catalog::load(&[], &urls).unwrap();
        let lists = [Some(first), second];
        let offer = |(name, ids): (&SiteName, Option<&[&str]>)| Offer {
            site: catalog.site(name).unwrap(),
            ids: ids.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()),
        };
        names.iter().zip(lists).map(offer).collect()
    }

    fn resolved(offers: &[Offer], model: &str) -> String {
        match resolve(offers, model) {
            Ok(Route { site, model, .. }) => format!("{} {model}", site.name),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_bare_id_leads_to_its_only_site_and_a_shared_one_nowhere() {
        let offers = offers(&["a", "both"], Some(&["b", "both", "x/y"]));

        assert_eq!(resolved(&offers, "a"), "practice a");
        assert_eq!(resolved(&offers, "x/y"), "open-webui x/y");
        assert_eq!(resolved(&offers, "open-webui/both"), "open-webui both");
        let ambiguous = "model: \"both\" is ambiguous, expected one of practice/both, open-webui/both";
        assert_eq!(resolved(&offers, "both"), ambiguous);
        assert!(resolved(&offers, "practice/b").starts_with("model: there is no \"practice/b\""));
        assert!(resolved(&offers, "Permission denied").starts_with("model: there is no \"...\""));
    }

    #[test]
    fn a_site_that_does_not_tell_is_not_denied() {
        let offers = offers(&["a"], None);

        assert_eq!(resolved(&offers, "open-webui/any"), "open-webui any");
        assert_eq!(resolve(&offers, "any").unwrap_err(), ModelError::NotKnown("open-webui".parse().unwrap()));
    }
}
