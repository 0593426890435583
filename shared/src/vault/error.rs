//! Why a record does not open.

use super::KeyId;

/// Why a record does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It is not a record of this format.
    #[error("the record is damaged or has an unknown format")]
    Format,
    /// It holds something else than asked for.
    #[error("the record is of another kind")]
    Kind,
    /// The ring has no such key.
    #[error(
        "the record is sealed under key {0}, which this key ring does not hold; add that key to the ring"
    )]
    UnknownKey(KeyId),
    /// A bit flipped, or it was moved to another key, account or epoch, or belongs to another deployment.
    #[error("the record was changed or belongs to another place, account, generation or deployment")]
    Refused,
    /// Its account was moved to another site of the catalog.
    #[error("the record was sealed for another site: sign in to this one anew")]
    OtherSite,
}
