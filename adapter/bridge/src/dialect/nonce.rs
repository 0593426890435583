//! The nonce in our tags: what no file that the model reads can know.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

/// Base32 without letters that models confuse.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// How many letters a nonce has.
pub(crate) const NONCE_BYTES: usize = 8;

/// Eight letters, 40 bits, that only this adapter and this conversation know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(pub(super) String);

impl Nonce {
    /// Derives the nonce of a conversation: the same on every replica and after a restart.
    pub fn derive(secret: &[u8], conversation: &str) -> Self {
        let mut bytes = [0; NONCE_BYTES];
        Hkdf::<Sha256>::new(Some(b"latchkey dialect nonce"), secret)
            .expand(conversation.as_bytes(), &mut bytes)
            .expect("8 bytes are within HKDF's limit");
        Self(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
    }

    /// Its letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_the_same_everywhere_and_differs_between_conversations() {
        let nonce = Nonce::derive(b"secret", "a");

        assert_eq!(nonce, Nonce::derive(b"secret", "a"));
        assert_ne!(nonce, Nonce::derive(b"secret", "b"));
        assert_ne!(nonce, Nonce::derive(b"other", "a"));
        assert_eq!(nonce.as_str().len(), 8);
    }
}
