//! Credentials, sessions, and the lock that lets one login at a time write them.

use std::time::Duration;

use deadpool_redis::redis::{self, RedisError};

use super::{
    BrokerStore, SESSION_EXPIRED, Store, StoreError,
    accounts::fields,
    values::{millis, parsed, random_token},
};
use crate::{
    account::{Evidence, LastLogin, SessionOrigin, State, Transition, TransitionCause},
    id::AccountId,
    keys,
    time::Timestamp,
    vault::Sealed,
};

/// Longer than any login's lock: one that ends later is nobody's.
const LONGEST_LOCK: Duration = Duration::from_secs(10 * 60);

/// What two commands of one transaction answer, each for itself.
type TransactionAnswers = (Result<Option<Vec<u8>>, RedisError>, Result<Option<Vec<u8>>, RedisError>);

/// The right to sign in with one account, for a while. Nothing frees it but its holder or its end.
#[derive(Debug)]
pub struct LoginLock {
    /// The account.
    pub account: AccountId,
    /// The generation that this login may publish.
    pub generation: u64,
    token: String,
}

/// A session that is to be an account's, and what the account says of it then.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// The record.
    pub sealed: &'a Sealed,
    /// What the browser kept; `None` where nothing is to be renewed with it.
    pub state: Option<&'a Sealed>,
    /// How it came about.
    pub origin: SessionOrigin,
    /// Its hard end.
    pub expires_at: Timestamp,
    /// When the broker sees to it by itself; `None` never.
    pub refresh_at: Option<Timestamp>,
    /// How the login went.
    pub last_login: LastLogin,
    /// How long the last logins took, in milliseconds, this one first.
    pub recent_login_ms: Vec<u64>,
    /// What proves the session.
    pub evidence: String,
}

impl<'a> NewSession<'a> {
    /// A session that no login of the broker brought back: nothing renews it, and it is due again at its end.
    #[must_use]
    pub fn given(sealed: &'a Sealed, expires_at: Timestamp) -> Self {
        let last_login =
            LastLogin { at: Timestamp::now(), duration_ms: 0, result: "ok".to_owned(), rung: None };
        Self {
            sealed,
            state: None,
            origin: SessionOrigin::Import,
            expires_at,
            refresh_at: Some(expires_at),
            last_login,
            recent_login_ms: Vec::new(),
            evidence: "given".to_owned(),
        }
    }
}

/// Whether a session was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is the account's session now.
    Done,
    /// It is not: a newer login began, or the account was removed or disabled meanwhile.
    Stale,
}

/// Whether credentials were replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceOutcome {
    /// They are the account's now.
    Done,
    /// They are not: others were stored since their version was drawn, or since their base was read.
    Overtaken,
    /// They are not: there is no such account.
    NoAccount,
}

/// A session as it is stored.
#[derive(Clone, Debug)]
pub struct StoredSession {
    /// Its generation; part of what proves the record.
    pub generation: u64,
    /// The record.
    pub sealed: Sealed,
}

