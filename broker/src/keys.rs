//! Key rings while the broker runs: kept fresh, reported, and all records moved to the key that seals now.

use std::sync::Arc;

use latchkey_shared::{
    account::Account,
    heartbeat::ServiceHeartbeat,
    id::AccountId,
    shutdown::Tasks,
    store::{BrokerStore, SealedRecord, StoreError, StoreRole},
    vault::{CredentialsVault, RecordOwner, Sealed, SessionVault, VaultError},
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::audit::{self, Actor};

/// How far all records are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Rewrap")]
pub(crate) struct RewrapProgress {
    /// `idle`, `running`, `done` or `failed`.
    pub(crate) state: RewrapState,
    /// Accounts that were looked at.
    pub(crate) accounts: usize,
    /// Accounts that there are.
    pub(crate) of: usize,
    /// Records that another key seals now.
    pub(crate) rewrapped: usize,
    /// Records that a newer one replaced meanwhile; that was sealed by whoever wrote it.
    pub(crate) newer: usize,
    /// Records that do not open; the broker's log names them.
    pub(crate) unreadable: usize,
}

/// Whether records are being moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RewrapState {
    /// Not since this broker began.
    #[default]
    Idle,
    /// Now.
    Running,
    /// Every account was looked at.
    Done,
    /// Redis went, or the broker stopped; starting it again is safe.
    Failed,
}

/// What holds keys, and what they seal.
#[derive(Clone)]
pub(crate) struct KeyContext {
    pub(crate) store: BrokerStore,
    pub(crate) credentials_vault: Arc<CredentialsVault>,
    pub(crate) session_vault: Arc<SessionVault>,
    pub(crate) tasks: Tasks,
}

/// The one rewrapping of a broker. Clones share it.
#[derive(Clone)]
pub(crate) struct Rewrap {
    pub(crate) context: KeyContext,
    progress: Arc<watch::Sender<RewrapProgress>>,
}

/// Keeps both rings fresh, says which keys this broker holds, and writes down when a ring changes.
pub(crate) async fn attend(context: KeyContext) {
    let KeyContext { store, credentials_vault, session_vault, tasks } = context;
    let credentials = credentials_vault.as_ref().clone();
    let session = session_vault.as_ref().clone();
    let mut presence = ServiceHeartbeat::new(store.clone(), StoreRole::Broker, Some(credentials), session);
    let stopping = tasks.stopping();
    while let Some(change) = stopping.run_until_cancelled(presence.run()).await {
        let detail = format!("{}: {}", change.ring, change.keys.join(", "));
        audit::record(&store, Actor::Broker, "keys.changed", None, &detail).await;
    }
    presence.deregister().await;
}

impl Rewrap {
    pub(crate) fn new(context: KeyContext) -> Self {
        Self { context, progress: Arc::default() }
    }

    pub(crate) fn progress(&self) -> RewrapProgress {
        self.progress.borrow().clone()
    }

    /// Begins, unless it runs already; whether it began.
    pub(crate) fn start(&self) -> bool {
        let begins = self.progress.send_if_modified(|progress| {
            let begins = progress.state != RewrapState::Running;
            if begins {
                *progress = RewrapProgress { state: RewrapState::Running, ..RewrapProgress::default() };
            }
            begins
        });
        if begins {
            let rewrap = self.clone();
            self.context.tasks.spawn(async move { rewrap.run().await });
        }
        begins
    }

    async fn run(&self) {
        let stopping = self.context.tasks.stopping();
        let state = match stopping.run_until_cancelled(self.walk()).await {
            Some(Ok(())) => RewrapState::Done,
            Some(Err(error)) => {
                tracing::error!(%error, "cannot go on rewrapping; start it again");
                RewrapState::Failed
            }
            None => RewrapState::Failed,
        };
        self.progress.send_modify(|progress| progress.state = state);
        let RewrapProgress { accounts, rewrapped, newer, unreadable, .. } = self.progress();
        let detail =
            format!("{accounts} accounts, {rewrapped} rewrapped, {newer} newer, {unreadable} unreadable");
        tracing::info!(rewrap.state = ?state, "{detail}");
        audit::record(&self.context.store, Actor::Broker, "keys.rewrapped", None, &detail).await;
    }

    async fn walk(&self) -> Result<(), StoreError> {
        let accounts = self.context.store.accounts().await?;
        self.progress.send_modify(|progress| progress.of = accounts.len());
        for account in &accounts {
            match self.rewrap(account).await {
                // One account's trouble is not that of those after it.
                Err(error @ StoreError::Unreadable(_)) => {
                    tracing::error!(account.id = %account.id, %error, "cannot rewrap the account's records");
                    self.progress.send_modify(|progress| progress.unreadable += 1);
                }
                rewrapped => rewrapped?,
            }
            self.progress.send_modify(|progress| progress.accounts += 1);
        }
        Ok(())
    }

    async fn rewrap(&self, account: &Account) -> Result<(), StoreError> {
        let (id, owner) = (account.id, RecordOwner::of(account));
        let KeyContext { store, credentials_vault, session_vault, .. } = &self.context;
        if let Some((version, sealed)) = store.credentials(id).await? {
            let anew = credentials_vault.rewrap(&sealed, owner, version);
            self.put(SealedRecord::Credentials, id, &sealed, anew).await?;
        }
        if let Some(kept) = store.state(id).await? {
            let anew = credentials_vault.rewrap_state(&kept.sealed, owner, kept.generation);
            self.put(SealedRecord::State, id, &kept.sealed, anew).await?;
        }
        if let Some(stored) = store.session(id).await? {
            let anew = session_vault.rewrap(&stored.sealed, owner, stored.generation);
            self.put(SealedRecord::Session, id, &stored.sealed, anew).await?;
        }
        Ok(())
    }

    async fn put(
        &self,
        record: SealedRecord,
        id: AccountId,
        old: &Sealed,
        anew: Result<Option<Sealed>, VaultError>,
    ) -> Result<(), StoreError> {
        match anew {
            Ok(None) => {}
            Ok(Some(new)) if self.context.store.replace_record(record, id, old, &new).await? => {
                self.progress.send_modify(|progress| progress.rewrapped += 1);
            }
            Ok(Some(_)) => self.progress.send_modify(|progress| progress.newer += 1),
            Err(error) => {
                tracing::error!(account.id = %id, ?record, %error, "cannot rewrap the record");
                self.progress.send_modify(|progress| progress.unreadable += 1);
            }
        }
        Ok(())
    }
}
