//! The record format, version 1.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `LKV1` |
//! | 4 | 1 | suite, 1: HKDF-SHA-256 record key and commitment, AES-256-GCM |
//! | 5 | 1 | kind |
//! | 6 | 4 | key id, big endian |
//! | 10 | 32 | salt |
//! | 42 | 32 | key commitment |
//! | 74 | 12 | nonce |
//! | 86 | n + 16 | ciphertext and tag |
//!
//! HKDF-SHA-256 (RFC 5869) of ring key and salt, with the first 10 bytes in `info`, gives 32 bytes of record key and
//! 32 bytes of commitment: GCM alone does not bind the key. A record key seals once, so the random nonce cannot
//! repeat under it. Additional data: the first 42 bytes, deployment, Redis key, account and epoch, each with its
//! length before it.
//!
//! What is encrypted: the plaintext's length (4 bytes, big endian), the plaintext, the length (1 byte) and name of the
//! account's site, zeros up to a step of 256 bytes, so that a password's length does not show. Records sealed before
//! 2026-12 have zeros in place of the site, and who reads them only looks at the plaintext: either side may be older.

use aes_gcm::{
    Aes256Gcm, Key as AesKey, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use rand::{TryRng, rngs::SysRng};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{KeyId, VaultError, ring::RingKey};

const MAGIC: &[u8; 4] = b"LKV1";
const SUITE: u8 = 1;
/// Up to the salt: what says of which kind a record is and who sealed it.
pub(super) const BEGINNING: usize = 10;
const SALT: std::ops::Range<usize> = 10..42;
const COMMITMENT: std::ops::Range<usize> = 42..74;
const NONCE: std::ops::Range<usize> = 74..86;
const TAG_BYTES: usize = 16;
const PADDING_STEP: usize = 256;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A username, a password, a TOTP seed.
    Credentials = 1,
    /// A session.
    Session = 2,
    /// What a browser kept: more than a session, and for the broker only.
    State = 3,
    /// An answer that is kept for a moment.
    Answer = 5,
    /// The recording of a turn.
    Flight = 6,
    /// What a site calls a conversation.
    Conversation = 7,
}

/// Where a record belongs. All of it is authenticated.
pub(super) struct RecordContext<'a> {
    pub(super) kind: RecordKind,
    pub(super) deployment: &'a str,
    pub(super) redis_key: String,
    /// The account, the question or the turn, whose it is.
    pub(super) owner: String,
    pub(super) generation_or_version: u64,
    /// The site of the account, where there is one: what was sealed for one is used at no other.
    pub(super) site: Option<&'a str>,
}

/// A record that opened.
pub(super) struct OpenedRecord {
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    /// Whether it says for which site it was sealed.
    pub(super) names_site: bool,
}

/// The random parts of one record.
pub(super) struct RecordRandom {
    pub(super) salt: [u8; 32],
    pub(super) nonce: [u8; 12],
}

impl RecordRandom {
    pub(super) fn draw() -> Self {
        let mut random = Self { salt: [0; 32], nonce: [0; 12] };
        SysRng.try_fill_bytes(&mut random.salt).expect("the operating system gives randomness");
        SysRng.try_fill_bytes(&mut random.nonce).expect("the operating system gives randomness");
        random
    }
}

pub(super) fn seal(
    key: &RingKey,
    plaintext: &[u8],
    context: &RecordContext<'_>,
    random: &RecordRandom,
) -> Vec<u8> {
    let mut record = Vec::with_capacity(NONCE.end + plaintext.len() + PADDING_STEP + TAG_BYTES);
    record.extend_from_slice(MAGIC);
    record.extend_from_slice(&[SUITE, context.kind as u8]);
    record.extend_from_slice(&key.id.0.to_be_bytes());
    record.extend_from_slice(&random.salt);
    let derived = DerivedKey::new(key, &record[..SALT.end]);
    let aad = additional_data(&record[..SALT.end], context);
    record.extend_from_slice(&*derived.commitment);
    record.extend_from_slice(&random.nonce);
    let padded = pad(plaintext, context.site);
    let payload = Payload { msg: &padded, aad: &aad };
    let ciphertext = derived.cipher.encrypt(&Nonce::from(random.nonce), payload);
    record.extend_from_slice(&ciphertext.expect("AES-GCM seals up to 64 GiB"));
    record
}

