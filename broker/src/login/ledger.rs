//! Where a login writes down what it is about to type, before it does.

use std::sync::atomic::{AtomicU64, Ordering};

use latchkey_shared::{
    id::AccountId,
    store::{BrokerStore, SeedDigest},
};

use super::{failure::LoginError, login_hold};

/// Who must know what is typed.
#[derive(Clone, Copy)]
pub(super) enum TypingLedger<'a> {
    /// Every broker: the password through the account's state, a code through its seed.
    Account {
        /// Where the account is.
        store: &'a BrokerStore,
        /// Which it is.
        id: AccountId,
    },
    /// This login alone: the credentials were typed in for it.
    Alone(&'a AtomicU64),
}

impl TypingLedger<'_> {
    /// Notes that the password is typed from now on.
    pub(super) async fn begin_to_type(&self) -> Result<(), LoginError> {
        match self {
            Self::Account { store, id } => login_hold::begin_to_type(store, *id).await,
            Self::Alone(_) => Ok(()),
        }
    }

    /// Notes that the code of a time step is typed; false when it was typed before.
    pub(super) async fn claim_totp_step(&self, seed: &SeedDigest, step: u64) -> Result<bool, LoginError> {
        match self {
            Self::Account { store, .. } => Ok(store.claim_totp_step(seed, step).await?),
            Self::Alone(last) => Ok(last.fetch_max(step, Ordering::Relaxed) < step),
        }
    }
}
