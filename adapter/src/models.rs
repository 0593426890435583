//! Which models there are, at which sites, under which names.
//!
//! Ids are the sites' own. Where two sites share one, each is `site/id` and the bare id says nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use latchkey_shared::{
    id::{AccountId, SiteName},
    shutdown::Tasks,
    site::{Models, ModelsFrom, Site, catalog::SiteCatalog},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    pool::{ATTEMPTS, Pool},
    scope::AccountScope,
    sites::{self, http::HttpClients},
    stream::fault::Fault,
};

/// How long a fetched list holds.
const FRESH: Duration = Duration::from_secs(60);
/// How long a failure to fetch one holds: a site that is slow to refuse is not asked again by every request.
const RETRY: Duration = Duration::from_secs(5);

/// The models of all sites. A request waits for a site's list only when no list that is there has the model.
pub(crate) struct ModelIndex {
    catalog: Arc<SiteCatalog>,
    pool: Arc<Pool>,
    clients: HttpClients,
    tasks: Tasks,
    lists: Mutex<ModelLists>,
}

/// A site may offer each of its users other models, so each scope has a list of its own.
type ModelLists = HashMap<SiteName, HashMap<AccountScope, SiteModels>>;

/// What is known of one site's list.
#[derive(Default)]
struct SiteModels {
    fetched: Option<FetchedModels>,
    /// Cancelled when the fetch that is under way has ended.
    fetching: Option<CancellationToken>,
}

struct FetchedModels {
    ids: ModelIds,
    until: Instant,
}

/// A site's model ids, or why they are not known.
type ModelIds = Result<Arc<[String]>, ModelsUnknown>;

/// Why a site's models are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ModelsUnknown {
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

/// A site and its models, as far as they are known.
struct SiteOffer {
    site: Arc<Site>,
    ids: ModelIds,
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
    /// No site says what it has, because no account is signed in at this one.
    #[error("no models are known: no account of the site {0} is signed in")]
    NotKnown(SiteName),
    /// A site that may have it does not list what it has.
    #[error(transparent)]
    Unlisted(Fault),
}

impl ModelIndex {
    /// The models of a catalog's sites.
    pub(crate) fn new(
        catalog: Arc<SiteCatalog>,
        pool: Arc<Pool>,
        clients: HttpClients,
        tasks: Tasks,
    ) -> Self {
        Self { catalog, pool, clients, tasks, lists: Mutex::default() }
    }

    /// Every model as clients name it, with its site.
    pub(crate) async fn list(self: &Arc<Self>, scope: &AccountScope) -> Vec<(String, String)> {
        let fetches = self.fetches(scope);
        if self.offers(scope).iter().any(|offer| offer.ids.is_err()) {
            join_all(fetches).await;
        }
        let offers = self.offers(scope);
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
    pub(crate) async fn resolve(
        self: &Arc<Self>,
        scope: &AccountScope,
        model: &str,
    ) -> Result<ModelRoute, ModelError> {
        let mut fetches: FuturesUnordered<_> = self.fetches(scope).into_iter().collect();
        loop {
            match resolve(&self.offers(scope), model) {
                Ok(route) if route.listed => return Ok(route),
                result => {
                    if fetches.next().await.is_none() {
                        return result;
                    }
                }
            }
        }
    }

    /// The sites of which a client may use an account. Whoever may use all is offered sites that have none yet.
    fn sites(&self, scope: &AccountScope) -> impl Iterator<Item = &Arc<Site>> {
        let may_use =
            |site: &Site| *scope == AccountScope::All || self.pool.directory().has(&site.name, scope);
        self.catalog.sites().filter(move |site| may_use(site))
    }

    fn offers(&self, scope: &AccountScope) -> Vec<SiteOffer> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let ids = |site: &Site| match &site.models {
            Models::Fixed(ids) => Ok(ids.as_slice().into()),
            Models::Fetched(_) => {
                let list = lists.get(&site.name).and_then(|lists| lists.get(scope));
                let fetched = list.and_then(|list| list.fetched.as_ref());
                fetched.map_or(Err(ModelsUnknown::NoAccount), |fetched| fetched.ids.clone())
            }
        };
        self.sites(scope).map(|site| SiteOffer { site: Arc::clone(site), ids: ids(site) }).collect()
    }

    /// The fetches of all lists that are due; each completes when its list is there, or why it is not.
    fn fetches(self: &Arc<Self>, scope: &AccountScope) -> Vec<impl Future<Output = ()> + use<>> {
        let mut fetches = Vec::new();
        for site in self.sites(scope) {
            if let Models::Fetched(from) = &site.models
                && let Some(ended) = self.fetch(site, scope, from)
            {
                fetches.push(ended.cancelled_owned());
            }
        }
        fetches
    }

