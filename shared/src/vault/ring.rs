//! Key rings: a few 256-bit keys with ids, the first of which seals.

use std::{collections::BTreeSet, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRng, rngs::SysRng};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Id of a key, drawn at random with it and never used again. Written as 8 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(super) u32);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// One key.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) bytes: Zeroizing<[u8; 32]>,
}

/// A key ring. As text: one `id:key` per line (or separated by blanks or commas), key in base64url without padding;
/// the first seals, the others only open; `#` starts a comment.
#[derive(Clone)]
pub struct KeyRing(Vec<Key>);

/// Text that is no key ring. It never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// There is no key in it.
    #[error("at least one key; make a ring with `latchkey-broker keys new`")]
    Empty,
    /// An entry is no key.
    #[error("entry {0} to be ID:KEY, 8 hexadecimal digits and 43 characters of base64url")]
    Entry(usize),
    /// Two keys have one id.
    #[error("each key id once, but {0} is there twice")]
    Twice(KeyId),
}

impl KeyRing {
    /// Reads a ring.
    ///
    /// # Errors
    /// When an entry is malformed, an id is there twice, or there is no key.
    pub fn parse(text: &SecretString) -> Result<Self, RingError> {
        let lines = text.expose_secret().lines().map(|line| line.split('#').next().unwrap_or_default());
        let entries = lines.flat_map(|line| line.split([',', ' ', '\t'])).filter(|entry| !entry.is_empty());
        let mut keys = Vec::new();
        let mut ids = BTreeSet::new();
        for (index, entry) in entries.enumerate() {
            let key = Key::parse(entry.trim()).ok_or(RingError::Entry(index + 1))?;
            if !ids.insert(key.id) {
                return Err(RingError::Twice(key.id));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(RingError::Empty) } else { Ok(Self(keys)) }
    }

    /// Draws a new ring of one key and gives its text.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    #[must_use]
    pub fn generate() -> SecretString {
        let mut id = [0; 4];
        let mut key = Zeroizing::new([0; 32]);
        SysRng.try_fill_bytes(&mut id).expect("the operating system gives randomness");
        SysRng.try_fill_bytes(&mut *key).expect("the operating system gives randomness");
        let id = KeyId(u32::from_be_bytes(id));
        let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(*key));
        format!("{id}:{}", *key).into()
    }

    /// The key that seals.
    pub(super) fn sealing(&self) -> &Key {
        self.0.first().expect("a ring is never empty")
    }

    pub(super) fn find(&self, id: KeyId) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.0.iter().map(|key| key.id.to_string()).collect()
    }
}

impl Key {
    fn parse(entry: &str) -> Option<Self> {
        let (id, key) = entry.split_once(':')?;
        let hex = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = u32::from_str_radix(id, 16).ok().filter(|_| hex)?;
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(key).ok()?);
        let bytes: [u8; 32] = decoded.as_slice().try_into().ok()?;
        Some(Self { id: KeyId(id), bytes: Zeroizing::new(bytes) })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_ring_parses() {
        let text = KeyRing::generate();

        let ring = KeyRing::parse(&text).unwrap();

        assert_eq!(ring.ids(), [text.expose_secret()[..8].to_owned()]);
    }

    #[test]
    fn the_first_key_seals_and_comments_do_not_count() {
        let (first, second) = (KeyRing::generate(), KeyRing::generate());
        let text = format!("# ring\n{} # new\n{}\n", first.expose_secret(), second.expose_secret());

        let ring = KeyRing::parse(&text.into()).unwrap();

        assert_eq!(ring.sealing().id.to_string(), first.expose_secret()[..8]);
        assert_eq!(ring.ids().len(), 2);
    }

    #[test]
    fn bad_rings_are_refused_without_repeating_them() {
        let one = KeyRing::generate();
        let twice = format!("{} {}", one.expose_secret(), one.expose_secret());
        let refusal = |text: &str| KeyRing::parse(&text.into()).unwrap_err();

        assert_eq!(refusal("# nothing"), RingError::Empty);
        assert_eq!(refusal("hunter2"), RingError::Entry(1));
        assert_eq!(refusal("0011223g:AAAA"), RingError::Entry(1));
        assert!(matches!(refusal(&twice), RingError::Twice(_)));
        assert!(!refusal("hunter2").to_string().contains("hunter2"));
    }
}
