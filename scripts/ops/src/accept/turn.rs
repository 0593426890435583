//! What one turn came to.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// One turn.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Turn {
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// From the request to the end.
    pub took: Duration,
    /// From the request to the first word, thought or call.
    pub first_token: Option<Duration>,
    /// What became of the call that it had to make, if it had to make one.
    pub call: Option<Call>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Call {
    /// It was made, and its arguments fit.
    Made,
    /// It was made wrongly.
    Wrong(String),
    /// The turn ended in words.
    Ended,
}

impl Turn {
    /// A turn that failed.
    pub(super) fn failed(why: impl Into<String>, took: Duration) -> Self {
        Self { error: Some(why.into()), took, ..Self::default() }
    }

    /// What was wrong with it, if anything.
    pub(super) fn cause(&self) -> Option<String> {
        match (&self.error, &self.call) {
            (Some(error), _) => Some(error.clone()),
            (None, Some(Call::Wrong(why))) => Some(why.clone()),
            (None, Some(Call::Ended)) => Some("ended by itself, without the call".to_owned()),
            (None, Some(Call::Made) | None) => None,
        }
    }
}

/// What was wrong with turns, and how often.
pub(super) fn causes(turns: &[Turn]) -> BTreeMap<String, usize> {
    let mut causes = BTreeMap::new();
    for cause in turns.iter().filter_map(Turn::cause) {
        *causes.entry(cause).or_default() += 1;
    }
    causes
}
