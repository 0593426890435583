//! The tools that a request declares: their names, what they take, and whether arguments fit.

use std::collections::HashSet;

use serde_json::Value;

mod check;
mod cost;
mod limits;
mod loosen;
mod name;
mod tool;
mod walk;

use limits::SchemaTotals;
pub use limits::{CatalogTooLarge, is_heavy};
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

    /// Reads tools as they came, each as JSON.
    ///
    /// # Errors
    /// The first that makes them more than is taken.
    pub fn read<'a>(declared: impl Iterator<Item = &'a str>) -> Result<Self, CatalogTooLarge> {
        let mut totals = SchemaTotals::default();
        let mut tools = Vec::new();
        for (index, json) in declared.enumerate() {
            let tool = totals.add(json).map_err(|limit| CatalogTooLarge::new(index, json, limit))?;
            tools.extend(Tool::new(&tool));
        }
        Ok(Self { tools })
    }

    /// Leaves the tools of these names.
    pub fn retain(&mut self, names: &HashSet<&str>) {
        self.tools.retain(|tool| names.contains(tool.name.as_str()));
    }

    /// Compiles all schemas now: the thread that reads an answer has no time for large ones.
    pub fn compile(&self) {
        self.tools.iter().for_each(Tool::compile);
    }

    /// The names of tools whose calls were let through unchecked, in whole or in part.
    pub fn unchecked(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().filter(|tool| tool.is_unchecked()).map(|tool| tool.name.as_str())
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

#[cfg(test)]
mod tests;
