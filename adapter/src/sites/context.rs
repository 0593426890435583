//! What every driver uses.

use latchkey_shared::shutdown::Tasks;
use tracing::Span;

use super::{http::HttpClients, trace::Tracer};
use crate::metrics::Cancels;

/// What every driver uses. Clones share it.
#[derive(Clone)]
pub(crate) struct DriverContext {
    /// The ways to all sites.
    pub clients: HttpClients,
    /// Where calls go on that nobody waits for.
    pub tasks: Tasks,
    /// How long sites took to confirm that an answer is over.
    pub cancels: Cancels,
    /// Who looks on.
    pub tracer: Tracer,
    /// The request's, for what goes on after its answer.
    pub span: Span,
}
