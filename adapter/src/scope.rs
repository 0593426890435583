//! Which accounts a client may use: the shared secret that it sends says it.

use std::{collections::BTreeSet, sync::Arc};

use latchkey_shared::{account::Account, id::PoolName};

/// A choice of accounts. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AccountScope {
    /// Every account.
    All,
    /// Those of some pools, and no other.
    Pools(Arc<BTreeSet<PoolName>>),
}

impl AccountScope {
    /// Those of some pools; every account where none is named.
    pub(crate) fn of(pools: BTreeSet<PoolName>) -> Self {
        if pools.is_empty() { Self::All } else { Self::Pools(Arc::new(pools)) }
    }

    /// Whether an account is among them.
    pub(crate) fn admits(&self, account: &Account) -> bool {
        self.pools().is_none_or(|pools| !pools.is_disjoint(&account.pools))
    }

    /// The pools that will do; `None` where every account will.
    pub(crate) fn pools(&self) -> Option<&BTreeSet<PoolName>> {
        match self {
            Self::All => None,
            Self::Pools(pools) => Some(pools),
        }
    }
}
