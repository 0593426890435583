//! Which services run, and which keys they hold: what a rotation waits for.

use std::{collections::HashMap, time::Duration};

use deadpool_redis::redis;
use serde::{Deserialize, Serialize};

use super::{Role, Store, StoreError, keys, sessions::millis};

/// A service that has been silent for longer is gone. Until then it may come back with the keys that it had.
const LIFE: Duration = Duration::from_secs(120);

/// A running service, and the ids of its keys; of each ring the one that seals first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Drawn at its start.
    pub id: String,
    /// What it is.
    pub role: Role,
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
        self.script(call.arg(&service.id).arg(report).arg(millis(LIFE))).await
    }

    /// Says that a service ends.
    ///
    /// # Errors
    /// When Redis is unavailable; it is taken for gone in a while then.
    pub async fn leave(&self, role: Role, id: &str) -> Result<(), StoreError> {
        self.command(redis::cmd("HDEL").arg(keys::services(role)).arg(id)).await
    }

    /// Services that run, and those that went without a word a short while ago.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn services(&self) -> Result<Vec<Service>, StoreError> {
        let oldest = self.server_time().await?.millis().saturating_sub(millis(LIFE));
        let mut services = Vec::new();
        for role in [Role::Broker, Role::Adapter] {
            let reports: HashMap<String, String> =
                self.command(redis::cmd("HGETALL").arg(keys::services(role))).await?;
            let alive = reports.values().filter_map(|report| {
                let (at, service) = report.split_once(' ')?;
                (oldest <= at.parse().ok()?).then(|| serde_json::from_str(service).ok())?
            });
            services.extend(alive);
        }
        services.sort_by(|one: &Service, other| one.id.cmp(&other.id));
        Ok(services)
    }
}
