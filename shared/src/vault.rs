//! Seals credentials and sessions, so that Redis never holds either in the clear.
//!
//! Two key rings: `credentials` (broker only) and `session` (broker and adapters), so that a stolen adapter cannot
//! read a password. A record opens only under the ring, at the place, for the account and at the epoch (generation
//! or credentials version) that it was sealed for.

use std::{fmt, path::PathBuf, sync::Arc};

use zeroize::Zeroizing;

use held::LoadedRing;
use record::{OpenedRecord, RecordContext};
use source::{RingSource, RingVariables};

use crate::{
    account::Account,
    credentials::Credentials,
    env::{Env, EnvError},
    id::{AccountId, SiteName},
    keys,
    recording::TurnRecord,
    session::Session,
};

mod error;
mod held;
mod record;
mod ring;
mod source;

pub use error::VaultError;
pub use record::RecordKind;
pub use ring::{KeyId, KeyRing, RingError};

/// A sealed record: the only form in which a secret leaves memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Bytes that came from where [`Sealed::as_bytes`] went; opening them proves them.
    #[must_use]
    pub fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The record, as it is stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Id of the key that sealed the record that begins so; nothing of it is proven.
    #[must_use]
    pub fn key_of(beginning: &[u8]) -> Option<String> {
        record::named_key(beginning).map(|id| id.to_string())
    }

    /// How much of a record [`Sealed::key_of`] needs.
    pub const BEGINNING: usize = record::BEGINNING;
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Seals and opens credentials, and what browsers kept. Only the broker can hold one.
#[derive(Clone)]
pub struct CredentialsVault(RingVault);

/// Seals and opens sessions.
#[derive(Clone)]
pub struct SessionVault(RingVault);

#[derive(Clone)]
struct RingVault {
    held: Arc<LoadedRing>,
    deployment: String,
}

/// Whose a record is. A record opens for no other account, and at no other site.
#[derive(Clone, Copy, Debug)]
pub struct RecordOwner<'a> {
    /// The account.
    pub account: AccountId,
    /// Where it signs in.
    pub site: &'a SiteName,
}

impl<'a> RecordOwner<'a> {
    /// Of an account as it stands.
    #[must_use]
    pub fn of(account: &'a Account) -> Self {
        Self { account: account.id, site: &account.site }
    }
}

/// One of the two rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum RingName {
    /// Seals credentials.
    Credentials,
    /// Seals sessions.
    Session,
}

impl RingName {
    /// Reads the ring itself, for whoever changes it, and names its file if it is in one.
    ///
    /// # Errors
    /// When it is missing or is none.
    pub fn read(self, env: &Env) -> Result<(KeyRing, Option<PathBuf>), EnvError> {
        let names = self.names();
        let (source, text) = RingSource::find(env, names)?;
        let ring = KeyRing::parse(&text);
        let ring = ring.map_err(|error| EnvError::invalid(names.ring, error.to_string()))?;
        Ok((ring, source.file()))
    }

    fn names(self) -> RingVariables {
        match self {
            Self::Credentials => source::CREDENTIALS,
            Self::Session => source::SESSION,
        }
    }
}

impl CredentialsVault {
    /// A vault of one deployment.
    #[must_use]
    pub fn new(ring: KeyRing, deployment: impl Into<String>) -> Self {
        Self(RingVault { held: Arc::new(LoadedRing::fixed(ring)), deployment: deployment.into() })
    }

