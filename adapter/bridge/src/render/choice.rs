//! Which tools a client wants called.

use serde_json::Value;

/// The client's `tool_choice`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model likes.
    #[default]
    Auto,
    /// None; old calls are still told.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

impl ToolChoice {
    /// Reads OpenAI's or Anthropic's form; what is unknown leaves the choice to the model.
    pub fn parse(value: Option<&Value>) -> Self {
        let Some(value) = value else { return Self::Auto };
        let name = value.pointer("/function/name").or_else(|| value.get("name")).and_then(Value::as_str);
        match (value.as_str().or_else(|| value.get("type").and_then(Value::as_str)), name) {
            (Some("none"), _) => Self::None,
            (Some("required" | "any"), _) => Self::Required,
            (_, Some(name)) => Self::Named(name.to_owned()),
            (_, None) => Self::Auto,
        }
    }
}
