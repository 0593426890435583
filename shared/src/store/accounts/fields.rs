//! An account as a Redis hash, and back.

use std::{
    collections::{BTreeSet, HashMap},
    str::FromStr,
};

use super::{super::StoreError, AccountChange};
use crate::{
    account::{Account, Evidence, LastLogin, RECENT_LOGINS, State},
    id::{AccountId, PoolName},
    time::Timestamp,
};

pub(super) fn of_account(account: &Account) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("site", account.site.to_string()),
        ("label", account.label.clone()),
        ("state", account.state.to_string()),
        ("reason", account.reason.clone()),
        ("state_since", account.state_since.millis().to_string()),
        ("pools", joined(&account.pools)),
        ("weight", account.weight.to_string()),
        ("concurrency", optional(account.concurrency)),
        ("requests_per_minute", optional(account.requests_per_minute)),
        ("schedule", optional(account.schedule.as_ref())),
        ("credentials_version", account.credentials_version.to_string()),
        ("rejected_version", account.rejected_version.to_string()),
        ("generation", account.generation.to_string()),
        ("session_origin", optional(account.session_origin)),
        ("expires_at", optional(account.expires_at.map(Timestamp::millis))),
        ("refresh_at", optional(account.refresh_at.map(Timestamp::millis))),
        ("created_at", account.created_at.millis().to_string()),
    ];
    if let Some(last) = &account.last_login {
        fields.extend(of_last_login(last));
    }
    fields.extend(account.evidence.iter().flat_map(of_evidence));
    fields
}

pub(super) fn of_change(change: AccountChange) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    fields.extend(change.label.map(|label| ("label", label)));
    if let Some((state, reason)) = change.state {
        fields.extend(of_state(state, reason));
    }
    fields.extend(change.pools.map(|pools| ("pools", joined(&pools))));
    fields.extend(change.weight.map(|weight| ("weight", weight.to_string())));
    fields.extend(change.concurrency.map(|concurrency| ("concurrency", optional(concurrency))));
    fields.extend(change.requests_per_minute.map(|limit| ("requests_per_minute", optional(limit))));
    fields.extend(change.schedule.map(|schedule| ("schedule", optional(schedule))));
    fields.extend(change.refresh_at.map(|at| ("refresh_at", optional(at.map(Timestamp::millis)))));
    fields.extend(change.last_login.iter().flat_map(of_last_login));
    fields.extend(change.evidence.iter().flat_map(of_evidence));
    fields.extend(change.rejected_version.map(|version| ("rejected_version", version.to_string())));
    fields
}

pub(in crate::store) fn of_state(state: State, reason: String) -> [(&'static str, String); 3] {
    let since = Timestamp::now().millis().to_string();
    [("state", state.to_string()), ("reason", reason), ("state_since", since)]
}

pub(in crate::store) fn of_last_login(last: &LastLogin) -> [(&'static str, String); 4] {
    [
        ("last_login_at", last.at.millis().to_string()),
        ("last_login_ms", last.duration_ms.to_string()),
        ("last_login_result", last.result.clone()),
        ("last_login_rung", optional(last.rung)),
    ]
}

pub(in crate::store) fn of_evidence(evidence: &Evidence) -> [(&'static str, String); 2] {
    [("evidence_at", evidence.at.millis().to_string()), ("evidence_seen", evidence.seen.clone())]
}

/// The times of the last logins, as one field.
pub(in crate::store) fn of_recent(recent_ms: &[u64]) -> (&'static str, String) {
    let times: Vec<String> = recent_ms.iter().take(RECENT_LOGINS).map(u64::to_string).collect();
    ("recent_login_ms", times.join(","))
}

/// One word after the other; a word has no space in it.
fn joined(words: &BTreeSet<PoolName>) -> String {
    words.iter().map(PoolName::as_str).collect::<Vec<_>>().join(" ")
}

/// An empty field means that there is none.
pub(in crate::store) fn optional<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

pub(super) fn parse(id: AccountId, fields: &HashMap<String, String>) -> Result<Account, StoreError> {
    let reader = Reader { id, fields };
    let last_login = match reader.time("last_login_at")? {
        Some(at) => Some(LastLogin {
            at,
            duration_ms: reader.required("last_login_ms")?,
            result: reader.text("last_login_result"),
            rung: reader.optional("last_login_rung")?,
        }),
        None => None,
    };
    let evidence = reader.time("evidence_at")?.map(|at| Evidence { at, seen: reader.text("evidence_seen") });
    Ok(Account {
        id,
        site: reader.required("site")?,
        label: reader.text("label"),
        state: reader.required("state")?,
        reason: reader.text("reason"),
        state_since: reader.time("state_since")?.unwrap_or_default(),
        evidence,
        pools: reader.words("pools")?,
        weight: reader.optional("weight")?.unwrap_or(1),
        concurrency: reader.optional("concurrency")?,
        requests_per_minute: reader.optional("requests_per_minute")?,
        schedule: reader.optional("schedule")?,
        credentials_version: reader.required("credentials_version")?,
        rejected_version: reader.optional("rejected_version")?.unwrap_or_default(),
        generation: reader.required("generation")?,
        session_origin: reader.optional("session_origin")?,
        expires_at: reader.time("expires_at")?,
        refresh_at: reader.time("refresh_at")?,
        last_login,
        recent_login_ms: reader.times("recent_login_ms")?,
        created_at: reader.time("created_at")?.unwrap_or_default(),
    })
}

struct Reader<'a> {
    id: AccountId,
    fields: &'a HashMap<String, String>,
}

impl Reader<'_> {
    fn text(&self, field: &str) -> String {
        self.fields.get(field).cloned().unwrap_or_default()
    }

    fn words(&self, field: &'static str) -> Result<BTreeSet<PoolName>, StoreError> {
        let words = self.fields.get(field).map(String::as_str).unwrap_or_default();
        words.split_whitespace().map(|word| word.parse().map_err(|_| self.corrupt(field))).collect()
    }

    fn optional<T: FromStr>(&self, field: &'static str) -> Result<Option<T>, StoreError> {
        match self.fields.get(field).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => value.parse().map(Some).map_err(|_| self.corrupt(field)),
        }
    }

    fn required<T: FromStr>(&self, field: &'static str) -> Result<T, StoreError> {
        self.optional(field)?.ok_or_else(|| self.corrupt(field))
    }

    /// Milliseconds, separated by commas.
    fn times(&self, field: &'static str) -> Result<Vec<u64>, StoreError> {
        let text = self.text(field);
        let times = text.split(',').filter(|time| !time.is_empty()).map(str::parse);
        times.collect::<Result<_, _>>().map_err(|_| self.corrupt(field))
    }

    fn time(&self, field: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.optional(field)?.map(Timestamp::from_millis))
    }

    fn corrupt(&self, what: &'static str) -> StoreError {
        StoreError::Corrupt { what, account: self.id }
    }
}
