//! An account as a Redis hash, and back.

use std::collections::BTreeSet;

use super::change::AccountChange;
use crate::{
    account::{Account, Evidence, LastLogin, Phase, RECENT_LOGINS, State, Transition},
    id::PoolName,
    time::Timestamp,
};

pub(super) fn of_account(account: &Account) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("site", account.site.to_string()),
        ("label", account.label.clone()),
        ("state", account.state.to_string()),
        ("reason", account.reason.clone()),
        ("phase", phase(account.phase, account.state_since)),
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
    if let Some(step) = change.step {
        fields.extend(of_step(step));
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

pub(in crate::store) fn of_step(step: Transition) -> [(&'static str, String); 4] {
    let since = Timestamp::now();
    [
        ("state", step.to.to_string()),
        ("reason", step.reason),
        ("phase", phase(step.phase, since)),
        ("state_since", since.millis().to_string()),
    ]
}

/// Bound to the state that it belongs to: a release that knows no such field changes the state and leaves this behind.
fn phase(phase: Option<Phase>, since: Timestamp) -> String {
    let word = phase.map_or_else(|| "-".to_owned(), |phase| phase.to_string());
    format!("{} {word}", since.millis())
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

/// States as a script looks for one in them.
pub(in crate::store) fn states(states: &[State]) -> String {
    states.iter().fold(" ".to_owned(), |all, state| format!("{all}{state} "))
}

/// One word after the other; a word has no space in it.
fn joined(words: &BTreeSet<PoolName>) -> String {
    words.iter().map(PoolName::as_str).collect::<Vec<_>>().join(" ")
}

/// An empty field means that there is none.
pub(in crate::store) fn optional<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
