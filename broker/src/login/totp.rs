//! One-time codes (RFC 6238), each typed once.

use std::time::Duration;

use latchkey_shared::{store::SeedDigest, time::Timestamp};
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Builder, Secret, Totp};

const STEP_SECS: u64 = 30;
/// With less than this left, a code may be too old when the site reads it.
const ENOUGH: Duration = Duration::from_secs(6);

/// The codes of one seed.
pub(super) struct TotpCodes {
    totp: Totp,
    /// What stands for the seed where typed codes are noted.
    pub(super) seed: SeedDigest,
}

/// What to do at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeTiming {
    /// Type the code of this time step.
    Step(u64),
    /// Wait for the next one.
    Wait(Duration),
}

impl TotpCodes {
    /// Reads a base32 seed as sites show it; `None` when it is none. Short seeds are common and accepted.
    pub(super) fn new(seed: &SecretString) -> Option<Self> {
        let plain: String = seed
            .expose_secret()
            .chars()
            .filter(|character| !character.is_whitespace() && !matches!(character, '-' | '='))
            .map(|character| character.to_ascii_uppercase())
            .collect();
        let secret = Secret::try_from_base32(&plain).ok()?;
        let seed = SeedDigest::of(secret.as_bytes());
        Some(Self { totp: Builder::new().with_secret(secret).build_noncompliant(), seed })
    }

    /// The code of a time step.
    pub(super) fn code(&self, step: u64) -> SecretString {
        self.totp.generate(step * STEP_SECS).to_string().into()
    }
}

/// Which step's code to type now, or how long to wait for the next.
pub(super) fn moment(now: Timestamp) -> CodeTiming {
    let left = left(now);
    if left < ENOUGH { CodeTiming::Wait(left) } else { CodeTiming::Step(now.millis() / 1000 / STEP_SECS) }
}

/// How long the present time step lasts.
pub(super) fn left(now: Timestamp) -> Duration {
    let step_millis = STEP_SECS * 1000;
    Duration::from_millis(step_millis - now.millis() % step_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_that_of_rfc_6238() {
        // Appendix B, SHA-1, time 59: 94287082, of which six digits are used.
        let codes = TotpCodes::new(&"gezd gnbv gy3t qojq GEZDGNBVGY3TQOJQ".into()).unwrap();

        assert_eq!(codes.code(1).expose_secret(), "287082");
    }

    #[test]
    fn a_seed_is_the_same_however_it_is_spelled() {
        let digest = |seed: &str| TotpCodes::new(&seed.into()).unwrap().seed;

        assert_eq!(digest("gezd gnbv gy3t qojq"), digest("GEZD-GNBV-GY3T-QOJQ"));
        assert_ne!(digest("GEZDGNBVGY3TQOJQ"), digest("GEZDGNBVGY3TQOJR"));
    }

    #[test]
    fn a_seed_that_is_no_base32_is_refused() {
        assert!(TotpCodes::new(&"not a seed 018".into()).is_none());
    }

    #[test]
    fn a_code_with_little_time_left_is_not_typed() {
        assert_eq!(moment(Timestamp::from_secs(60)), CodeTiming::Step(2));
        assert_eq!(moment(Timestamp::from_secs(84)), CodeTiming::Step(2));
        assert_eq!(moment(Timestamp::from_secs(85)), CodeTiming::Wait(Duration::from_secs(5)));
        assert_eq!(moment(Timestamp::from_millis(89_999)), CodeTiming::Wait(Duration::from_millis(1)));
    }
}
