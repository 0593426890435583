//! What sets held when they were last read.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// What each set held when it was last read. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct CachedSets(Arc<Mutex<HashMap<String, Vec<Vec<u8>>>>>);

impl CachedSets {
    pub(super) fn remember(&self, key: &str, members: &[Vec<u8>]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), members.to_vec());
    }

    pub(super) fn last(&self, key: &str) -> Vec<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned().unwrap_or_default()
    }
}
