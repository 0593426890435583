//! Which services run, and which keys they hold: what a rotation waits for.

use std::time::Duration;

use deadpool_redis::redis;
use serde::{Deserialize, Serialize};

use super::{BrokerStore, Store, StoreError, StoreRole, accounts::RedisHash, values::millis};
use crate::{keys, time::Timestamp};

/// A service that has been silent for longer is gone. Until then it may come back with the keys that it had.
const LIFE: Duration = Duration::from_secs(120);

/// A running service, and the ids of its keys; of each ring the one that seals first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Service {
    /// Drawn at its start.
    pub id: String,
    /// What it is.
    pub role: StoreRole,
    /// Keys of credentials; an adapter has none.
    pub credentials: Vec<String>,
    /// Keys of sessions.
    pub session: Vec<String>,
}

impl Store {
    /// Says that a service runs and what it holds.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn report(&self, service: &Service) -> Result<(), StoreError> {
        let script = redis::Script::new(include_str!("report.lua"));
        let report = serde_json::to_string(service).expect("texts always serialize");
        let mut call = script.key(keys::services(service.role));
        let junk = self.script(call.arg(&service.id).arg(report).arg(millis(LIFE))).await?;
        self.note_junk(keys::ANY_SERVICES, junk);
        Ok(())
    }

    /// Says that a service ends.
    ///
    /// # Errors
    /// When Redis is unavailable; it is taken for gone in a while then.
    pub async fn deregister(&self, role: StoreRole, id: &str) -> Result<(), StoreError> {
        self.command(redis::cmd("HDEL").arg(keys::services(role)).arg(id)).await
    }
}

impl BrokerStore {
    /// Services that run, and those that went without a word a short while ago.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn services(&self) -> Result<Vec<Service>, StoreError> {
        let now = self.server_time().await?;
        let mut services = Vec::new();
        for role in [StoreRole::Broker, StoreRole::Adapter] {
            let reports: RedisHash = match self.command(redis::cmd("HGETALL").arg(keys::services(role))).await
            {
                // The next report of such a service takes it away.
                Err(StoreError::Unreadable(_)) => continue,
                reports => reports?,
            };
            let mut junk = Vec::new();
            for (id, report) in reports {
                match read(role, &id, &report) {
                    // A report from times to come would be there for ever.
                    Some((at, service)) if at < now + LIFE => {
                        services.extend((now < at + LIFE).then_some(service));
                    }
                    Some(_) | None => junk.push(id),
                }
            }
            self.discard_fields(keys::ANY_SERVICES, &keys::services(role), &junk).await?;
        }
        services.sort_by(|one: &Service, other| one.id.cmp(&other.id));
        Ok(services)
    }
}

/// When a service reported, and what.
fn read(role: StoreRole, id: &[u8], report: &[u8]) -> Option<(Timestamp, Service)> {
    let (at, service) = str::from_utf8(report).ok()?.split_once(' ')?;
    let service: Service = serde_json::from_str(service).ok()?;
    let is_its_own = service.role == role && service.id.as_bytes() == id;
    is_its_own.then_some((Timestamp::from_millis(at.parse().ok()?), service))
}
