//! Why an answer's bytes broke off: for the log, and only where something was lost by it.

use std::{error::Error, fmt};

use latchkey_shared::{id::SiteName, network::NetworkError};
use tracing::Span;

/// An answer that broke off. Behind its last word that means nothing, so whoever reads it decides whether it is told.
pub(crate) struct DeferredFault(Option<UnreportedFault>);

struct UnreportedFault {
    error: NetworkError,
    call: &'static str,
    site: SiteName,
    span: Span,
}

impl DeferredFault {
    /// Of an error; `span` is the request's.
    pub(crate) fn of(error: &(dyn Error + 'static), call: &'static str, site: SiteName, span: Span) -> Self {
        Self(Some(UnreportedFault { error: NetworkError::of(error), call, site, span }))
    }

    /// One that is in the log already.
    pub(crate) fn told() -> Self {
        Self(None)
    }

    /// Writes it down.
    pub(crate) fn tell(self) {
        if let Some(UnreportedFault { error: broken, call, site, span }) = self.0 {
            span.in_scope(|| broken.log(&site, call));
        }
    }
}

impl fmt::Debug for DeferredFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cutoff").field(&self.0.as_ref().map(|untold| untold.error.cause)).finish()
    }
}
