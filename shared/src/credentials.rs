//! What we type at a login page. Only the broker holds it, and only sealed under the `cred` ring.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A username, a password and, where the site asks for one-time codes, the base32 TOTP seed.
#[derive(Clone)]
pub struct Credentials {
    /// What the site calls the user: an e-mail address or a name.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// Base32 seed of RFC 6238 codes, as the site showed it at enrolment; spaces are ignored.
    pub totp_seed: Option<SecretString>,
}

/// Bytes that were sealed as credentials but are none.
#[derive(Debug, thiserror::Error)]
#[error("the opened record holds no credentials")]
pub struct NotCredentials;

#[derive(Serialize)]
struct CredentialsRecordRef<'a> {
    username: &'a str,
    password: &'a str,
    totp_seed: Option<&'a str>,
}

#[derive(Deserialize)]
struct CredentialsRecord {
    username: String,
    password: SecretString,
    totp_seed: Option<SecretString>,
}

impl Credentials {
    /// Nothing: for a browser in which nothing is typed.
    #[must_use]
    pub fn none() -> Self {
        Self { username: String::new(), password: String::new().into(), totp_seed: None }
    }

    /// The plaintext that the vault seals.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let record = CredentialsRecordRef {
            username: &self.username,
            password: self.password.expose_secret(),
            totp_seed: self.totp_seed.as_ref().map(ExposeSecret::expose_secret),
        };
        Zeroizing::new(serde_json::to_vec(&record).expect("strings always serialize"))
    }

    /// Reads what [`Credentials::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotCredentials> {
        let record: CredentialsRecord = serde_json::from_slice(bytes).map_err(|_| NotCredentials)?;
        Ok(Self { username: record.username, password: record.password, totp_seed: record.totp_seed })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials([redacted])")
    }
}
