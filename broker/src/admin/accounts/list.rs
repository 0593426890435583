//! Accounts as they are listed: which, and with what adapters hold of them now.

use std::{fmt::Display, str::FromStr};

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use latchkey_shared::{
    account::{self, Account},
    id::{AccountId, PoolName, SiteName},
};
use serde::{Deserialize, Serialize};

use crate::{
    admin::{auth::AdminAuth, problem::Problem},
    state::App,
};

/// The query of `GET /v1/accounts`, as it comes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct AccountQuery {
    site: Option<String>,
    pool: Option<String>,
    state: Option<String>,
}

/// Which accounts are wanted.
#[derive(Debug)]
struct AccountFilter {
    site: Option<SiteName>,
    pool: Option<PoolName>,
    state: Option<account::State>,
}

/// An account, and how it is used.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Account")]
pub(crate) struct AccountView {
    /// The account.
    #[serde(flatten)]
    pub(crate) account: Account,
    /// Turns that adapters run with it now.
    pub(crate) leases: u32,
}

/// A list of accounts, oldest first.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct AccountList {
    /// The accounts.
    pub(crate) accounts: Vec<AccountView>,
}

pub(in crate::admin) async fn list(
    _: AdminAuth,
    State(app): State<App>,
    asked: Result<Query<AccountQuery>, QueryRejection>,
) -> Result<Json<AccountList>, Problem> {
    let unknown = |_| Problem::invalid("query", "expected ?site=, ?pool= and ?state= and nothing else");
    let Query(asked) = asked.map_err(unknown)?;
    let filter = AccountFilter::read(&asked)?;
    let mut accounts = match &filter.site {
        Some(site) => app.store.site_accounts(site).await?,
        None => app.store.accounts().await?,
    };
    accounts.retain(|account| filter.fits(account));
    accounts.sort_by_key(|account| account.id);
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.id).collect();
    let leases = app.store.leases_of(&ids).await?;
    let views = accounts.into_iter().zip(leases).map(|(account, leases)| AccountView { account, leases });
    Ok(Json(AccountList { accounts: views.collect() }))
}

impl AccountFilter {
    fn read(query: &AccountQuery) -> Result<Self, Problem> {
        Ok(Self {
            site: parsed("site", query.site.as_deref())?,
            pool: parsed("pool", query.pool.as_deref())?,
            state: parsed("state", query.state.as_deref())?,
        })
    }

    fn fits(&self, account: &Account) -> bool {
        self.site.as_ref().is_none_or(|site| account.site == *site)
            && self.pool.as_ref().is_none_or(|pool| account.pools.contains(pool))
            && self.state.is_none_or(|state| account.state == state)
    }
}

fn parsed<T: FromStr<Err: Display>>(field: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    let parse = |text: &str| text.parse().map_err(|error: T::Err| Problem::invalid(field, error.to_string()));
    text.map(parse).transpose()
}
