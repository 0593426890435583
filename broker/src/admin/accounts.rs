//! Accounts: what an operator may read and change of them. Nothing in here is a secret but what `create` takes in.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderName, StatusCode, header::LOCATION},
};
use latchkey_shared::{
    account::{self, Account},
    credentials::Credentials,
    id::SiteName,
    site::{Site, catalog::Catalog},
    store::AccountChange,
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;

use super::{auth::Admin, body::Body, credentials::CredentialsBody, found::Found, problem::Problem, valid};
use crate::{refresh, state::App};

/// `POST /v1/accounts`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    site: SiteName,
    label: String,
    credentials: CredentialsBody,
    concurrency: Option<u32>,
    schedule: Option<String>,
}

/// `PATCH /v1/accounts/{id}`: what is left out stays; `null` takes an override away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedAccount {
    label: Option<String>,
    #[serde(default, deserialize_with = "given")]
    concurrency: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    schedule: Option<Option<String>>,
    disabled: Option<bool>,
}

/// `GET /v1/accounts?site=`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    site: Option<SiteName>,
}

/// A list of accounts, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AccountList {
    /// The accounts.
    pub(crate) accounts: Vec<Account>,
}

/// Adds an account. It does not sign in by itself: the operator who typed the password watches the first login.
pub(super) async fn create(
    _: Admin,
    State(app): State<App>,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Account>), Problem> {
    site(&app.catalog, &new.site)?;
    let credentials = new.credentials.check("credentials.")?;
    let mut account = Account::new(new.site, valid::label(&new.label)?);
    account.concurrency = new.concurrency.map(valid::concurrency).transpose()?;
    account.schedule = new.schedule.map(valid::schedule).transpose()?;
    account.refresh_at = refresh::next_due(&account, Timestamp::now());
    app.store.create_account(&account).await?;
    if let Some(due) = account.refresh_at {
        app.store.postpone(account.id, due).await?;
    }
    account.credentials_version = put_credentials(&app, &account, &credentials).await?;
    tracing::info!(account.id = %account.id, site = %account.site, "account added");
    let location = format!("/v1/accounts/{}", account.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(account)))
}

