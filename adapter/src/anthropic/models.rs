//! Models as Anthropic lists them.

use std::num::NonZeroU64;

use latchkey_shared::site::models::ModelInfo;
use serde::Serialize;

/// When a model was released; nobody tells us.
const UNKNOWN: &str = "1970-01-01T00:00:00Z";

/// All models, on one page.
#[derive(Debug, Serialize)]
pub(crate) struct ModelPage {
    data: Vec<ModelEntry>,
    has_more: bool,
    first_id: Option<String>,
    last_id: Option<String>,
}

/// One model. What its site's file does not tell is left out.
#[derive(Debug, Serialize)]
pub(crate) struct ModelEntry {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    display_name: String,
    created_at: &'static str,
    /// Tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_input_tokens: Option<NonZeroU64>,
    /// Tokens of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<NonZeroU64>,
}

impl ModelPage {
    /// A page with these models.
    pub(crate) fn new(models: impl IntoIterator<Item = ModelEntry>) -> Self {
        let data: Vec<ModelEntry> = models.into_iter().collect();
        let id = |entry: &ModelEntry| entry.id.clone();
        let first_id = data.first().map(id);
        let last_id = data.last().map(id);
        Self { data, has_more: false, first_id, last_id }
    }
}

impl ModelEntry {
    /// A model by its name, with what its site's file tells of it.
    pub(crate) fn new(id: String, info: &ModelInfo) -> Self {
        Self {
            kind: "model",
            display_name: id.clone(),
            id,
            created_at: UNKNOWN,
            max_input_tokens: info.context,
            max_tokens: info.output,
        }
    }
}
