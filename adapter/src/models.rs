//! Which models there are, at which sites, under which names.
//!
//! Ids are the sites' own, and names that their files give besides. Where two sites share one, it leads to the first by
//! the catalog's order, and `site/id` to the other.

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
};

mod offer;

pub(crate) use offer::{ListedModel, ModelError, ModelRoute};
use offer::{ModelIds, ModelsUnknown, SiteOffer, listed, resolve};

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

    /// Every model as clients name it.
    pub(crate) async fn list(self: &Arc<Self>, scope: &AccountScope) -> Vec<ListedModel> {
        let fetches = self.fetches(scope);
        if self.offers(scope).iter().any(|offer| offer.ids.is_err()) {
            join_all(fetches).await;
        }
        listed(&self.offers(scope))
    }

    /// The site and its own id of the model that a client names.
    ///
    /// # Errors
    /// When the name leads to no site.
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
