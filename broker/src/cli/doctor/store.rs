//! Redis: there, in nobody else's hands, and not about to forget accounts.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, State},
    env::Env,
    store::{BrokerStore, RedisConfig, ServerInfo, StoreError, StoreRole},
    time::Timestamp,
};

use super::check::CheckResult;

/// Expiry is by the clock of Redis, and due times are by ours.
const SKEW: Duration = Duration::from_secs(2);

pub(super) async fn checks(env: &Env) -> Vec<CheckResult> {
    let config = match RedisConfig::from_env(env) {
        Ok(config) => config,
        Err(error) => return vec![CheckResult::fail("redis", error.to_string(), "set LATCHKEY_REDIS_URL")],
    };
    let store = match BrokerStore::connect(&config).await {
        Ok(store) => store,
        Err(error) => {
            let remedy = "start Redis, or correct host, user and password in LATCHKEY_REDIS_URL";
            return vec![CheckResult::fail("redis", error.to_string(), remedy)];
        }
    };
    let info = store.server_info().await;
    let mut checks = match &info {
        Ok(info) => vec![server(info), eviction(info), persistence(info)],
        Err(error) => vec![CheckResult::fail("redis", error.to_string(), "allow this user INFO")],
    };
    checks.push(user(store.user().await.as_deref()));
    checks.push(rights(store.prove_rights(StoreRole::Broker).await));
    checks.push(clock(&store).await);
    checks.push(accounts(store.accounts().await));
    checks
}

fn server(info: &ServerInfo) -> CheckResult {
    CheckResult::ok("redis", format!("version {} answers", info.version))
}

fn eviction(info: &ServerInfo) -> CheckResult {
    let policy = &info.eviction_policy;
    let remedy = "set `maxmemory-policy noeviction` in redis.conf";
    let found =
        |what: &str| format!("maxmemory-policy is {policy}, which deletes {what} when memory is short");
    if policy.starts_with("allkeys") {
        return CheckResult::fail("redis eviction", found("accounts"), remedy);
    }
    if policy.starts_with("volatile") {
        return CheckResult::warn("redis eviction", found("sessions"), remedy);
    }
    CheckResult::ok("redis eviction", policy)
}

fn persistence(info: &ServerInfo) -> CheckResult {
    if info.append_only {
        return CheckResult::ok("redis persistence", "append-only file is on");
    }
    let remedy = "set `appendonly yes` in redis.conf";
    CheckResult::warn(
        "redis persistence",
        "append-only file is off: a crash loses the newest accounts",
        remedy,
    )
}

fn user(user: Option<&str>) -> CheckResult {
    let remedy = "give the broker an ACL user of its own; compose/ has both users";
    match user {
        Some("default") => CheckResult::warn(
            "redis user",
            "is `default`, which may do everything and may have no password",
            remedy,
        ),
        Some(user) => CheckResult::ok("redis user", user),
        None => CheckResult::ok("redis user", "may not ask who it is, so its rights are limited"),
    }
}

fn rights(proven: Result<(), StoreError>) -> CheckResult {
    match proven {
        Ok(()) => CheckResult::ok("redis rights", "every command of a broker is allowed"),
        Err(error) => CheckResult::fail(
            "redis rights",
            error.to_string(),
            "write the ACL file anew with `latchkey-broker acl` and load it",
        ),
    }
}

fn accounts(read: Result<Vec<Account>, StoreError>) -> CheckResult {
    let accounts = match read {
        Ok(accounts) => accounts,
        Err(error) => {
            return CheckResult::fail("accounts", error.to_string(), "see the other checks of Redis");
        }
    };
    let damaged: Vec<&Account> = accounts.iter().filter(|account| account.state == State::Damaged).collect();
    let Some(first) = damaged.first() else {
        return CheckResult::ok("accounts", format!("{} can be read", accounts.len()));
    };
    let found = format!("{} of {} are damaged, {} first", damaged.len(), accounts.len(), first.id);
    let remedy = format!(
        "see them with `latchkey-broker account list --state damaged`; if a newer release runs, update this one, \
        else `latchkey-broker account repair {}`, or `account rm`",
        first.id
    );
    CheckResult::warn("accounts", found, remedy)
}

async fn clock(store: &BrokerStore) -> CheckResult {
    let before = Timestamp::now();
    let server = match store.server_time().await {
        Ok(time) => time,
        Err(error) => return CheckResult::fail("clock", error.to_string(), "allow this user TIME"),
    };
    // The true time of the answer is between the two; the nearer one counts, so a slow line is no skew.
    let skew = server.until(before).max(Timestamp::now().until(server));
    if skew < SKEW {
        return CheckResult::ok("clock", "agrees with that of Redis");
    }
    let found = format!("differs from that of Redis by {} ms", skew.as_millis());
    CheckResult::fail("clock", found, "run NTP on both hosts: one-time codes and expiry depend on it")
}
