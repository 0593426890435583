//! Accounts: what an operator may read and change of them. Nothing in here is a secret but what `create` takes in.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header::LOCATION},
};
use latchkey_shared::{
    account::{self, Account},
    id::{PoolName, SiteName},
    site::{Site, catalog::SiteCatalog},
    time::Timestamp,
};
use serde::Deserialize;

mod change;
mod list;
mod recovered;

pub(super) use change::{ChangedAccount, change};
pub(super) use list::list;
pub(crate) use list::{AccountList, AccountView};
pub(super) use recovered::recovered;

use super::{
    auth::AdminAuth,
    body::FieldBody,
    credentials::{self, CredentialsBody},
    found::AccountAtPath,
    problem::Problem,
    valid,
};
use crate::{audit, due, revocation, state::App};

/// `POST /v1/accounts`.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    #[schemars(with = "String")]
    site: SiteName,
    #[schemars(length(min = 1, max = 80))]
    label: String,
    /// None where the account is given a session instead.
    credentials: Option<CredentialsBody>,
    #[serde(default)]
    #[schemars(length(max = 32))]
    pools: Vec<PoolName>,
    #[schemars(range(min = 1, max = 100))]
    weight: Option<u32>,
    #[schemars(range(min = 1, max = 1000))]
    concurrency: Option<u32>,
    #[schemars(range(min = 1, max = 100_000))]
    requests_per_minute: Option<u32>,
    /// Cron of 5 to 7 fields in UTC, weekdays by name, at most every 5 minutes.
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
    account.refresh_at = due::next_due(&account, Timestamp::now());
    app.store.create_account(&account).await?;
    if let Some(due) = account.refresh_at {
        app.store.set_due(account.id, due).await?;
    }
    if let Some(credentials) = credentials {
        account.credentials_version = credentials::put(&app, &account, &credentials, None).await?;
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