    /// Reads `LATCHKEY_CREDENTIALS_KEYS`, from its file or command too, and `LATCHKEY_DEPLOYMENT`.
    ///
    /// # Errors
    /// When the ring is missing or is none.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        RingVault::from_env(env, RingName::Credentials).map(Self)
    }

    /// Seals one version of an account's credentials under the ring's first key.
    #[must_use]
    pub fn seal(&self, credentials: &Credentials, of: RecordOwner<'_>, version: u64) -> Sealed {
        self.0.seal(&credentials.to_bytes(), &self.place(of, version))
    }

    /// Seals what an account's browser kept when it brought back a generation of its session.
    #[must_use]
    pub fn seal_state(&self, state: &Session, of: RecordOwner<'_>, generation: u64) -> Sealed {
        self.0.seal(&state.to_bytes(), &self.place_of_state(of, generation))
    }

    /// Opens it.
    ///
    /// # Errors
    /// When the record is anything but this.
    pub fn open_state(
        &self,
        sealed: &Sealed,
        of: RecordOwner<'_>,
        generation: u64,
    ) -> Result<Session, VaultError> {
        let plaintext = self.0.open(sealed, &self.place_of_state(of, generation))?;
        Session::from_bytes(&plaintext).map_err(|_| VaultError::Format)
    }

    /// Seals under the ring's first key what a browser kept and another of its keys has sealed; `None` when it is so
    /// already.
    ///
    /// # Errors
    /// When the record does not open at its place.
    pub fn rewrap_state(
        &self,
        sealed: &Sealed,
        of: RecordOwner<'_>,
        generation: u64,
    ) -> Result<Option<Sealed>, VaultError> {
        self.0.rewrap(sealed, &self.place_of_state(of, generation))
    }

    /// Opens them.
    ///
    /// # Errors
    /// When the record is anything but these credentials.
    pub fn open(
        &self,
        sealed: &Sealed,
        of: RecordOwner<'_>,
        version: u64,
    ) -> Result<Credentials, VaultError> {
        let plaintext = self.0.open(sealed, &self.place(of, version))?;
        Credentials::from_bytes(&plaintext).map_err(|_| VaultError::Format)
    }

    /// Seals under the ring's first key what another of its keys has sealed, or what names no
    /// site; `None` when neither is so.
    ///
    /// # Errors
    /// When the record does not open at its place.
    pub fn rewrap(
        &self,
        sealed: &Sealed,
        of: RecordOwner<'_>,
        epoch: u64,
    ) -> Result<Option<Sealed>, VaultError> {
        self.0.rewrap(sealed, &self.place(of, epoch))
    }

    /// Reads the ring again when it is time; whether it is another one now.
    pub async fn reread(&self) -> bool {
        self.0.held.reread().await
    }

    /// Ids of the keys it holds, the one that seals first.
    #[must_use]
    pub fn key_ids(&self) -> Vec<String> {
        self.0.held.ring().ids()
    }

    fn place<'a>(&'a self, of: RecordOwner<'a>, epoch: u64) -> RecordContext<'a> {
        self.0.place_of(of, RecordKind::Credentials, keys::credentials(of.account), epoch)
    }

    fn place_of_state<'a>(&'a self, of: RecordOwner<'a>, epoch: u64) -> RecordContext<'a> {
        self.0.place_of(of, RecordKind::State, keys::state(of.account), epoch)
    }
}

impl SessionVault {
    /// A vault of one deployment.
    #[must_use]
    pub fn new(ring: KeyRing, deployment: impl Into<String>) -> Self {
        Self(RingVault { held: Arc::new(LoadedRing::fixed(ring)), deployment: deployment.into() })
    }