impl BrokerStore {
    /// Draws the version of an account's next credentials; `None` when there is no such account.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn draw_credentials_version(&self, id: AccountId) -> Result<Option<u64>, StoreError> {
        let script = redis::Script::new(include_str!("draw_version.lua"));
        let drawn: u64 = self.script(&script.key(keys::account(id))).await?;
        Ok((drawn > 0).then_some(drawn))
    }

    /// Stores a version of an account's credentials. `base` is the version that they were made from, if they keep a part
    /// of it. What a browser kept is forgotten: it may be another person's.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn put_credentials(
        &self,
        id: AccountId,
        version: u64,
        sealed: &Sealed,
        base: Option<u64>,
    ) -> Result<ReplaceOutcome, StoreError> {
        let script = redis::Script::new(include_str!("put_credentials.lua"));
        let mut call = script.key(keys::account(id));
        call.key(keys::credentials(id)).key(keys::state(id));
        call.arg(version).arg(sealed.as_bytes()).arg(fields::optional(base));
        let answer: u64 = self.script(&call).await?;
        Ok(match answer {
            1 => ReplaceOutcome::Done,
            2 => ReplaceOutcome::Overtaken,
            _ => ReplaceOutcome::NoAccount,
        })
    }

    /// An account's credentials with their version.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn credentials(&self, id: AccountId) -> Result<Option<(u64, Sealed)>, StoreError> {
        self.record(id, "credentials_version", keys::credentials(id)).await
    }

    /// Takes the right to sign in with an account and draws the next generation; `None` when another login has it.
    ///
    /// # Errors
    /// When Redis is unavailable: no login starts then.
    pub async fn lock_login(&self, id: AccountId, ttl: Duration) -> Result<Option<LoginLock>, StoreError> {
        let token = random_token();
        let script = redis::Script::new(include_str!("lock_login.lua"));
        let mut call = script.key(keys::login_lock(id));
        call.key(keys::generation(id)).key(keys::account(id));
        call.arg(&token).arg(millis(ttl)).arg(millis(LONGEST_LOCK.max(ttl)));
        let drawn: u64 = self.script(&call).await?;
        Ok((drawn > 0).then_some(LoginLock { account: id, generation: drawn, token }))
    }

    /// Keeps the right for longer; false when it is lost.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn renew_login(&self, lock: &LoginLock, ttl: Duration) -> Result<bool, StoreError> {
        let script = redis::Script::new(
            "if redis.call('GET', KEYS[1]) == ARGV[1] then \
             return redis.call('PEXPIRE', KEYS[1], ARGV[2]) else return 0 end",
        );
        self.script(script.key(keys::login_lock(lock.account)).arg(&lock.token).arg(millis(ttl))).await
    }

    /// Gives the right back.
    ///
    /// # Errors
    /// When Redis is unavailable; the right ends by itself then.
    pub async fn unlock_login(&self, lock: &LoginLock) -> Result<(), StoreError> {
        let script = redis::Script::new(
            "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end",
        );
        self.script(script.key(keys::login_lock(lock.account)).arg(&lock.token)).await
    }

    /// Publishes a session, unless a newer login began; the account becomes active.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn publish_session(
        &self,
        lock: &LoginLock,
        new: NewSession<'_>,
    ) -> Result<Published, StoreError> {
        let id = lock.account;
        let script = redis::Script::new(include_str!("publish_session.lua"));
        let mut call = script.key(keys::generation(id));
        call.key(keys::session(id)).key(keys::account(id)).key(keys::cooldown(id)).key(keys::state(id));
        call.arg(lock.generation).arg(new.sealed.as_bytes()).arg(new.expires_at.millis());
        call.arg(keys::EVENTS).arg(id.to_string()).arg(SESSION_EXPIRED);
        call.arg(new.state.map(Sealed::as_bytes).unwrap_or_default());
        let evidence = Evidence { at: Timestamp::now(), seen: new.evidence };
        let step = Transition::new(TransitionCause::SessionPublished, State::Active, "");
        call.arg(fields::states(&step.origins()));
        let fields = fields::of_step(step)
            .into_iter()
            .chain(fields::of_last_login(&new.last_login))
            .chain(fields::of_evidence(&evidence))
            .chain([fields::of_recent(&new.recent_login_ms)]);
        for (field, value) in fields {
            call.arg(field).arg(value);
        }
        call.arg("generation").arg(lock.generation);
        call.arg("session_origin").arg(new.origin.to_string());
        call.arg("expires_at").arg(new.expires_at.millis());
        call.arg("refresh_at").arg(fields::optional(new.refresh_at.map(Timestamp::millis)));
        let published: bool = self.script(&call).await?;
        if !published {
            return Ok(Published::Stale);
        }
        match new.refresh_at {
            Some(at) => self.set_due(id, at).await?,
            None => self.unschedule(id).await?,
        }
        Ok(Published::Done)
    }

    /// What an account's browser kept, with the generation of the session that it brought back.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn state(&self, id: AccountId) -> Result<Option<StoredSession>, StoreError> {
        self.stored(id, keys::state(id)).await
    }

    /// Takes an account's session away, and tells the adapters.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn revoke_session(&self, id: AccountId) -> Result<(), StoreError> {
        let script = redis::Script::new(
            "redis.call('DEL', KEYS[1], KEYS[3]) \
             local now = redis.pcall('HMGET', KEYS[2], 'generation', 'state') \
             if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end \
             if not now.err then redis.call('HSET', KEYS[2], 'expires_at', '') end \
             redis.call('PUBLISH', ARGV[1], \
             ARGV[2] .. ' ' .. (now[1] or '0') .. ' ' .. (now[2] or '')) return 1",
        );
        let mut call = script.key(keys::session(id));
        call.key(keys::account(id)).key(keys::state(id));
        self.script(call.arg(keys::EVENTS).arg(id.to_string())).await
    }
}

impl Store {
    /// A record with the number in the account that proves it. What is no record, or has no number, is none.
    async fn record(
        &self,
        id: AccountId,
        number: &str,
        key: String,
    ) -> Result<Option<(u64, Sealed)>, StoreError> {
        let mut pipe = redis::pipe();
        pipe.atomic().ignore_errors();
        pipe.cmd("HGET").arg(keys::account(id)).arg(number);
        pipe.cmd("GET").arg(key);
        let (number, record): TransactionAnswers = match self.pipeline(&pipe).await {
            Err(StoreError::Unreadable(_)) => return Ok(None),
            answers => answers?,
        };
        let bytes = |answer: Result<Option<Vec<u8>>, RedisError>| match answer.map_err(StoreError::from) {
            Err(StoreError::Unreadable(_)) => Ok(None),
            answer => answer,
        };
        let number = bytes(number)?.and_then(|number| parsed(&number));
        Ok(number.zip(bytes(record)?).map(|(number, record)| (number, Sealed::from_stored(record))))
    }

    async fn stored(&self, id: AccountId, key: String) -> Result<Option<StoredSession>, StoreError> {
        let record = self.record(id, "generation", key).await?;
        Ok(record.map(|(generation, sealed)| StoredSession { generation, sealed }))
    }

    /// An account's session; `None` when there is none or it has expired.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn session(&self, id: AccountId) -> Result<Option<StoredSession>, StoreError> {
        self.stored(id, keys::session(id)).await
    }
}
