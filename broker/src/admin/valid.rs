//! What may stand in a field. Each check names its field and says what it expects.

use std::collections::BTreeSet;

use latchkey_shared::id::PoolName;
use secrecy::{ExposeSecret, SecretString};
use totp_rs::Secret;

use super::problem::Problem;
use crate::due::schedule;

/// 80 bits: the shortest seed in use. RFC 4226 asks for 128, and sites do not keep to it.
const SHORTEST_SEED: usize = 10;

/// Each is looked at whenever the account is leased.
const MOST_POOLS: usize = 32;

pub(super) fn label(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let fits = (1..=80).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Problem::invalid("label", "expected 1 to 80 characters in one line"))
    }
}

pub(super) fn concurrency(streams: u32) -> Result<u32, Problem> {
    if (1..=1000).contains(&streams) {
        return Ok(streams);
    }
    Err(Problem::invalid("concurrency", "expected 1 to 1000 streams at once"))
}

pub(super) fn requests_per_minute(requests: u32) -> Result<u32, Problem> {
    if (1..=100_000).contains(&requests) {
        return Ok(requests);
    }
    Err(Problem::invalid("requests_per_minute", "expected 1 to 100000 turns that begin within a minute"))
}

pub(super) fn weight(weight: u32) -> Result<u32, Problem> {
    if (1..=100).contains(&weight) {
        return Ok(weight);
    }
    Err(Problem::invalid("weight", "expected 1 to 100"))
}

pub(super) fn pools(names: Vec<PoolName>) -> Result<BTreeSet<PoolName>, Problem> {
    let pools: BTreeSet<PoolName> = names.into_iter().collect();
    if pools.len() <= MOST_POOLS {
        return Ok(pools);
    }
    Err(Problem::invalid("pools", format!("expected at most {MOST_POOLS}")))
}

pub(super) fn schedule(text: String) -> Result<String, Problem> {
    schedule::parse(&text).map_err(|error| Problem::invalid("schedule", error.to_string()))?;
    Ok(text)
}

pub(super) fn username(text: String) -> Result<String, Problem> {
    let fits = (1..=320).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(Problem::invalid("username", "expected 1 to 320 bytes in one line")) }
}

/// A line end would be typed as Enter and send the form half filled.
pub(super) fn password(secret: SecretString) -> Result<SecretString, Problem> {
    let text = secret.expose_secret();
    let fits = (1..=1024).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(secret) } else { Err(Problem::invalid("password", "expected 1 to 1024 bytes in one line")) }
}

/// Checks that codes can be made from a seed; spaces, dashes, case and padding are as sites print them.
pub(super) fn totp_seed(secret: &SecretString) -> Result<SecretString, Problem> {
    let bare: String = secret
        .expose_secret()
        .chars()
        .filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '='))
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    match Secret::try_from_base32(&bare) {
        Ok(seed) if SHORTEST_SEED <= seed.as_bytes().len() => Ok(bare.into()),
        _ => Err(Problem::invalid(
            "totp_seed",
            "expected the base32 text (A-Z, 2-7, at least 16 of them) that the site shows at enrolment, not a code",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_taken_as_sites_print_it() {
        for seed in ["JBSWY3DPEHPK3PXP", "jbsw y3dp ehpk 3pxp", "JBSW-Y3DP-EHPK-3PXP", "JBSWY3DPEHPK3PXP===="]
        {
            let kept = totp_seed(&seed.into()).unwrap();
            assert_eq!(kept.expose_secret(), "JBSWY3DPEHPK3PXP", "{seed}");
        }
        for wrong in
            ["", "123456", "JBSWY3DP", "JBSWY3DPEHPK3PX1", "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"]
        {
            assert!(totp_seed(&wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_that_would_press_enter_is_refused() {
        assert!(password("a\nb".into()).is_err());
        assert!(password("pä ß{}".into()).is_ok());
    }
}