/// The key that a record names, once its format and kind are right.
pub(super) fn key_id(record: &[u8], kind: RecordKind) -> Result<KeyId, VaultError> {
    let starts_well = record.starts_with(MAGIC) && record.get(4) == Some(&SUITE);
    if !starts_well || record.len() < NONCE.end + TAG_BYTES {
        return Err(VaultError::Format);
    }
    if record[5] != kind as u8 {
        return Err(VaultError::Kind);
    }
    Ok(KeyId(u32::from_be_bytes([record[6], record[7], record[8], record[9]])))
}

/// The key that the beginning of a record names, whatever its kind.
pub(super) fn named_key(beginning: &[u8]) -> Option<KeyId> {
    let id = beginning.get(6..BEGINNING)?.try_into().ok()?;
    beginning.starts_with(MAGIC).then(|| KeyId(u32::from_be_bytes(id)))
}

/// Opens a record that [`key_id`] has looked at.
pub(super) fn open(
    key: &RingKey,
    record: &[u8],
    context: &RecordContext<'_>,
) -> Result<OpenedRecord, VaultError> {
    let header = &record[..SALT.end];
    let derived = DerivedKey::new(key, header);
    if !bool::from(derived.commitment.ct_eq(&record[COMMITMENT])) {
        return Err(VaultError::Refused);
    }
    let nonce: [u8; 12] = record[NONCE].try_into().expect("the range has 12 bytes");
    let payload = Payload { msg: &record[NONCE.end..], aad: &additional_data(header, context) };
    let padded = derived.cipher.decrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError::Refused)?;
    let (opened, site) = unpad(Zeroizing::new(padded))?;
    match (site, context.site) {
        (Some(site), Some(wanted)) if site != wanted.as_bytes() => Err(VaultError::OtherSite),
        _ => Ok(opened),
    }
}

struct DerivedKey {
    cipher: Aes256Gcm,
    commitment: Zeroizing<[u8; 32]>,
}

impl DerivedKey {
    /// `header` is the record up to the end of the salt.
    fn new(key: &RingKey, header: &[u8]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(&header[SALT]), &*key.bytes);
        let info = [b"latchkey/v1/".as_slice(), &header[..SALT.start]].concat();
        let mut output = Zeroizing::new([0; 64]);
        hkdf.expand(&info, &mut *output).expect("64 bytes are within HKDF's limit");
        let (record_key, committed) = output.split_at(32);
        let mut commitment = Zeroizing::new([0; 32]);
        commitment.copy_from_slice(committed);
        let aes_key: &AesKey<Aes256Gcm> = record_key.try_into().expect("half of 64 bytes is 32");
        Self { cipher: Aes256Gcm::new(aes_key), commitment }
    }
}

fn additional_data(header: &[u8], context: &RecordContext<'_>) -> Vec<u8> {
    let epoch = context.generation_or_version.to_be_bytes();
    let fields: [&[u8]; 5] = [
        header,
        context.deployment.as_bytes(),
        context.redis_key.as_bytes(),
        context.owner.as_bytes(),
        &epoch,
    ];
    let mut aad = Vec::new();
    for field in fields {
        aad.extend_from_slice(&(field.len() as u64).to_be_bytes());
        aad.extend_from_slice(field);
    }
    aad
}

fn pad(plaintext: &[u8], site: Option<&str>) -> Zeroizing<Vec<u8>> {
    let length = u32::try_from(plaintext.len()).expect("a record holds less than 4 GiB");
    let site = site.unwrap_or_default();
    let filled = plaintext.len() + site.len() + 5;
    let mut padded = Zeroizing::new(Vec::with_capacity(filled.next_multiple_of(PADDING_STEP)));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(plaintext);
    padded.push(u8::try_from(site.len()).expect("a site's name has 40 letters at most"));
    padded.extend_from_slice(site.as_bytes());
    padded.resize(filled.next_multiple_of(PADDING_STEP), 0);
    padded
}

/// The plaintext, and the site that the record is for, if it says so.
fn unpad(mut padded: Zeroizing<Vec<u8>>) -> Result<(OpenedRecord, Option<Vec<u8>>), VaultError> {
    let (length, rest) = padded.split_first_chunk::<4>().ok_or(VaultError::Format)?;
    let length = u32::from_be_bytes(*length) as usize;
    let behind = rest.get(length..).ok_or(VaultError::Format)?;
    let site = match behind.split_first() {
        None | Some((0, _)) => None,
        Some((size, name)) => Some(name.get(..usize::from(*size)).ok_or(VaultError::Format)?.to_vec()),
    };
    padded.drain(..4);
    padded.truncate(length);
    Ok((OpenedRecord { plaintext: padded, names_site: site.is_some() }, site))
}
