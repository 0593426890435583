//! Which one-time codes were typed. A code is that of its seed, whichever account has it: two accounts with one seed
//! would show a site the same code twice within a time step.

use std::{fmt, time::Duration};

use deadpool_redis::redis;
use hkdf::Hkdf;
use sha2::Sha256;

use super::{BrokerStore, StoreError};
use crate::keys;

/// Longer than any site takes a code, and its clock may be wrong.
const KEPT: Duration = Duration::from_secs(300);

/// What stands for a TOTP seed where it must not be readable.
///
/// An HMAC that is keyed by the seed itself, so it is the same whatever key ring seals the seed. A seed has 80 bits at
/// least: nobody finds it by trying.
#[derive(Clone, PartialEq, Eq)]
pub struct SeedDigest(String);

impl SeedDigest {
    /// The digest of a seed's bytes.
    ///
    /// # Panics
    /// Never: its length is one that the function has.
    #[must_use]
    pub fn of(seed: &[u8]) -> Self {
        let mut digest = [0; 16];
        Hkdf::<Sha256>::new(None, seed)
            .expand(b"latchkey totp ledger", &mut digest)
            .expect("16 bytes are fewer than 255 hashes");
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Debug for SeedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeedDigest([redacted])")
    }
}

impl BrokerStore {
    /// Claims a TOTP time step for one login: false when a code of this seed, of this step or a later one, was typed
    /// already.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn claim_totp_step(&self, seed: &SeedDigest, step: u64) -> Result<bool, StoreError> {
        let script = redis::Script::new(include_str!("claim_totp_step.lua"));
        self.script(script.key(keys::totp_step(&seed.0)).arg(step).arg(KEPT.as_secs())).await
    }
}
