//! Which adapters are there: the places of one that is gone are free when its presence ends.
//!
//! A lease is a key of its account's slot and an adapter's presence is not, so no script sees both. Each adapter says once
//! a second that it is there, hears who is not, and names those with each lease that it asks for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
    time::Duration,
};

use deadpool_redis::redis;

use super::{AdapterStore, Store, StoreError, values::millis};
use crate::keys;

static ATTEND: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(include_str!("attend.lua")));

/// How long an adapter is there after it has said so.
pub const PRESENCE: Duration = Duration::from_secs(10);
/// Adapters say it each second: if none has for this long, it was Redis that was away, or its clock moved.
const GAP: Duration = Duration::from_secs(5);
/// How long everybody may take to claim what they hold when Redis is back.
const GRACE: Duration = Duration::from_secs(3);
/// Longer than any place lives that nobody renews.
const REMEMBERED: Duration = Duration::from_secs(180);

/// What an adapter hears when it says that it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attendance {
    /// When Redis, or the last adapter, was last away; whoever has not claimed its places since must.
    pub resumed: u64,
    /// Whether this one was taken for gone, so that its places may have been given away.
    pub was_gone: bool,
    /// Whether places may be asked for: false until everybody has claimed what they hold.
    pub is_open: bool,
    /// Ids of adapters whose places do not count, with spaces between them.
    pub absent: String,
}

impl AdapterStore {
    /// Says that an adapter is there. `claimed` is the resumption after which it claimed its places; none at its start.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn attend(&self, adapter: &str, claimed: Option<u64>) -> Result<Attendance, StoreError> {
        let mut call = ATTEND.key(keys::ADAPTERS);
        call.arg(adapter).arg(claimed.map(|claimed| claimed.to_string()).unwrap_or_default());
        for duration in [PRESENCE, GAP, GRACE, REMEMBERED] {
            call.arg(millis(duration));
        }
        let (resumed, was_gone, is_open, absent) =
            match self.script::<Vec<redis::Value>>(&call).await?.as_slice() {
                [resumed, was_gone, is_open, absent @ ..] => {
                    let absent: Result<Vec<String>, _> =
                        absent.iter().map(redis::from_redis_value_ref).collect();
                    (
                        number(resumed)?,
                        number(was_gone)?,
                        number(is_open)?,
                        absent.map_err(redis::RedisError::from)?,
                    )
                }
                _ => return Err(StoreError::Unavailable("the script answers something else".to_owned())),
            };
        Ok(Attendance { resumed, was_gone: was_gone == 1, is_open: is_open == 1, absent: absent.join(" ") })
    }

    /// Says that an adapter ends and holds nothing any more.
    ///
    /// # Errors
    /// When Redis is unavailable; it is gone in a while then.
    pub async fn depart(&self, adapter: &str) -> Result<(), StoreError> {
        self.command(redis::cmd("HDEL").arg(keys::ADAPTERS).arg(adapter)).await
    }
}

impl Store {
    /// The adapters that have not said for the time of a presence that they are there.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub(super) async fn gone(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut asked = redis::cmd("HGETALL");
        let known: BTreeMap<String, String> = match self.command(asked.arg(keys::ADAPTERS)).await {
            Err(StoreError::Unreadable(_)) => return Ok(BTreeSet::new()),
            known => known?,
        };
        let oldest = self.server_time().await?.millis().saturating_sub(millis(PRESENCE));
        let said = |entry: &str| entry.split_once(' ').and_then(|(said, _)| said.parse::<u64>().ok());
        let gone = known.into_iter().filter(|(_, entry)| said(entry).is_some_and(|said| said <= oldest));
        Ok(gone.map(|(adapter, _)| adapter).collect())
    }
}

fn number(value: &redis::Value) -> Result<u64, StoreError> {
    Ok(redis::from_redis_value_ref(value).map_err(redis::RedisError::from)?)
}
