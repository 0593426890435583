//! The store as each side has it: what only the broker does, only the broker's type can.

use std::ops::Deref;

use super::{RedisConfig, Store, StoreError};

/// The store of an adapter, which reads accounts and sessions and leases them. It never writes either.
#[derive(Clone, Debug)]
pub struct AdapterStore(Store);

/// The store of a broker, which writes accounts, credentials and sessions. It never leases one.
#[derive(Clone, Debug)]
pub struct BrokerStore(Store);

impl AdapterStore {
    /// Connects and asks once, so that a wrong address or password is known at start.
    ///
    /// # Errors
    /// When Redis does not answer in time or refuses the user.
    pub async fn connect(config: &RedisConfig) -> Result<Self, StoreError> {
        Store::connect(config).await.map(Self)
    }
}

impl BrokerStore {
    /// Connects and asks once, so that a wrong address or password is known at start.
    ///
    /// # Errors
    /// When Redis does not answer in time or refuses the user.
    pub async fn connect(config: &RedisConfig) -> Result<Self, StoreError> {
        Store::connect(config).await.map(Self)
    }
}

impl Deref for AdapterStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0
    }
}

impl Deref for BrokerStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0
    }
}

impl From<AdapterStore> for Store {
    fn from(store: AdapterStore) -> Self {
        store.0
    }
}

impl From<BrokerStore> for Store {
    fn from(store: BrokerStore) -> Self {
        store.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an adapter never does. A method of its store with such a name would come before these, and want arguments:
    /// then this does not compile.
    trait NeverWrites {
        fn create_account(&self) {}
        fn change_account(&self) {}
        fn draw_credentials_version(&self) {}
        fn put_credentials(&self) {}
        fn lock_login(&self) {}
        fn publish_session(&self) {}
        fn revoke_session(&self) {}
        fn replace_record(&self) {}
        fn delete_account(&self) {}
        fn repair_account(&self) {}
        fn count_failure(&self) {}
        fn reset_failures(&self) {}
        fn renew_login(&self) {}
        fn set_due(&self) {}
    }

    impl NeverWrites for AdapterStore {}
    impl NeverWrites for Store {}

    #[test]
    fn an_adapter_never_writes_a_session() {
        macro_rules! never_writes {
            ($($side:ty),*) => {$(
                let _: fn(&$side) = |store| {
                    store.create_account();
                    store.change_account();
                    store.draw_credentials_version();
                    store.put_credentials();
                    store.lock_login();
                    store.publish_session();
                    store.revoke_session();
                    store.replace_record();
                    store.delete_account();
                    store.repair_account();
                    store.count_failure();
                    store.reset_failures();
                    store.renew_login();
                    store.set_due();
                };
            )*};
        }
        never_writes!(AdapterStore, Store);
    }
}
