//! A running service's word on which keys it holds, and the rings themselves kept fresh.
//!
//! Rings are read again by polling: a file each second, a command each minute. A signal would need the process ids of
//! all replicas, and a watch on a file does not hear of what a container's mount does to it.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use ulid::Ulid;

use crate::{
    store::{Service, Store, StoreRole},
    vault::{CredentialsVault, SessionVault},
};

const TICK: Duration = Duration::from_secs(1);
/// Between two reports of a service whose keys stay as they are.
const REPORT: Duration = Duration::from_secs(5);

/// One running service.
pub struct ServiceHeartbeat {
    store: Store,
    role: StoreRole,
    id: String,
    credentials: Option<CredentialsVault>,
    session: SessionVault,
    reported: Option<Instant>,
    in_trouble: bool,
}

/// A ring that has changed, and the ids that it holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingChange {
    /// `credentials` or `session`.
    pub ring: &'static str,
    /// Ids of its keys, the one that seals first.
    pub keys: Vec<String>,
}

impl ServiceHeartbeat {
    /// A service that has not reported yet. An adapter has no ring of credentials.
    #[must_use]
    pub fn new(
        store: impl Into<Store>,
        role: StoreRole,
        credentials: Option<CredentialsVault>,
        session: SessionVault,
    ) -> Self {
        Self {
            store: store.into(),
            role,
            id: Ulid::generate().to_string(),
            credentials,
            session,
            reported: None,
            in_trouble: false,
        }
    }

    /// Keeps the rings fresh and reports them, until one changes. Cancel-safe.
    pub async fn run(&mut self) -> RingChange {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let change = self.reread().await;
            if change.is_some() || self.reported.is_none_or(|at| REPORT <= at.elapsed()) {
                self.report().await;
            }
            if let Some(change) = change {
                return change;
            }
        }
    }

    /// Takes the service from those that run.
    pub async fn deregister(self) {
        if let Err(error) = self.store.deregister(self.role, &self.id).await {
            tracing::debug!(%error, "cannot say goodbye; the report ends by itself");
        }
    }

    async fn reread(&self) -> Option<RingChange> {
        if let Some(vault) = &self.credentials
            && vault.reread().await
        {
            return Some(RingChange { ring: "credentials", keys: vault.key_ids() });
        }
        let changed = self.session.reread().await;
        changed.then(|| RingChange { ring: "session", keys: self.session.key_ids() })
    }

    async fn report(&mut self) {
        let service = Service {
            id: self.id.clone(),
            role: self.role,
            credentials: self.credentials.as_ref().map(CredentialsVault::key_ids).unwrap_or_default(),
            session: self.session.key_ids(),
        };
        match self.store.report(&service).await {
            Ok(()) => {
                self.reported = Some(Instant::now());
                self.in_trouble = false;
            }
            // Once for an outage, not once a second.
            Err(error) => {
                if !self.in_trouble {
                    tracing::warn!(%error, "cannot report which keys are held");
                }
                self.in_trouble = true;
            }
        }
    }
}
