//! What it takes to serve a turn: the turn's own parts, and what keeps an answer for a client that asks again.

use std::sync::Arc;

use latchkey_shared::vault::SessionVault;

use super::detached::DetachedTurns;
use crate::{config::ShortCircuits, turn::TurnContext};

/// The parts.
pub(crate) struct ServingContext {
    /// Those of turns.
    pub turns: TurnContext,
    /// Which requests are answered without asking a site.
    pub short_circuits: ShortCircuits,
    /// Turns whose clients may ask again.
    pub detached: Arc<DetachedTurns>,
    /// Seals answers that are kept.
    pub vault: SessionVault,
}
