//! The bearer secrets that clients may use, and which accounts each gives. Kept as digests only.

use std::{collections::BTreeSet, fmt};

use anyhow::{Context, bail};
use latchkey_shared::id::PoolName;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::scope::AccountScope;

/// Shorter secrets can be guessed.
const SHORTEST_SECRET: usize = 20;

/// The secrets.
#[derive(Clone)]
pub struct SharedSecrets(Vec<SharedSecret>);

#[derive(Clone)]
struct SharedSecret {
    digest: [u8; 32],
    grant: SecretGrant,
}

/// What a secret gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretGrant {
    /// Some accounts.
    Scope(AccountScope),
    /// Those that a header of each request chooses.
    Chosen,
}

/// Marks a secret whose requests choose their accounts.
const USERS: &str = "users";

impl SharedSecrets {
    /// Reads secrets separated by commas or line ends, each with the pools to which it is bound, `secret pool=team-a`, or
    /// with the mark that requests choose, `secret users`.
    pub(super) fn parse(text: &SecretString) -> anyhow::Result<Self> {
        let items = text.expose_secret().split([',', '\n']).map(str::trim).filter(|item| !item.is_empty());
        let mut secrets: Vec<SharedSecret> = Vec::new();
        for (index, item) in items.enumerate() {
            let secret = SharedSecret::parse(item).with_context(|| format!("secret {}", index + 1))?;
            if secrets.iter().any(|other| other.digest == secret.digest && other.grant != secret.grant) {
                bail!("secret {} is there twice, with different rights", index + 1);
            }
            secrets.push(secret);
        }
        if secrets.is_empty() {
            bail!("expected at least one secret");
        }
        Ok(Self(secrets))
    }

    /// The lowest digest, whatever the order in which a replica is told the secrets.
    pub(super) fn lowest(&self) -> [u8; 32] {
        self.0.iter().map(|secret| secret.digest).min().unwrap_or_default()
    }

    /// What the bearer of a text may use, if it is one of them; takes the same time however much of it is right.
    pub(crate) fn admit(&self, text: &str) -> Option<SecretGrant> {
        let digest: [u8; 32] = Sha256::digest(text).into();
        let mut admitted = None;
        for secret in &self.0 {
            if secret.digest.ct_eq(&digest).into() {
                admitted = Some(secret.grant.clone());
            }
        }
        admitted
    }
}

impl SharedSecret {
    fn parse(item: &str) -> anyhow::Result<Self> {
        let mut words = item.split_whitespace();
        let secret = words.next().unwrap_or_default();
        if secret.len() < SHORTEST_SECRET {
            bail!("expected at least {SHORTEST_SECRET} characters");
        }
        let digest = Sha256::digest(secret).into();
        let words: Vec<&str> = words.collect();
        if words == [USERS] {
            return Ok(Self { digest, grant: SecretGrant::Chosen });
        }
        let pools: Option<BTreeSet<PoolName>> =
            words.iter().map(|word| word.strip_prefix("pool=")?.parse().ok()).collect();
        // What stands there is not repeated: it may be the rest of a secret.
        let pools = pools.context(
            "after a secret only pool=NAME may stand, NAME being 1 to 40 of a-z, 0-9 and -, or users alone",
        )?;
        Ok(Self { digest, grant: SecretGrant::Scope(AccountScope::of(pools)) })
    }
}

impl fmt::Debug for SharedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedSecrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SharedSecrets, String> {
        SharedSecrets::parse(&text.into()).map_err(|error| format!("{error:#}"))
    }

    fn scope(pools: &[&str]) -> SecretGrant {
        SecretGrant::Scope(AccountScope::of(pools.iter().map(|pool| pool.parse().unwrap()).collect()))
    }

    #[test]
    fn every_shared_secret_is_admitted_and_nothing_else() {
        let secrets = parse("first-secret-of-twenty,\nsecond-secret-of-twenty").unwrap();

        for secret in ["first-secret-of-twenty", "second-secret-of-twenty"] {
            assert_eq!(secrets.admit(secret), Some(scope(&[])));
        }
        assert_eq!([secrets.admit("first-secret-of-twent"), secrets.admit("")], [None, None]);
    }

    #[test]
    fn a_secret_may_be_bound_to_pools() {
        let secrets = parse("first-secret-of-twenty\n\n second-secret-of-twenty  pool=b pool=a\nthird-secret-of-twenty pool=a").unwrap();

        assert_eq!(secrets.admit("first-secret-of-twenty"), Some(scope(&[])));
        assert_eq!(secrets.admit("second-secret-of-twenty"), Some(scope(&["a", "b"])));
        assert_eq!(secrets.admit("third-secret-of-twenty"), Some(scope(&["a"])));
        assert_eq!(secrets.admit("second-secret-of-twenty pool=b pool=a"), None);
        let chosen = parse("first-secret-of-twenty users").unwrap();
        assert_eq!(chosen.admit("first-secret-of-twenty"), Some(SecretGrant::Chosen));
    }

    #[test]
    fn a_mistake_is_told_by_its_place_and_without_the_secret() {
        let twice = "first-secret-of-twenty pool=a\nfirst-secret-of-twenty";
        for (text, expected) in [
            ("short", "secret 1: expected at least 20 characters"),
            ("pool=team-a", "secret 1: expected at least 20 characters"),
            (
                "first-secret-of-twenty\nsecond-secret-of-twenty pool=",
                "secret 2: after a secret only pool=NAME",
            ),
            ("first-secret-of-twenty hush", "secret 1: after a secret only pool=NAME"),
            ("first-secret-of-twenty pools=a", "secret 1: after a secret only pool=NAME"),
            (twice, "secret 2 is there twice, with different rights"),
            ("first-secret-of-twenty users pool=a", "secret 1: after a secret only pool=NAME"),
            (
                "first-secret-of-twenty users\nfirst-secret-of-twenty",
                "secret 2 is there twice, with different rights",
            ),
            (" ,", "expected at least one secret"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.starts_with(expected) && !told.contains("hush"), "{told}");
        }
    }
}
