//! One login at a site, as both sides see it. No secret is in here.

mod state;
mod transition;
mod words;

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

pub use state::{Phase, State};
pub use transition::{Transition, TransitionCause};
pub use words::UnknownWord;

use crate::{
    id::{AccountId, PoolName, SiteName},
    time::Timestamp,
};
use words::lenient;

/// An account and everything an operator may read of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Account {
    /// Its id; also the hash tag of its Redis keys.
    pub id: AccountId,
    /// The site it signs in to.
    #[schemars(with = "String")]
    pub site: SiteName,
    /// What the operator calls it, 1 to 80 characters; never a secret, shown in logs.
    pub label: String,
    /// Where it stands.
    pub state: State,
    /// Why it stands there, for people: a failure code and the step, or a few words. Nothing is decided by it.
    pub reason: String,
    /// How far a login is, where the next one must know it.
    #[serde(default, deserialize_with = "lenient")]
    pub phase: Option<Phase>,
    /// Since when.
    pub state_since: Timestamp,
    /// What was last seen of it at its site.
    pub evidence: Option<Evidence>,
    /// Pools that it belongs to: a shared secret that is bound to pools uses their accounts and no others.
    pub pools: BTreeSet<PoolName>,
    /// Its share of the turns, beside those of other accounts.
    pub weight: u32,
    /// Overrides the site's `limits.concurrency`: streams at once.
    pub concurrency: Option<u32>,
    /// Overrides the site's `limits.requests_per_minute`: turns that begin within any minute.
    pub requests_per_minute: Option<u32>,
    /// Cron expression (with seconds, UTC) that adds logins; see the broker's README.
    pub schedule: Option<String>,
    /// One higher for each change of the credentials; 0 means none are stored.
    pub credentials_version: u64,
    /// Version of the credentials that the site refused last; 0 means none. It is not typed again.
    pub rejected_version: u64,
    /// Generation of the published session; 0 means there was none.
    pub generation: u64,
    /// How the published session came about.
    #[serde(default, deserialize_with = "lenient")]
    pub session_origin: Option<SessionOrigin>,
    /// Hard end of the published session.
    pub expires_at: Option<Timestamp>,
    /// When the broker will sign in next by itself.
    pub refresh_at: Option<Timestamp>,
    /// The last login that ended, well or not.
    pub last_login: Option<LastLogin>,
    /// How long the last logins took that ended well, in milliseconds, the newest first; at most 16.
    pub recent_login_ms: Vec<u64>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Fields of its record that cannot be read; its state is damaged then.
    #[serde(default)]
    pub damage: Vec<String>,
}

/// How the last login went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LastLogin {
    /// When it ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// `ok` or a failure code.
    pub result: String,
    /// How the session was come by; null when it was not.
    #[serde(default, deserialize_with = "lenient")]
    pub rung: Option<Rung>,
}

/// Logins whose time is remembered.
pub const RECENT_LOGINS: usize = 16;

/// What was seen of an account at its site, and when: an account is as well as this says, and as old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Evidence {
    /// When.
    pub at: Timestamp,
    /// What, in words for an operator; never a secret.
    pub seen: String,
}

/// How a session is come by: each is tried before the next, which costs more and risks more.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::among::<Self>)]
pub enum Rung {
    /// A request that the site file describes; no browser.
    Http,
    /// A browser with what it kept; nothing typed.
    Restored,
    /// The whole recipe.
    Recipe,
}

impl Account {
    /// A new account with no credentials and no session.
    #[must_use]
    pub fn new(site: SiteName, label: String) -> Self {
        let now = Timestamp::now();
        Self {
            id: AccountId::new(),
            site,
            label,
            state: State::New,
            reason: String::new(),
            phase: None,
            state_since: now,
            evidence: None,
            pools: BTreeSet::new(),
            weight: 1,
            concurrency: None,
            requests_per_minute: None,
            schedule: None,
            credentials_version: 0,
            rejected_version: 0,
            generation: 0,
            session_origin: None,
            expires_at: None,
            refresh_at: None,
            last_login: None,
            recent_login_ms: Vec::new(),
            created_at: now,
            damage: Vec::new(),
        }
    }

    /// Since when its next login is due, at `now` at the latest.
    #[must_use]
    pub fn due_since(&self, now: Timestamp) -> Timestamp {
        self.refresh_at.map_or(now, |due| due.min(now))
    }

    /// Whether an adapter may lease it: it has a session that lives, and nobody switched it off.
    #[must_use]
    pub fn serves(&self, now: Timestamp) -> bool {
        self.state.serves() && self.generation > 0 && self.expires_at.is_some_and(|end| now < end)
    }

    /// How long its session will live; zero without one.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.expires_at.map_or(Duration::ZERO, |end| now.until(end))
    }
}

/// How a session came about.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::among::<Self>)]
pub enum SessionOrigin {
    /// The broker signed in, or renewed what a login had brought.
    Login,
    /// An operator brought it from elsewhere, or the broker renewed what he had brought.
    Import,
    /// It is a key of the site's API: nothing renews it, and it ends only when the site says so.
    ApiKey,
}

#[cfg(test)]
mod tests {
    use strum::VariantNames;

    use super::*;

    #[test]
    fn every_state_has_the_name_that_json_gives_it() {
        for name in State::VARIANTS {
            let state: State = name.parse().unwrap();
            assert_eq!(state.to_string(), *name);
            assert_eq!(serde_json::to_value(state).unwrap(), *name);
            assert_eq!(serde_json::from_value::<State>((*name).into()).unwrap(), state);
        }
        for name in SessionOrigin::VARIANTS {
            assert_eq!(serde_json::to_value(name.parse::<SessionOrigin>().unwrap()).unwrap(), *name);
        }
    }

    #[test]
    fn an_account_serves_while_its_session_lives() {
        let now = Timestamp::from_secs(1000);
        let mut account = Account::new("practice".parse().unwrap(), "alice".to_owned());
        assert!(!account.serves(now));

        account.state = State::Active;
        account.generation = 1;
        account.expires_at = Some(now + Duration::from_secs(1));

        assert!(account.serves(now));
        assert!(!account.serves(now + Duration::from_secs(1)));
        account.state = State::Disabled;
        assert!(!account.serves(now));
    }
}
