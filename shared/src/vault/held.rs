//! A key ring in use, read again while the process runs.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use secrecy::SecretString;
use tokio::time::{Instant, timeout};

use super::{
    KeyRing,
    source::{RingSource, RingVariables},
};
use crate::env::{Env, EnvError};

/// Longer than any source takes.
const LIMIT: Duration = Duration::from_secs(15);

/// The ring, and where it came from.
pub(super) struct LoadedRing {
    ring: RwLock<KeyRing>,
    source: RingSource,
    name: &'static str,
    reading: Mutex<RingReading>,
}

#[derive(Default)]
struct RingReading {
    last: Option<Instant>,
    /// What the last read found, if it was something new.
    candidate: Option<KeyRing>,
    in_trouble: bool,
}

impl LoadedRing {
    pub(super) fn fixed(ring: KeyRing) -> Self {
        Self { ring: RwLock::new(ring), source: RingSource::Environment, name: "", reading: Mutex::default() }
    }

    pub(super) fn from_env(env: &Env, names: RingVariables) -> Result<Self, EnvError> {
        let (source, text) = RingSource::find(env, names)?;
        let ring = KeyRing::parse(&text);
        let ring = ring.map_err(|error| EnvError::invalid(names.ring, error.to_string()))?;
        Ok(Self { ring: RwLock::new(ring), source, name: names.ring, reading: Mutex::default() })
    }

    pub(super) fn ring(&self) -> RwLockReadGuard<'_, KeyRing> {
        // A ring is replaced whole: whoever panicked has broken nothing.
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the ring again when it is time; whether another one is in use now. What cannot be read changes nothing.
    pub(super) async fn reread(self: &Arc<Self>) -> bool {
        let Some(interval) = self.source.interval() else { return false };
        {
            let mut reading = self.reading();
            if reading.last.is_some_and(|last| last.elapsed() < interval) {
                return false;
            }
            reading.last = Some(Instant::now());
        }
        let held = Arc::clone(self);
        let read = timeout(LIMIT, tokio::task::spawn_blocking(move || held.source.read())).await;
        let read = match read {
            Ok(Ok(read)) => read,
            Ok(Err(_)) | Err(_) => Err("to be read in time".to_owned()),
        };
        self.found(
            read.and_then(|text: SecretString| KeyRing::parse(&text).map_err(|error| error.to_string())),
        )
    }

    /// A file may be read while it is written, so only what was found twice in a row is taken over.
    fn found(&self, read: Result<KeyRing, String>) -> bool {
        let mut reading = self.reading();
        let ring = match read {
            Ok(ring) => ring,
            Err(error) => {
                if !reading.in_trouble {
                    tracing::warn!(
                        "{}: expected {error}; the keys that were read before stay in use",
                        self.name
                    );
                }
                reading.in_trouble = true;
                return false;
            }
        };
        reading.in_trouble = false;
        let before = reading.candidate.take();
        if ring == *self.ring() {
            return false;
        }
        if self.source.is_torn() && before.as_ref() != Some(&ring) {
            reading.candidate = Some(ring);
            return false;
        }
        tracing::info!(keys = ?ring, "{} has changed", self.name);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        true
    }

    fn reading(&self) -> std::sync::MutexGuard<'_, RingReading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn ring(text: &str) -> KeyRing {
        KeyRing::parse(&text.into()).unwrap()
    }

    #[test]
    fn a_file_that_is_half_written_is_not_taken_over() {
        let old = KeyRing::generate();
        let new = KeyRing::generate();
        let both = format!("{}\n{}", new.expose_secret(), old.expose_secret());
        let mut held = LoadedRing::fixed(ring(old.expose_secret()));
        held.source = RingSource::File("/nonexistent".into());

        assert!(!held.found(Ok(ring(new.expose_secret()))), "half of it");
        assert!(!held.found(Ok(ring(&both))), "all of it, seen once");
        assert!(!held.found(Err("a key ring".to_owned())));
        assert!(held.found(Ok(ring(&both))), "all of it again");

        assert_eq!(held.ring().ids(), ring(&both).ids());
        assert!(!held.found(Ok(ring(&both))));
    }
}
