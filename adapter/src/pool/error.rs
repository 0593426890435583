//! Why no account gives an answer.

use std::time::Duration;

use crate::stream::fault::Fault;

/// Why no account gives an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PoolError {
    /// The answer failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// No account is signed in.
    #[error("no account of the site is signed in")]
    NoAccount,
    /// Every account, or the site, has as many turns as it bears.
    #[error("every account of the site is busy")]
    Busy {
        /// When it makes sense to ask again.
        retry_after: Duration,
    },
    /// More requests wait than ever get their turn.
    #[error("too many requests wait for an account")]
    QueueFull,
}
