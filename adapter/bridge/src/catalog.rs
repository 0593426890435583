//! The tools that a request declares: their names, what they take, and whether arguments fit.

use serde_json::Value;

mod name;
mod tool;

pub use tool::Tool;

/// The tools of one request.
#[derive(Debug, Default)]
pub struct Catalog {
    tools: Vec<Tool>,
}

impl Catalog {
    /// Reads tools as OpenAI's API declares them; what has no name is left out.
    pub fn new(declared: &[Value]) -> Self {
        let tools = declared.iter().filter_map(Tool::new).collect();
        Self { tools }
    }

    /// The tools in their order.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The tool of exactly this name.
    pub fn exact(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// The tool that a model means by a name. Never guesses by likeness.
    pub fn resolve(&self, name: &str) -> Option<&Tool> {
        name::resolve(&self.tools, name)
    }

    /// The names most like one, for an error text.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        name::nearest(&self.tools, name)
    }
}
