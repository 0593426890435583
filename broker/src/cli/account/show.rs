//! Accounts as text for people.

use latchkey_shared::{account::Account, id::PoolName, time::Timestamp};

use crate::{
    admin::accounts::AccountView,
    cli::words::{from_now, rough, table},
};

pub(super) fn overview(accounts: &[AccountView], now: Timestamp) -> String {
    if accounts.is_empty() {
        return "no accounts yet: add one with `latchkey-broker account add --site SITE --username NAME`"
            .to_owned();
    }
    let head =
        ["ID", "SITE", "LABEL", "POOLS", "WEIGHT", "LEASES", "STATE", "SESSION ENDS", "NEXT LOGIN", "REASON"];
    let row = |AccountView { account, leases }: &AccountView| {
        [
            account.id.to_string(),
            account.site.to_string(),
            account.label.clone(),
            pools(account),
            account.weight.to_string(),
            leases.to_string(),
            account.state.to_string(),
            from_now(account.expires_at, now),
            from_now(account.refresh_at, now),
            account.reason.clone(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(accounts.iter().map(row)).collect();
    table(&rows)
}

pub(super) fn details(view: &AccountView, now: Timestamp) -> String {
    let AccountView { account, leases } = view;
    let state = match account.reason.as_str() {
        "" => account.state.to_string(),
        reason => format!("{} ({reason})", account.state),
    };
    let last_login = account.last_login.as_ref().map_or_else(
        || "-".to_owned(),
        |last| {
            let took = rough(std::time::Duration::from_millis(last.duration_ms));
            format!("{}, {}, took {took}", last.result, from_now(Some(last.at), now))
        },
    );
    let limit =
        |own: Option<u32>| own.map_or_else(|| "as the site says".to_owned(), |limit| limit.to_string());
    let origin = account.session_origin.map_or_else(String::new, |origin| format!(" ({origin})"));
    let rows = [
        ["id", &account.id.to_string()],
        ["site", account.site.as_str()],
        ["label", &account.label],
        ["state", &state],
        ["since", &from_now(Some(account.state_since), now)],
        ["pools", &pools(account)],
        ["weight", &account.weight.to_string()],
        ["leases", &leases.to_string()],
        ["session", &format!("{}{origin}", account.generation)],
        ["session ends", &from_now(account.expires_at, now)],
        ["next login", &from_now(account.refresh_at, now)],
        ["last login", &last_login],
        ["schedule", account.schedule.as_deref().unwrap_or("-")],
        ["concurrency", &limit(account.concurrency)],
        ["per minute", &limit(account.requests_per_minute)],
        ["credentials", &format!("version {}", account.credentials_version)],
    ];
    table(&rows.map(|row| row.map(str::to_owned)))
}

fn pools(account: &Account) -> String {
    let names: Vec<&str> = account.pools.iter().map(PoolName::as_str).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}
