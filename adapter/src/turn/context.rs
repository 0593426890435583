//! What it takes to answer a turn: these parts of the application, and no others.

use std::sync::Arc;

use latchkey_shared::{shutdown::Tasks, store::AdapterStore, vault::SessionVault};

use super::outcomes::LearnedOutcomes;
use crate::{config::ToolCallConfig, metrics::Metrics, models::ModelIndex, pool::Pool};

/// The parts. Clones share them.
#[derive(Clone)]
pub(crate) struct TurnContext {
    /// Redis.
    pub store: AdapterStore,
    /// Seals what a site calls its conversations.
    pub vault: SessionVault,
    /// The accounts.
    pub pool: Arc<Pool>,
    /// The models.
    pub models: Arc<ModelIndex>,
    /// What an operator watches.
    pub metrics: Arc<Metrics>,
    /// What came of nudges.
    pub learned: Arc<LearnedOutcomes>,
    /// How tool calls are brought about.
    pub calls: ToolCallConfig,
    /// Says when what still runs is to break off.
    pub tasks: Tasks,
}
