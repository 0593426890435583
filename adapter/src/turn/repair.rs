//! Repairs: what is wrong with an answer, and what the site is asked then.

use std::time::Duration;

use latchkey_bridge::{
    render::reask,
    sieve::event::{InvalidCall, InvalidKind, TruncatedCall},
};

use super::judge::VerdictReason;
use crate::prompt::emulation::Emulation;

/// How often a site is asked again in one turn: a model that fails three times fails a fourth.
pub(super) const EXTRA_ASKS: usize = 2;
/// For how long all that may take.
pub(super) const TIME: Duration = Duration::from_secs(60);

/// Why a site must be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RepairReason {
    /// A call is wrong.
    Correct(InvalidCall),
    /// A call was cut, and may be continued.
    Continue(TruncatedCall),
    /// A call was cut, and its continuation is none.
    Smaller(TruncatedCall),
    /// A call was announced and did not come.
    Nudge(VerdictReason),
    /// The call that the client requires did not come.
    Require,
    /// Nothing was said.
    Resume,
    /// The answer is not the JSON that the client wants; what is wrong with it.
    Reshape(String),
}

impl RepairReason {
    /// The word for metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Correct(_) => "correct",
            Self::Continue(_) => "continue",
            Self::Smaller(_) => "smaller",
            Self::Nudge(_) => "nudge",
            Self::Require => "require",
            Self::Resume => "resume",
            Self::Reshape(_) => "reshape",
        }
    }

    /// What the site is asked.
    pub(super) fn question(&self, emulation: &Emulation) -> String {
        let Emulation { catalog, dialect, choice, wanted, .. } = emulation;
        match self {
            Self::Correct(invalid) => reask::correction(invalid, catalog, dialect),
            Self::Continue(truncated) => reask::continuation(truncated),
            Self::Smaller(truncated) => reask::smaller(truncated, dialect),
            Self::Nudge(_) => reask::nudge(dialect),
            Self::Require => reask::requirement(choice, dialect),
            Self::Resume if emulation.offers_tools() => reask::resumption(dialect),
            Self::Resume => reask::silence(),
            Self::Reshape(detail) => {
                wanted.as_ref().map_or_else(String::new, |wanted| wanted.reshape(detail))
            }
        }
    }

    /// Whether text that comes then is part of the answer; else only calls are asked for.
    pub(super) fn wants_text(&self) -> bool {
        matches!(self, Self::Resume)
    }

    /// Whether a tool is named that is not declared.
    pub(super) fn names_unknown_tool(&self) -> bool {
        matches!(self, Self::Correct(InvalidCall { kind: InvalidKind::UnknownTool, .. }))
    }

    /// What the person is told where the site cannot mend it.
    pub(super) fn given_up(&self) -> Option<String> {
        let (name, why) = match self {
            Self::Correct(invalid) => (Some(invalid.name.as_str()), reason(invalid.kind)),
            Self::Continue(truncated) | Self::Smaller(truncated) => {
                (truncated.name.as_deref(), "it was cut off before its end")
            }
            Self::Reshape(_) => return Some("This answer is not the JSON that was asked for.".to_owned()),
            Self::Nudge(_) | Self::Require | Self::Resume => return None,
        };
        // A name that is none may be anything, markup too.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let call = match name.map(str::trim) {
            Some(name) if !name.is_empty() && name.chars().all(plain) => format!("The call of {name}"),
            Some(_) | None => "A call".to_owned(),
        };
        Some(format!("{call} could not be made: {why}."))
    }

    /// The text that was taken for a call and may be none.
    pub(super) fn doubtful(&self) -> Option<&str> {
        match self {
            Self::Correct(InvalidCall { kind: InvalidKind::Doubtful, raw, .. }) => Some(raw),
            _ => None,
        }
    }
}

/// Why a call could not be made, in words for people.
fn reason(kind: InvalidKind) -> &'static str {
    match kind {
        InvalidKind::NoName => "it names no tool",
        InvalidKind::UnknownTool => "there is no such tool",
        InvalidKind::Json => "its arguments are not JSON",
        InvalidKind::Arguments => "its arguments do not fit the tool",
        InvalidKind::Malformed | InvalidKind::Doubtful => "it is not in the form of a call",
        InvalidKind::TooLong => "it is too long",
        InvalidKind::TooMany => "there are too many calls",
    }
}
