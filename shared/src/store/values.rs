//! Values as they are written and read.

use std::time::Duration;

use rand::{TryRng, rngs::SysRng};

/// A duration as Redis takes it.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// 128 random bits in hexadecimal.
pub(super) fn random_token() -> String {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A member of a list as what it should be.
pub(super) fn parsed<T: std::str::FromStr>(member: &[u8]) -> Option<T> {
    str::from_utf8(member).ok()?.parse().ok()
}
