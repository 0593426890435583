//! The ladder of repairs: what is wrong with an answer, and what the site is asked then.

use std::time::Duration;

use latchkey_bridge::{
    render::reask,
    sieve::event::{Invalid, Kind, Truncated},
};

use super::judge::Reason;
use crate::prompt::emulation::Emulation;

/// How often a site is asked again in one turn: a model that fails three times fails a fourth.
pub(super) const EXTRA_ASKS: usize = 2;
/// For how long all that may take.
pub(super) const TIME: Duration = Duration::from_secs(60);

/// Why a site must be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A call is wrong.
    Correct(Invalid),
    /// A call was cut, and may be continued.
    Continue(Truncated),
    /// A call was cut, and its continuation is none.
    Smaller(Truncated),
    /// A call was announced and did not come.
    Nudge(Reason),
    /// The call that the client requires did not come.
    Require,
    /// Nothing was said.
    Resume,
}

impl Need {
    /// The word for metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Correct(_) => "correct",
            Self::Continue(_) => "continue",
            Self::Smaller(_) => "smaller",
            Self::Nudge(_) => "nudge",
            Self::Require => "require",
            Self::Resume => "resume",
        }
    }

    /// What the site is asked.
    pub(super) fn question(&self, emulation: &Emulation) -> String {
        let Emulation { catalog, dialect, choice, .. } = emulation;
        match self {
            Self::Correct(invalid) => reask::correction(invalid, catalog, dialect),
            Self::Continue(truncated) => reask::continuation(truncated),
            Self::Smaller(truncated) => reask::smaller(truncated, dialect),
            Self::Nudge(_) => reask::nudge(dialect),
            Self::Require => reask::requirement(choice, dialect),
            Self::Resume => reask::resumption(dialect),
        }
    }

    /// Whether text that comes then is part of the answer; else only calls are asked for.
    pub(super) fn wants_text(&self) -> bool {
        matches!(self, Self::Resume)
    }

    /// The text that was taken for a call and may be none.
    pub(super) fn doubtful(&self) -> Option<&str> {
        match self {
            Self::Correct(Invalid { kind: Kind::Doubtful, raw, .. }) => Some(raw),
            _ => None,
        }
    }
}