pub(super) async fn list(
    _: Admin,
    State(app): State<App>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<AccountList>, Problem> {
    let Query(filter) =
        filter.map_err(|_| Problem::invalid("site", "expected ?site=NAME and nothing else"))?;
    let mut accounts = match &filter.site {
        Some(site) => app.store.site_accounts(site).await?,
        None => app.store.accounts().await?,
    };
    accounts.sort_by_key(|account| account.id);
    Ok(Json(AccountList { accounts }))
}

pub(super) async fn show(_: Admin, Found(account): Found) -> Json<Account> {
    Json(account)
}

pub(super) async fn change(
    _: Admin,
    Found(account): Found,
    State(app): State<App>,
    Body(changed): Body<ChangedAccount>,
) -> Result<Json<Account>, Problem> {
    let change = plan_change(&account, changed, Timestamp::now())?;
    let id = account.id;
    if !app.store.change_account(id, change).await? {
        return Err(Problem::AccountNotFound(id.to_string()));
    }
    tracing::info!(account.id = %id, "account changed");
    let account = app.store.account(id).await?;
    account.map(Json).ok_or(Problem::AccountNotFound(id.to_string()))
}

/// Takes the session away first: adapters stop within the event, not with the account's end.
pub(super) async fn delete(
    _: Admin,
    Found(account): Found,
    State(app): State<App>,
) -> Result<StatusCode, Problem> {
    app.store.revoke_session(account.id).await?;
    app.store.delete_account(account.id).await?;
    tracing::info!(account.id = %account.id, "account deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// The site, if accounts of it can sign in.
pub(super) fn site(catalog: &Catalog, name: &SiteName) -> Result<Arc<Site>, Problem> {
    if let Some(site) = catalog.site(name) {
        return Ok(site);
    }
    if catalog.knows(name) {
        return Err(Problem::SiteWithoutUrl(name.clone()));
    }
    let mut known: Vec<&str> = catalog.names().map(SiteName::as_str).collect();
    known.sort_unstable();
    Err(Problem::SiteUnknown { name: name.clone(), known: known.join(", ") })
}

/// Seals and stores the next version of an account's credentials.
pub(super) async fn put_credentials(
    app: &App,
    account: &Account,
    credentials: &Credentials,
) -> Result<u64, Problem> {
    let version = account.credentials_version + 1;
    let sealed = app.credentials_vault.seal(credentials, account.id, version);
    if !app.store.put_credentials(account.id, version, &sealed).await? {
        return Err(Problem::AccountNotFound(account.id.to_string()));
    }
    Ok(version)
}

/// An account whose trouble is over, where it was before.
pub(super) fn recovered(account: &Account, now: Timestamp) -> Account {
    let lives = account.generation > 0 && account.expires_at.is_some_and(|end| now < end);
    let state = if lives { account::State::Active } else { account::State::New };
    // Whoever signed in before is meant to be signed in again.
    let refresh_at = (account.generation > 0).then_some(now);
    let after = Account { state, reason: String::new(), refresh_at, ..account.clone() };
    Account { refresh_at: refresh::next_due(&after, now), ..after }
}

fn plan_change(account: &Account, changed: ChangedAccount, now: Timestamp) -> Result<AccountChange, Problem> {
    let mut after = account.clone();
    let mut change = AccountChange::default();
    if let Some(label) = changed.label {
        change.label = Some(valid::label(&label)?);
    }
    if let Some(concurrency) = changed.concurrency {
        change.concurrency = Some(concurrency.map(valid::concurrency).transpose()?);
    }
    if let Some(schedule) = changed.schedule {
        after.schedule = schedule.map(valid::schedule).transpose()?;
        change.schedule = Some(after.schedule.clone());
        if account.state == account::State::New {
            // It has no session to refresh: its due time came from the schedule that goes.
            after.refresh_at = None;
        }
    }
    let disabled = account.state == account::State::Disabled;
    match changed.disabled {
        Some(true) if !disabled => {
            after.state = account::State::Disabled;
            change.state = Some((after.state, "switched off by an operator".to_owned()));
        }
        Some(false) if disabled => {
            let recovered = recovered(&after, now);
            (after.state, after.refresh_at) = (recovered.state, recovered.refresh_at);
            change.state = Some((after.state, String::new()));
        }
        Some(_) | None => {}
    }
    let due = refresh::next_due(&after, now);
    // A login that ran when the state changed has left a due time of its own.
    if due != account.refresh_at || change.state.is_some() {
        change.refresh_at = Some(due);
    }
    Ok(change)
}

/// Tells `null` from a field that is not there.
fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn account() -> Account {
        Account::new("practice".parse().unwrap(), "alice".to_owned())
    }

    fn switched(disabled: bool) -> ChangedAccount {
        ChangedAccount { label: None, concurrency: None, schedule: None, disabled: Some(disabled) }
    }

    #[test]
    fn an_account_that_is_switched_off_is_never_due() {
        let now = Timestamp::from_secs(1_000);
        let account = Account { refresh_at: Some(now), state: account::State::Active, ..account() };

        let change = plan_change(&account, switched(true), now).unwrap();

        assert_eq!(change.state.unwrap().0, account::State::Disabled);
        assert_eq!(change.refresh_at, Some(None));
    }

    #[test]
    fn switching_on_returns_to_the_session_that_lives_and_renews_it() {
        let now = Timestamp::from_secs(1_000);
        let state = account::State::Disabled;
        let expires_at = Some(now + Duration::from_secs(60));
        let with_session = Account { state, generation: 3, expires_at, ..account() };

        let change = plan_change(&with_session, switched(false), now).unwrap();

        assert_eq!(change.state.unwrap().0, account::State::Active);
        assert_eq!(change.refresh_at, Some(Some(now)));
        let change = plan_change(&Account { state, ..account() }, switched(false), now).unwrap();
        assert_eq!(change.state.unwrap().0, account::State::New);
        assert_eq!(change.refresh_at, Some(None));
    }

    #[test]
    fn an_account_that_never_signed_in_is_not_due_without_its_schedule() {
        let now = Timestamp::from_secs(1_795_420_800);
        let schedule = Some("0 6 * * *".to_owned());
        let account = Account { schedule, refresh_at: Some(now + Duration::from_secs(60)), ..account() };
        let changed = ChangedAccount { label: None, concurrency: None, schedule: Some(None), disabled: None };

        assert_eq!(plan_change(&account, changed, now).unwrap().refresh_at, Some(None));
    }

    #[test]
    fn an_account_that_recovers_is_signed_in_if_it_was_before() {
        let now = Timestamp::from_secs(1_000);
        let rejected = Account { state: account::State::CredentialsRejected, ..account() };

        assert_eq!(recovered(&rejected, now).refresh_at, None);
        assert_eq!(recovered(&Account { generation: 2, ..rejected }, now).refresh_at, Some(now));
    }

    #[test]
    fn null_takes_a_schedule_away_and_silence_keeps_it() {
        let read = |json| serde_json::from_str::<ChangedAccount>(json).unwrap().schedule;

        assert_eq!(read(r#"{"schedule":null}"#), Some(None));
        assert_eq!(read("{}"), None);
    }
}