    /// Fetches a list that is due; one fetch at a time, which no client that leaves cancels.
    fn fetch(
        self: &Arc<Self>,
        site: &Arc<Site>,
        scope: &AccountScope,
        from: &ModelsFrom,
    ) -> Option<CancellationToken> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = list_of(&mut lists, &site.name, scope);
        if list.fetched.as_ref().is_some_and(|fetched| Instant::now() < fetched.until) {
            return None;
        }
        if let Some(ended) = list.fetching.as_ref().filter(|ended| !ended.is_cancelled()) {
            return Some(ended.clone());
        }
        let ended = CancellationToken::new();
        list.fetching = Some(ended.clone());
        let index = Arc::clone(self);
        let site = Arc::clone(site);
        let scope = scope.clone();
        let from = from.clone();
        let at_end = ended.clone().drop_guard();
        let stopping = self.tasks.stopping();
        let fetch = async move {
            let _at_end = at_end;
            tokio::select! {
                ids = index.ask(&site, &scope, &from) => index.keep(&site.name, &scope, ids),
                () = stopping.cancelled() => {}
            }
        };
        self.tasks.spawn(fetch.in_current_span());
        Some(ended)
    }

    /// Asks a site with one account after the other, as long as the fault is the account's.
    async fn ask(&self, site: &Site, scope: &AccountScope, from: &ModelsFrom) -> ModelIds {
        let mut tried: Vec<AccountId> = Vec::new();
        let mut unknown = ModelsUnknown::NoAccount;
        while tried.len() < ATTEMPTS {
            let Some((account, session)) = self.pool.session(site, scope, &tried).await else { break };
            match sites::models(self.clients.requests(), site, from, &session).await {
                Ok(ids) => return Ok(ids.into()),
                Err(fault) => {
                    tracing::warn!(site = %site.name, account.id = %account, cause = %fault, "cannot list the models of the site");
                    let of_the_account = fault.is_of_the_account();
                    unknown = ModelsUnknown::Fault(fault);
                    if !of_the_account {
                        break;
                    }
                    tried.push(account);
                }
            }
        }
        Err(unknown)
    }

    /// Keeps what a fetch brought. A list that was there outlives a failure to fetch it again.
    fn keep(&self, site: &SiteName, scope: &AccountScope, ids: ModelIds) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = list_of(&mut lists, site, scope);
        let before = list.fetched.take().filter(|before| before.ids.is_ok());
        let now = Instant::now();
        list.fetched = match (ids, before) {
            (Ok(ids), _) => Some(FetchedModels { ids: Ok(ids), until: now + FRESH }),
            (Err(_), Some(before)) => Some(FetchedModels { until: now + RETRY, ..before }),
            // Whoever signs in is to be seen at once.
            (Err(ModelsUnknown::NoAccount), None) => None,
            (Err(unknown), None) => Some(FetchedModels { ids: Err(unknown), until: now + RETRY }),
        };
    }
}

fn list_of<'a>(lists: &'a mut ModelLists, site: &SiteName, scope: &AccountScope) -> &'a mut SiteModels {
    lists.entry(site.clone()).or_default().entry(scope.clone()).or_default()
}

impl SiteOffer {
    fn route(&self, id: &str) -> ModelRoute {
        ModelRoute { site: Arc::clone(&self.site), model: id.to_owned(), listed: self.has(id) }
    }

    fn has(&self, id: &str) -> bool {
        self.ids.as_ref().is_ok_and(|ids| ids.iter().any(|known| known == id))
    }
}

fn resolve(offers: &[SiteOffer], model: &str) -> Result<ModelRoute, ModelError> {
    if let Some((name, id)) = model.split_once('/') {
        let named = offers.iter().find(|offer| offer.site.name.as_str() == name);
        if let Some(offer) = named.filter(|offer| offer.ids.is_err() || offer.has(id)) {
            return Ok(offer.route(id));
        }
        // A site that tells its list has no other model, whatever other sites do not tell.
        if named.is_some() && !offers.iter().any(|offer| offer.has(model)) {
            return Err(ModelError::Unknown(shown(model)));
        }
    }
    let found: Vec<&SiteOffer> = offers.iter().filter(|offer| offer.has(model)).collect();
    match found[..] {
        [offer] => Ok(offer.route(model)),
        [] => Err(missing(offers, model)),
        _ => {
            let choices: Vec<String> =
                found.iter().map(|offer| format!("{}/{model}", offer.site.name)).collect();
            Err(ModelError::Ambiguous { model: shown(model), choices: choices.join(", ") })
        }
    }
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
    use latchkey_shared::site::SiteUrls;

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
}
