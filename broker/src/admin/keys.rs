//! Keys: who holds which, what each has sealed, and moving all records to the one that seals now.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, extract::State, http::StatusCode};
use latchkey_shared::{
    id::AccountId,
    store::{SealedRecord, Service, StoreError, StoreRole},
};
use serde::{Deserialize, Serialize};

use super::{auth::AdminAuth, problem::Problem};
use crate::{audit, keys::RewrapProgress, state::App};

/// `GET /v1/keys`.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Keys")]
pub(crate) struct KeysView {
    pub(crate) credentials: Vec<KeyView>,
    pub(crate) session: Vec<KeyView>,
    /// Services that run, or went without a word a short while ago.
    pub(crate) services: Vec<Service>,
    pub(crate) rewrap: RewrapProgress,
}

/// One key that is held, or that has sealed something.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Key")]
pub(crate) struct KeyView {
    pub(crate) id: String,
    /// Services that seal with it.
    pub(crate) sealing: Vec<String>,
    /// Services that hold it.
    pub(crate) held: Vec<String>,
    /// Services that should and do not.
    pub(crate) lacking: Vec<String>,
    /// Records that it has sealed.
    pub(crate) records: usize,
}

pub(super) async fn show(_: AdminAuth, State(app): State<App>) -> Result<Json<KeysView>, Problem> {
    Ok(Json(view(&app).await?))
}

/// Starts the walk over all records, or joins the one that runs.
pub(super) async fn rewrap(
    AdminAuth(actor): AdminAuth,
    State(app): State<App>,
) -> Result<(StatusCode, Json<KeysView>), Problem> {
    if app.rewrap.start() {
        audit::record(&app.store, actor, "keys.rewrap", None, "").await;
    }
    Ok((StatusCode::ACCEPTED, Json(view(&app).await?)))
}

async fn view(app: &App) -> Result<KeysView, StoreError> {
    let accounts: Vec<AccountId> = app.store.accounts().await?.iter().map(|account| account.id).collect();
    let services = app.store.services().await?;
    let mut credentials = app.store.sealing_keys(SealedRecord::Credentials, &accounts).await?;
    credentials.extend(app.store.sealing_keys(SealedRecord::State, &accounts).await?);
    let session = app.store.sealing_keys(SealedRecord::Session, &accounts).await?;
    let brokers: Vec<&Service> =
        services.iter().filter(|service| service.role == StoreRole::Broker).collect();
    let all: Vec<&Service> = services.iter().collect();
    Ok(KeysView {
        credentials: keys(&brokers, |service| &service.credentials, &credentials),
        session: keys(&all, |service| &service.session, &session),
        rewrap: app.rewrap.progress(),
        services,
    })
}

/// Every key of a ring, those that seal first.
fn keys(
    services: &[&Service],
    ring: impl Fn(&Service) -> &Vec<String>,
    records: &[Option<String>],
) -> Vec<KeyView> {
    let mut counts = BTreeMap::<&String, usize>::new();
    records.iter().flatten().for_each(|id| *counts.entry(id).or_default() += 1);
    let held = services.iter().flat_map(|service| ring(service));
    let ids: BTreeSet<&String> = held.chain(counts.keys().copied()).collect();
    let who = |holds: &dyn Fn(&Vec<String>) -> bool| -> Vec<String> {
        let those = services.iter().filter(|service| holds(ring(service)));
        those.map(|service| service.id.clone()).collect()
    };
    let mut keys: Vec<KeyView> = ids
        .into_iter()
        .map(|id| KeyView {
            id: id.clone(),
            sealing: who(&|ring| ring.first() == Some(id)),
            held: who(&|ring| ring.contains(id)),
            lacking: who(&|ring| !ring.contains(id)),
            records: counts.get(id).copied().unwrap_or_default(),
        })
        .collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.sealing.len()));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_who_seals_with_it_who_lacks_it_and_what_it_has_sealed() {
        let service = |id: &str, session: &[&str]| Service {
            id: id.to_owned(),
            role: StoreRole::Adapter,
            credentials: Vec::new(),
            session: session.iter().map(|&key| key.to_owned()).collect(),
        };
        let first = service("first", &["new", "old"]);
        let second = service("second", &["old"]);
        let records = [Some("old".to_owned()), Some("lost".to_owned()), None, Some("old".to_owned())];

        let keys = keys(&[&first, &second], |service| &service.session, &records);

        let shown: Vec<_> = keys
            .iter()
            .map(|key| (key.id.as_str(), key.sealing.join(" "), key.lacking.join(" "), key.records))
            .collect();
        let expected = [
            ("new", "first".to_owned(), "second".to_owned(), 0),
            ("old", "second".to_owned(), String::new(), 2),
            ("lost", String::new(), "first second".to_owned(), 1),
        ];
        assert_eq!(shown, expected);
    }
}
