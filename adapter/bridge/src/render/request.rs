//! What a client asks, and what the site takes.

use std::sync::Arc;

use serde_json::Value;

use super::choice::ToolChoice;
use crate::catalog::Catalog;

/// What a client asks, as far as tools matter.
#[derive(Clone, Copy, Debug)]
pub struct RenderRequest<'a> {
    /// In OpenAI's shape.
    pub messages: &'a [&'a Value],
    /// All tools that are declared.
    pub catalog: &'a Arc<Catalog>,
    /// Which of them may, or must, be called.
    pub choice: &'a ToolChoice,
    /// Whether several may be called at once.
    pub parallel: bool,
    /// Whether the model is asked to mark the end of finished work.
    pub end_mark: bool,
}

/// What a site takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromptBudget {
    /// Of the tools' description.
    pub tools_bytes: usize,
    /// Of all messages together.
    pub prompt_bytes: usize,
}

impl Default for PromptBudget {
    fn default() -> Self {
        Self { tools_bytes: 64 << 10, prompt_bytes: 1 << 20 }
    }
}
