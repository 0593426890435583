//! Accounts: what an operator may read and change of them. Nothing in here is a secret but what `create` takes in.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header::LOCATION},
};
use latchkey_shared::{
    account::{self, Account},
    credentials::Credentials,
    id::{PoolName, SiteName},
    site::{Site, catalog::SiteCatalog},
    store::ReplaceOutcome,
    time::Timestamp,
};
use serde::Deserialize;

mod change;
mod list;

pub(super) use change::change;
pub(super) use list::list;
pub(crate) use list::{AccountList, AccountView};

use super::{
    auth::AdminAuth, body::FieldBody, credentials::CredentialsBody, found::AccountAtPath, problem::Problem,
    valid,
};
use crate::{audit, refresh, revocation, state::App};

/// `POST /v1/accounts`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    site: SiteName,
    label: String,
    /// None where the account is given a session instead.
    credentials: Option<CredentialsBody>,
    #[serde(default)]
    pools: Vec<PoolName>,
    weight: Option<u32>,
    concurrency: Option<u32>,
    requests_per_minute: Option<u32>,
    schedule: Option<String>,
}

/// Adds an account. It does not sign in by itself: the operator who typed the password watches the first login.
pub(super) async fn create(
    AdminAuth(actor): AdminAuth,
    State(app): State<App>,
    FieldBody(new): FieldBody<NewAccount>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<AccountView>), Problem> {
    site(&app.catalog, &new.site)?;
    let credentials = new.credentials.map(|credentials| credentials.check("credentials.")).transpose()?;
    let mut account = Account::new(new.site, valid::label(&new.label)?);
    account.pools = valid::pools(new.pools)?;
    account.weight = new.weight.map(valid::weight).transpose()?.unwrap_or(account.weight);
    account.requests_per_minute = new.requests_per_minute.map(valid::requests_per_minute).transpose()?;
    account.concurrency = new.concurrency.map(valid::concurrency).transpose()?;
    account.schedule = new.schedule.map(valid::schedule).transpose()?;
    account.refresh_at = refresh::next_due(&account, Timestamp::now());
    app.store.create_account(&account).await?;
    if let Some(due) = account.refresh_at {
        app.store.set_due(account.id, due).await?;
    }
    if let Some(credentials) = credentials {
        account.credentials_version = put_credentials(&app, &account, &credentials, None).await?;
    }
    tracing::info!(account.id = %account.id, site = %account.site, "account added");
    let detail = format!("{} at {}", account.label, account.site);
    audit::record(&app.store, actor, "account.created", account.id, &detail).await;
    let location = format!("/v1/accounts/{}", account.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(AccountView { account, leases: 0 })))
}

pub(super) async fn show(
    _: AdminAuth,
    AccountAtPath(account): AccountAtPath,
    State(app): State<App>,
) -> Result<Json<AccountView>, Problem> {
    let leases = app.store.leases(account.id).await?;
    Ok(Json(AccountView { account, leases }))
}

/// Takes the session away first: adapters stop within the event, not with the account's end.
pub(super) async fn delete(
    AdminAuth(actor): AdminAuth,
    AccountAtPath(account): AccountAtPath,
    State(app): State<App>,
) -> Result<StatusCode, Problem> {
    revocation::revoke(&app, &account, actor).await?;
    app.store.delete_account(account.id).await?;
    tracing::info!(account.id = %account.id, "account deleted");
    let detail = format!("{} at {}", account.label, account.site);
    audit::record(&app.store, actor, "account.deleted", account.id, &detail).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the fields of a damaged account that cannot be read what an account has that never had them.
pub(super) async fn repair(
    AdminAuth(actor): AdminAuth,
    AccountAtPath(account): AccountAtPath,
    State(app): State<App>,
) -> Result<Json<AccountView>, Problem> {
    if account.state == account::State::Damaged {
        if !app.store.repair_account(&account).await? {
            return Err(Problem::AccountBeyondRepair(account.id));
        }
        tracing::warn!(account.id = %account.id, account.damage = account.damage.join(", "), "account repaired");
        let detail = account.damage.join(", ");
        audit::record(&app.store, actor, "account.repaired", account.id, &detail).await;
    }
    let repaired = app.store.account(account.id).await?;
    let account = repaired.ok_or_else(|| Problem::AccountNotFound(account.id.to_string()))?;
    let leases = app.store.leases(account.id).await?;
    Ok(Json(AccountView { account, leases }))
}

/// The site, if accounts of it can sign in.
pub(super) fn site(catalog: &SiteCatalog, name: &SiteName) -> Result<Arc<Site>, Problem> {
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

/// Seals and stores the next version of an account's credentials, of which a part may be kept from version `base`.
pub(super) async fn put_credentials(
    app: &App,
    account: &Account,
    credentials: &Credentials,
    base: Option<u64>,
) -> Result<u64, Problem> {
    let not_found = || Problem::AccountNotFound(account.id.to_string());
    let version = app.store.draw_credentials_version(account.id).await?.ok_or_else(not_found)?;
    let sealed = app.credentials_vault.seal(credentials, account.id, version);
    match app.store.put_credentials(account.id, version, &sealed, base).await? {
        ReplaceOutcome::Done => Ok(version),
        ReplaceOutcome::Overtaken => Err(Problem::CredentialsChanged),
        ReplaceOutcome::NoAccount => Err(not_found()),
    }
}

/// An account whose trouble is over, where it was before.
pub(super) fn recovered(account: &Account, now: Timestamp) -> Account {
    let lives = account.generation > 0 && account.expires_at.is_some_and(|end| now < end);
    let state = if lives { account::State::Active } else { account::State::New };
    // Whoever signed in before is meant to be signed in again.
    let refresh_at = (account.generation > 0).then_some(now);
    let after = Account { state, reason: String::new(), phase: None, refresh_at, ..account.clone() };
    Account { refresh_at: refresh::next_due(&after, now), ..after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_recovers_is_signed_in_if_it_was_before() {
        let now = Timestamp::from_secs(1_000);
        let account = Account::new("practice".parse().unwrap(), "alice".to_owned());
        let rejected = Account { state: account::State::CredentialsRejected, ..account };

        assert_eq!(recovered(&rejected, now).refresh_at, None);
        assert_eq!(recovered(&Account { generation: 2, ..rejected }, now).refresh_at, Some(now));
    }
}
