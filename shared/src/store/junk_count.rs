//! How often something was taken away that did not belong there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How often something was taken away, by where it was. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct JunkCount(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl JunkCount {
    pub(super) fn add(&self, kind: &'static str, count: usize) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *found.entry(kind).or_default() += u64::try_from(count).unwrap_or(u64::MAX);
    }

    pub(super) fn all(&self) -> Vec<(&'static str, u64)> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().map(|(kind, count)| (*kind, *count)).collect()
    }
}
