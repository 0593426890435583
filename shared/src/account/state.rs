//! Where an account stands, and how far a login of it is.

use serde::{Deserialize, Deserializer, Serialize};
use strum::VariantArray;

use super::words::UnknownWord;

/// Where an account stands.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    schemars::JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::among::<Self>)]
pub enum State {
    /// Added; never signed in.
    New,
    /// A login runs; an earlier session keeps serving.
    Refreshing,
    /// Signed in.
    Active,
    /// The last login failed for a passing reason; it is tried again at `refresh_at`.
    Cooldown,
    /// A person must finish the login.
    NeedsHuman,
    /// The site refused the password; it is not typed again until an operator changes it.
    CredentialsRejected,
    /// The site locked the account.
    SiteLocked,
    /// Switched off by an operator.
    Disabled,
    /// Its record cannot be read: it is damaged, or a newer release wrote a word that this one does not know. Never
    /// stored: an account is shown so, serves nobody and is left alone until an operator repairs or removes it.
    Damaged,
}

impl State {
    /// Every state that a record may hold.
    pub fn stored() -> impl Iterator<Item = Self> {
        Self::VARIANTS.iter().copied().filter(|state| *state != Self::Damaged)
    }

    /// Whether a session in this state may still be used. A failed refresh does not stop a session that lives.
    #[must_use]
    pub fn serves(self) -> bool {
        match self {
            Self::Refreshing
            | Self::Active
            | Self::Cooldown
            | Self::NeedsHuman
            | Self::CredentialsRejected => true,
            Self::New | Self::SiteLocked | Self::Disabled | Self::Damaged => false,
        }
    }

    /// Whether the broker may start a login by itself. Only an operator leads out of the others.
    #[must_use]
    pub fn signs_in_unasked(self) -> bool {
        match self {
            Self::New | Self::Refreshing | Self::Active | Self::Cooldown => true,
            Self::NeedsHuman
            | Self::CredentialsRejected
            | Self::SiteLocked
            | Self::Disabled
            | Self::Damaged => false,
        }
    }
}

impl<'de> Deserialize<'de> for State {
    /// A state that only a newer broker knows is shown like a record that only a newer broker reads.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(word.parse().unwrap_or(Self::Damaged))
    }
}

/// How far a login is. It steers the next one, so it is a field of its own and no words for people.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::among::<Self>)]
pub enum Phase {
    /// It is due, cannot be renewed without a browser, and waits for one.
    WaitsForBrowser,
    /// It has begun to type the password.
    PasswordTyped,
}

impl Phase {
    /// The same for people.
    ///
    /// The release before this one reads these words in `reason` and has no other field: it settles what this one
    /// left, and this one what it left, while both run. They are not to be reworded as long as that may be.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::WaitsForBrowser => "waits for a browser",
            Self::PasswordTyped => "password typed",
        }
    }

    /// What the release before this one has said in a reason.
    pub(crate) fn of_words(reason: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|phase| phase.words() == reason)
    }
}