    /// Reads `LATCHKEY_SESSION_KEYS`, from its file or command too, and `LATCHKEY_DEPLOYMENT`.
    ///
    /// # Errors
    /// When the ring is missing or is none.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        RingVault::from_env(env, RingName::Session).map(Self)
    }

    /// Seals one generation of an account's session under the ring's first key.
    #[must_use]
    pub fn seal(&self, session: &Session, of: RecordOwner<'_>, generation: u64) -> Sealed {
        self.0.seal(&session.to_bytes(), &self.place(of, generation))
    }

    /// Opens it.
    ///
    /// # Errors
    /// When the record is anything but this session.
    pub fn open(&self, sealed: &Sealed, of: RecordOwner<'_>, generation: u64) -> Result<Session, VaultError> {
        let plaintext = self.0.open(sealed, &self.place(of, generation))?;
        Session::from_bytes(&plaintext).map_err(|_| VaultError::Format)
    }

    /// Seals under the ring's first key what another of its keys has sealed, or what names no
    /// site; `None` when neither is so.
    ///
    /// # Errors
    /// When the record does not open at its place.
    pub fn rewrap(
        &self,
        sealed: &Sealed,
        of: RecordOwner<'_>,
        epoch: u64,
    ) -> Result<Option<Sealed>, VaultError> {
        self.0.rewrap(sealed, &self.place(of, epoch))
    }

    /// Reads the ring again when it is time; whether it is another one now.
    pub async fn reread(&self) -> bool {
        self.0.held.reread().await
    }

    /// Ids of the keys it holds, the one that seals first.
    #[must_use]
    pub fn key_ids(&self) -> Vec<String> {
        self.0.held.ring().ids()
    }

    fn place<'a>(&'a self, of: RecordOwner<'a>, epoch: u64) -> RecordContext<'a> {
        self.0.place_of(of, RecordKind::Session, keys::session(of.account), epoch)
    }

    /// Seals the answer to a question, which is known by its digest, under the ring's first key.
    #[must_use]
    pub fn seal_answer(&self, answer: &[u8], digest: &str) -> Sealed {
        self.0.seal(answer, &self.place_of_answer(digest))
    }

    /// Opens it.
    ///
    /// # Errors
    /// When the record is anything but the answer to this question.
    pub fn open_answer(&self, sealed: &Sealed, digest: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.0.open(sealed, &self.place_of_answer(digest))
    }

    fn place_of_answer(&self, digest: &str) -> RecordContext<'_> {
        self.0.place(RecordKind::Answer, keys::answer(digest), digest.to_owned())
    }

    /// Seals what a site calls a conversation, which is known by the digest of what was said in it.
    #[must_use]
    pub fn seal_conversation(&self, conversation: &[u8], digest: &str) -> Sealed {
        self.0.seal(conversation, &self.place_of_conversation(digest))
    }

    /// Opens it.
    ///
    /// # Errors
    /// When the record is anything but this conversation.
    pub fn open_conversation(&self, sealed: &Sealed, digest: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.0.open(sealed, &self.place_of_conversation(digest))
    }

    fn place_of_conversation(&self, digest: &str) -> RecordContext<'_> {
        self.0.place(RecordKind::Conversation, keys::conversation(digest), digest.to_owned())
    }

    /// Seals the recording of one turn under the ring's first key.
    #[must_use]
    pub fn seal_flight(&self, record: &TurnRecord) -> Sealed {
        self.0.seal(&record.to_bytes(), &self.flight_place(&record.id))
    }

    /// Opens the recording of one turn.
    ///
    /// # Errors
    /// When the record is anything but this turn's.
    pub fn open_flight(&self, sealed: &Sealed, id: &str) -> Result<TurnRecord, VaultError> {
        let plaintext = self.0.open(sealed, &self.flight_place(id))?;
        TurnRecord::from_bytes(&plaintext).ok_or(VaultError::Format)
    }

    fn flight_place(&self, id: &str) -> RecordContext<'_> {
        self.0.place(RecordKind::Flight, keys::flight(id), id.to_owned())
    }
}

impl RingVault {
    fn from_env(env: &Env, ring: RingName) -> Result<Self, EnvError> {
        let held = Arc::new(LoadedRing::from_env(env, ring.names())?);
        let deployment = env.text("LATCHKEY_DEPLOYMENT")?.unwrap_or_else(|| "default".to_owned());
        Ok(Self { held, deployment })
    }

    /// The place of a record that no account has, and that is replaced by none.
    fn place(&self, kind: RecordKind, redis_key: String, owner: String) -> RecordContext<'_> {
        let deployment = &self.deployment;
        RecordContext { kind, deployment, redis_key, owner, generation_or_version: 0, site: None }
    }

    /// The place of an account's record; `epoch` is a generation or a version of credentials.
    fn place_of<'a>(
        &'a self,
        of: RecordOwner<'a>,
        kind: RecordKind,
        redis_key: String,
        epoch: u64,
    ) -> RecordContext<'a> {
        RecordContext {
            generation_or_version: epoch,
            site: Some(of.site.as_str()),
            ..self.place(kind, redis_key, of.account.to_string())
        }
    }

    fn seal(&self, plaintext: &[u8], context: &RecordContext<'_>) -> Sealed {
        Sealed(record::seal(self.held.ring().sealing(), plaintext, context, &record::RecordRandom::draw()))
    }

    fn open(&self, sealed: &Sealed, context: &RecordContext<'_>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.opened(sealed, context).map(|opened| opened.plaintext)
    }

    fn opened(&self, sealed: &Sealed, context: &RecordContext<'_>) -> Result<OpenedRecord, VaultError> {
        let id = record::key_id(&sealed.0, context.kind)?;
        let ring = self.held.ring();
        let key = ring.find(id).ok_or(VaultError::UnknownKey(id))?;
        record::open(key, &sealed.0, context)
    }

    fn rewrap(&self, sealed: &Sealed, context: &RecordContext<'_>) -> Result<Option<Sealed>, VaultError> {
        let opened = self.opened(sealed, context)?;
        let sealed_under = record::key_id(&sealed.0, context.kind)?;
        let is_current = opened.names_site && self.held.ring().sealing().id == sealed_under;
        Ok((!is_current).then(|| self.seal(&opened.plaintext, context)))
    }
}

#[cfg(test)]
mod tests;
