//! Models as OpenAI lists them, with what servers like it tell of each: what `OpenRouter` and `vLLM` call a model's limits.

use std::num::NonZeroU64;

use latchkey_shared::site::models::{Modality, ModelInfo};
use serde::Serialize;

/// The list of models.
#[derive(Debug, Serialize)]
pub(crate) struct ModelList {
    object: &'static str,
    data: Vec<ModelView>,
}

/// One model. What its site's file does not tell is left out.
#[derive(Debug, Serialize)]
pub(crate) struct ModelView {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: String,
    /// `OpenRouter`'s name, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_length: Option<NonZeroU64>,
    /// `vLLM`'s name of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_model_len: Option<NonZeroU64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_provider: Option<ModelLimits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    architecture: Option<ModelModalities>,
}

/// What `OpenRouter` tells of the one who serves a model.
#[derive(Debug, Serialize)]
struct ModelLimits {
    context_length: Option<NonZeroU64>,
    max_completion_tokens: Option<NonZeroU64>,
}

/// What a model takes and gives, as `OpenRouter` tells it.
#[derive(Debug, Serialize)]
struct ModelModalities {
    input_modalities: Vec<Modality>,
    output_modalities: [Modality; 1],
}

impl ModelList {
    /// A list of models.
    pub(crate) fn new(models: impl IntoIterator<Item = ModelView>) -> Self {
        Self { object: "list", data: models.into_iter().collect() }
    }
}

impl ModelView {
    /// A model by its name, with its site and what that one's file tells of it.
    pub(crate) fn new(id: String, site: &str, info: ModelInfo) -> Self {
        let ModelInfo { context, output, modalities, .. } = info;
        let limits = ModelLimits { context_length: context, max_completion_tokens: output };
        let takes = ModelModalities { input_modalities: modalities, output_modalities: [Modality::Text] };
        Self {
            id,
            object: "model",
            created: 0,
            owned_by: site.to_owned(),
            context_length: context,
            max_model_len: context,
            top_provider: (context.is_some() || output.is_some()).then_some(limits),
            architecture: (!takes.input_modalities.is_empty()).then_some(takes),
        }
    }
}
