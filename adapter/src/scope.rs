//! Which accounts a client may use: the shared secret that it sends says it, or a header where the secret lets it.

use std::{collections::BTreeSet, sync::Arc};

use latchkey_shared::{
    account::Account,
    id::{AccountId, PoolName},
};

/// A choice of accounts. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AccountScope {
    /// Every account.
    All,
    /// Those of some pools, and no other.
    Pools(Arc<BTreeSet<PoolName>>),
    /// This one.
    One(AccountId),
}

impl AccountScope {
    /// Those of some pools; every account where none is named.
    pub(crate) fn of(pools: BTreeSet<PoolName>) -> Self {
        if pools.is_empty() { Self::All } else { Self::Pools(Arc::new(pools)) }
    }

    /// Whether an account is among them.
    pub(crate) fn admits(&self, account: &Account) -> bool {
        match self {
            Self::All => true,
            Self::Pools(pools) => !pools.is_disjoint(&account.pools),
            Self::One(id) => account.id == *id,
        }
    }

    /// The pools that will do; `None` where every account will.
    pub(crate) fn pools(&self) -> Option<&BTreeSet<PoolName>> {
        match self {
            Self::All | Self::One(_) => None,
            Self::Pools(pools) => Some(pools),
        }
    }

    /// What a header chooses: `pool=NAME` or `account=ID`.
    pub(crate) fn chosen(text: &str) -> Option<Self> {
        match text.trim().split_once('=')? {
            ("pool", name) => Some(Self::of(BTreeSet::from([name.parse().ok()?]))),
            ("account", id) => Some(Self::One(id.parse().ok()?)),
            _ => None,
        }
    }

    /// Tells it from any other.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Pools(pools) => pools.iter().map(PoolName::as_str).collect::<Vec<_>>().join(" "),
            Self::One(id) => id.to_string(),
        }
    }
}
