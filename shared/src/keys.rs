//! Every key there is. `{...}` is literal: it is the hash tag, so that one account is one slot in a cluster.
//!
//! | key | type | writer | reader | life |
//! | --- | --- | --- | --- | --- |
//! | `lk:{id}:account` | hash: see [`crate::account::Account`]; fields of a newer release stay | broker | both | until removed |
//! | `lk:{id}:credentials` | sealed, ring `credentials` | broker | broker | until removed |
//! | `lk:{id}:state` | sealed, ring `credentials`: what the browser kept | broker, fenced | broker | until the next session, other credentials or the account's end |
//! | `lk:{id}:session` | sealed, ring `session` | broker, fenced | both | PXAT = its expiry |
//! | `lk:{id}:generation` | integer: the newest generation drawn | broker | broker | until removed |
//! | `lk:{id}:login-lock` | random token | broker | broker | 15 s, renewed |
//! | `lk:{id}:failures` | integer: logins in a row that failed for a passing reason | broker | broker | until a login succeeds |
//! | `lk:{id}:leases` | zset: adapter.token -> deadline in ms | adapter | both | the longest lease |
//! | `lk:{id}:rate` | zset: token -> ms when its turn began | adapter | adapter | 1 min after the newest |
//! | `lk:{id}:cooldown` | text: reason | adapter | both | PX, capped |
//! | `lk:totp:{digest}` | integer: the last time step typed of a seed, see [`crate::store::SeedDigest`] | broker | broker | 5 min |
//! | `lk:site:{site}:accounts` | set of ids | broker | both | while it has members |
//! | `lk:site:{site}:leases` | zset: token -> deadline in ms, where the site has a limit of its own | adapter | both | the longest lease |
//! | `lk:site:{site}:rate` | zset: token -> ms when its turn began, as above | adapter | adapter | 1 min after the newest |
//! | `lk:site:{site}:logins` | integer: logins in a browser in this minute | broker | broker | 1 min after the first |
//! | `lk:site:{site}:rejected` | zset: id -> ms at which the site refused its password | broker | broker | 10 min after the last |
//! | `lk:site:{site}:paused` | 1: nothing is typed there unasked | broker | broker | 30 min |
//! | `lk:sites` | set of site names | broker | both | while it has members |
//! | `lk:conversation:{digest}` | sealed: see [`crate::store::StoredConversation`] | adapter | adapter | as the site file says |
//! | `lk:{id}:forced` | integer: logins that adapters asked for | broker | broker | 10 min after the first |
//! | `lk:refresh` | zset: id -> generation that a site refused | adapter adds, broker removes | broker | while it has members |
//! | `lk:nudges:{digest}` | zset: number of a turn that was nudged, by itself | adapter | adapter | a day |
//! | `lk:outcomes:{digest}:{period}` | hash: `language/score/client/outcome` -> how many nudges of a model ended so, in a week | adapter | adapter | 2 weeks |
//! | `lk:answer:{digest}` | sealed, ring `session`: an answer, for the client that asks the same again, or names its items | adapter | adapter | 2 min, 10 min |
//! | `lk:audit` | stream: see [`crate::store::AuditEntry`] | broker | broker | capped |
//! | `lk:adapters` | hash: id -> ms at which it was there, and the resumption after which it claimed its places; `-last`, `-resumed`, `-blind` | adapter | adapter | 30 min, renewed |
//! | `lk:services:{role}` | hash: id -> ms and JSON, see [`crate::store::Service`] | its role | broker | 2 min, renewed |
//! | `lk:{id}:self-test` | nothing: what a broker tries its rights on, with an id that is nobody's | broker | - | a moment |
//! | `lk:flight:{id}` | sealed, ring `session`: see [`crate::recording::TurnRecord`] | adapter | operator | `LATCHKEY_RECORDER_TTL` |
//! | `lk:flights` | zset: id of a recorded turn -> ms of its end | adapter | operator | while it has members |
//! | `lk:due` | zset: id -> ms of its next login | broker | broker | while it has members |
//! | `lk:waiting` | zset: id -> ms since when its login, which is due, waits for a browser | broker | broker | while it has members |
//! | `lk:events` | channel: `id generation state` | broker | both | - |
//!
//! Whoever reads one of these bears with whatever it holds: see `store/junk.rs`.
//!
//! Redis may be a cluster, so a script, a transaction and a pipeline each touch the keys of one slot: all of one
//! account, or one key of a site or of the whole deployment, and every key that a script touches is in its `KEYS`.
//! What goes over several slots is several calls. `PUBLISH` has no slot and may be in any script.

use std::fmt::Display;

use crate::id::{AccountId, SiteName};

