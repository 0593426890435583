//! Redis as a test sees it, which plays both sides: as the broker, and as an adapter.

use std::ops::Deref;

use latchkey_shared::store::{AdapterStore, BrokerStore, RedisConfig, StoreError};

/// The broker's store, and an adapter's beside it.
#[derive(Clone, Debug)]
pub struct TestStore {
    broker: BrokerStore,
    /// What an adapter has.
    pub adapter: AdapterStore,
}

impl TestStore {
    /// Connects both.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn connect(config: &RedisConfig) -> Result<Self, StoreError> {
        let broker = BrokerStore::connect(config).await?;
        let adapter = AdapterStore::connect(config).await?;
        Ok(Self { broker, adapter })
    }
}

impl Deref for TestStore {
    type Target = BrokerStore;

    fn deref(&self) -> &BrokerStore {
        &self.broker
    }
}
