//! Key rings: a few 256-bit keys with ids, the first of which seals.

use std::{collections::BTreeSet, fmt, str::FromStr};

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

impl FromStr for KeyId {
    type Err = BadKeyId;

    fn from_str(text: &str) -> Result<Self, BadKeyId> {
        let hex = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(text, 16).ok().filter(|_| hex).map(Self).ok_or(BadKeyId)
    }
}

/// Text that is no key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key id: expected 8 hexadecimal digits")]
pub struct BadKeyId;

/// One key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RingKey {
    pub(super) id: KeyId,
    pub(super) bytes: Zeroizing<[u8; 32]>,
}

/// A key ring. As text: one `id:key` per line (or separated by blanks or commas), key in base64url without padding;
/// the first seals, the others only open; `#` starts a comment.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRing(Vec<RingKey>);

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
            let key = RingKey::parse(entry.trim()).ok_or(RingError::Entry(index + 1))?;
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
        RingKey::draw().text()
    }

    /// The ring with a new key at its end, which only opens as yet, and that key's id.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    #[must_use]
    pub fn with_new_key(mut self) -> (Self, KeyId) {
        let mut key = RingKey::draw();
        while self.find(key.id).is_some() {
            key = RingKey::draw();
        }
        let id = key.id;
        self.0.push(key);
        (self, id)
    }

    /// The ring with another key that seals; `None` when it has no such key.
    #[must_use]
    pub fn promoted(mut self, id: KeyId) -> Option<Self> {
        let at = self.0.iter().position(|key| key.id == id)?;
        self.0[..=at].rotate_right(1);
        Some(self)
    }

    /// The ring without a key; `None` when it has no such key, or when it is the one that seals.
    #[must_use]
    pub fn without(mut self, id: KeyId) -> Option<Self> {
        let at = self.0.iter().position(|key| key.id == id).filter(|at| *at > 0)?;
        self.0.remove(at);
        Some(self)
    }

    /// The ring as text, one key in a line.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let lines: Vec<Zeroizing<String>> =
            self.0.iter().map(|key| Zeroizing::new(format!("{}\n", key.text().expose_secret()))).collect();
        lines.iter().map(|line| line.as_str()).collect::<String>().into()
    }

    /// The key that seals.
    pub(super) fn sealing(&self) -> &RingKey {
        self.0.first().expect("a ring is never empty")
    }

    pub(super) fn find(&self, id: KeyId) -> Option<&RingKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Ids of its keys, the one that seals first.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.0.iter().map(|key| key.id.to_string()).collect()
    }
}

impl RingKey {
    fn parse(entry: &str) -> Option<Self> {
        let (id, key) = entry.split_once(':')?;
        let id = id.parse().ok()?;
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(key).ok()?);
        let bytes: [u8; 32] = decoded.as_slice().try_into().ok()?;
        Some(Self { id, bytes: Zeroizing::new(bytes) })
    }

    fn draw() -> Self {
        let mut id = [0; 4];
        let mut bytes = Zeroizing::new([0; 32]);
        SysRng.try_fill_bytes(&mut id).expect("the operating system gives randomness");
        SysRng.try_fill_bytes(&mut *bytes).expect("the operating system gives randomness");
        Self { id: KeyId(u32::from_be_bytes(id)), bytes }
    }

    fn text(&self) -> SecretString {
        let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.bytes));
        format!("{}:{}", self.id, *key).into()
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
        let first = KeyRing::generate();
        let second = KeyRing::generate();
        let text = format!("# ring\n{} # new\n{}\n", first.expose_secret(), second.expose_secret());

        let ring = KeyRing::parse(&text.into()).unwrap();

        assert_eq!(ring.sealing().id.to_string(), first.expose_secret()[..8]);
        assert_eq!(ring.ids().len(), 2);
    }

    #[test]
    fn a_ring_is_rotated_key_by_key() {
        let ring = KeyRing::parse(&KeyRing::generate()).unwrap();
        let old: KeyId = ring.ids()[0].parse().unwrap();

        let (added, new) = ring.with_new_key();
        assert_eq!(added.ids(), [old.to_string(), new.to_string()]);
        assert!(added.clone().without(old).is_none(), "it seals");
        let promoted = added.promoted(new).unwrap();
        assert_eq!(promoted.ids(), [new.to_string(), old.to_string()]);
        assert_eq!(KeyRing::parse(&promoted.to_text()).unwrap(), promoted);
        let retired = promoted.without(old).unwrap();

        assert_eq!(retired.ids(), [new.to_string()]);
        assert!(retired.promoted(old).is_none());
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