/// The channel of events.
pub(crate) const EVENTS: &str = "lk:events";
/// The stream of what was done.
pub(crate) const AUDIT: &str = "lk:audit";
/// The zset of recorded turns.
pub(crate) const FLIGHTS: &str = "lk:flights";
/// The zset of due times.
pub(crate) const DUE: &str = "lk:due";
/// The zset of accounts that are due and wait for a browser.
pub(crate) const WAITING: &str = "lk:waiting";
/// The zset of accounts whose session a site refused.
pub(crate) const REFRESH: &str = "lk:refresh";
/// The hash of adapters that are there.
pub(crate) const ADAPTERS: &str = "lk:adapters";
/// The set of sites that have accounts.
pub(crate) const SITES: &str = "lk:sites";

/// Kinds of keys as they are counted, where there is one for each account, conversation or side.
pub(crate) const ANY_COOLDOWN: &str = "lk:{id}:cooldown";
/// See [`nudges`].
pub(crate) const ANY_NUDGES: &str = "lk:nudges:{digest}";
/// See [`services`].
pub(crate) const ANY_SERVICES: &str = "lk:services:{role}";

/// What the broker's Redis user may touch, as an ACL file writes it.
pub(crate) const OF_BROKER: &[&str] = &["~lk:*"];
/// What the adapters' may: of an account what a request needs, and to write only what a lease writes.
pub(crate) const OF_ADAPTER: &[&str] = &[
    "%R~lk:sites",
    "%R~lk:{*}:account",
    "%R~lk:{*}:session",
    "%R~lk:site:{*}:accounts",
    "~lk:refresh",
    "~lk:{*}:leases",
    "~lk:{*}:cooldown",
    "~lk:{*}:rate",
    "~lk:site:{*}:leases",
    "~lk:site:{*}:rate",
    "~lk:conversation:{*}",
    "~lk:nudges:{*}",
    "~lk:outcomes:{*}:*",
    "~lk:answer:{*}",
    "~lk:flight:{*}",
    "~lk:flights",
    "~lk:services:adapter",
    "~lk:adapters",
];

/// Key of an account's sealed credentials; part of their authenticated data.
pub(crate) fn credentials(id: AccountId) -> String {
    of_account(id, "credentials")
}

/// Key of an account's sealed session; part of its authenticated data.
pub(crate) fn session(id: AccountId) -> String {
    of_account(id, "session")
}

/// Key of what an account's browser kept, sealed; part of its authenticated data.
pub(crate) fn state(id: AccountId) -> String {
    of_account(id, "state")
}

pub(crate) fn account(id: AccountId) -> String {
    of_account(id, "account")
}

pub(crate) fn generation(id: AccountId) -> String {
    of_account(id, "generation")
}

pub(crate) fn login_lock(id: AccountId) -> String {
    of_account(id, "login-lock")
}

pub(crate) fn totp_step(digest: &str) -> String {
    format!("lk:totp:{{{digest}}}")
}

pub(crate) fn failures(id: AccountId) -> String {
    of_account(id, "failures")
}

pub(crate) fn forced(id: AccountId) -> String {
    of_account(id, "forced")
}

pub(crate) fn leases(id: AccountId) -> String {
    of_account(id, "leases")
}

pub(crate) fn rate(id: AccountId) -> String {
    of_account(id, "rate")
}

pub(crate) fn cooldown(id: AccountId) -> String {
    of_account(id, "cooldown")
}

pub(crate) fn site_accounts(site: &SiteName) -> String {
    format!("lk:site:{{{site}}}:accounts")
}

pub(crate) fn site_leases(site: &SiteName) -> String {
    format!("lk:site:{{{site}}}:leases")
}

pub(crate) fn site_rate(site: &SiteName) -> String {
    format!("lk:site:{{{site}}}:rate")
}

/// Key of an answer that is kept for a moment, sealed; part of its authenticated data.
pub(crate) fn answer(digest: &str) -> String {
    format!("lk:answer:{{{digest}}}")
}

pub(crate) fn site_rejected(site: &SiteName) -> String {
    format!("lk:site:{{{site}}}:rejected")
}

pub(crate) fn site_paused(site: &SiteName) -> String {
    format!("lk:site:{{{site}}}:paused")
}

pub(crate) fn site_logins(site: &SiteName) -> String {
    format!("lk:site:{{{site}}}:logins")
}

pub(crate) fn conversation(digest: &str) -> String {
    format!("lk:conversation:{{{digest}}}")
}

pub(crate) fn nudges(digest: &str) -> String {
    format!("lk:nudges:{{{digest}}}")
}

/// Key of what came of nudges of a model in a period; its periods are in one slot.
pub(crate) fn outcomes(digest: &str, period: u64) -> String {
    format!("lk:outcomes:{{{digest}}}:{period}")
}

/// Key of the services of a role.
pub(crate) fn services(role: impl Display) -> String {
    format!("lk:services:{role}")
}

pub(crate) fn self_test(id: AccountId) -> String {
    of_account(id, "self-test")
}

/// Key of a turn's sealed recording; part of its authenticated data.
pub(crate) fn flight(id: &str) -> String {
    format!("lk:flight:{{{id}}}")
}

fn of_account(id: AccountId, what: &str) -> String {
    format!("lk:{{{id}}}:{what}")
}
