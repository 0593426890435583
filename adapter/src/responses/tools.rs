//! The tools of a request, as functions: what a client carries out is offered, what only OpenAI's servers do is not.
//!
//! Facts: OpenAI's reference, and what Codex 0.171 sends: `namespace` for MCP servers and subagents, `custom` for patches
//! and scripts, a `tool_search` of its own; in `tools`, in `additional_tools` items, and in what a search found (2026-11).

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::openai::{
    origin::{ToolKind, ToolOrigin, ToolOrigins, text_function},
    request::InvalidRequest,
};

/// The namespace in which all tools are that are in none.
const DEFAULT: &str = "functions";
/// The name of a search for tools, which has none of its own.
pub(super) const SEARCH: &str = "tool_search";
/// What a client carries out, and no function can stand for.
const BUILT_IN: [&str; 5] = ["local_shell", "shell", "apply_patch", "computer", "computer_use_preview"];

/// The tools that are offered, and what they are for the client.
#[derive(Debug, Default)]
pub(super) struct OfferedTools {
    functions: Vec<Value>,
    /// Their names, as a client may declare as many tools as its body has room for.
    names: HashSet<String>,
    origins: ToolOrigins,
}

/// Where tools are declared.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The namespace and what it is for, if in one.
    namespace: Option<&'a Value>,
    /// Whether it is the first there, which tells what the namespace is for.
    is_first: bool,
}

impl OfferedTools {
    /// Takes a list of tools that stands in a field.
    ///
    /// # Errors
    /// When it is none, or when a tool cannot be offered to a model of a site.
    pub(super) fn push_all(&mut self, field: &str, tools: &Value) -> Result<(), InvalidRequest> {
        self.push_list(field, tools, None)
    }

    /// The functions, as chats declare them, and what they are for the client.
    pub(super) fn finish(self) -> (Vec<Value>, ToolOrigins) {
        let functions = self.functions.into_iter();
        let functions = functions.map(|function| json!({"type": "function", "function": function}));
        (functions.collect(), self.origins)
    }

    fn push_list(
        &mut self,
        field: &str,
        tools: &Value,
        namespace: Option<&Value>,
    ) -> Result<(), InvalidRequest> {
        let tools = match tools {
            Value::Null => return Ok(()),
            Value::Array(tools) => tools,
            _ => return Err(InvalidRequest::expected(field, "an array")),
        };
        for (index, tool) in tools.iter().enumerate() {
            self.push(&format!("{field}[{index}]"), tool, Place { namespace, is_first: index == 0 })?;
        }
        Ok(())
    }

    fn push(&mut self, field: &str, tool: &Value, place: Place<'_>) -> Result<(), InvalidRequest> {
        match (tool["type"].as_str().unwrap_or_default(), place.namespace) {
            ("function", _) => {
                let mut function = Map::new();
                for key in ["description", "parameters", "strict"] {
                    if !tool[key].is_null() {
                        function.insert(key.to_owned(), tool[key].clone());
                    }
                }
                self.offer(field, tool, place, (ToolKind::Function, function.into()))
            }
            ("custom", _) => {
                let function = text_function("", tool["description"].as_str(), &tool["format"]);
                self.offer(field, tool, place, (ToolKind::Custom, function))
            }
            ("namespace", None) => self.push_list(&format!("{field}.tools"), &tool["tools"], Some(tool)),
            (SEARCH, None) if tool["execution"] == "client" => {
                let function = json!({"description": tool["description"], "parameters": tool["parameters"]});
                self.offer(field, &json!({"name": SEARCH}), place, (ToolKind::Search, function))
            }
            (kind, _) if BUILT_IN.contains(&kind) && !is_hosted(tool) => Err(InvalidRequest(format!(
                "{field}.type: {kind} is known to OpenAI's models alone; declare a function or a custom tool"
            ))),
            (kind, _) => {
                tracing::debug!(tool.field = field, tool.kind = kind, "a tool of a server is left out");
                Ok(())
            }
        }
    }

    /// Offers a function under its full name, once.
    fn offer(
        &mut self,
        field: &str,
        tool: &Value,
        place: Place<'_>,
        (kind, mut function): (ToolKind, Value),
    ) -> Result<(), InvalidRequest> {
        let Some(name) = tool["name"].as_str() else {
            return Err(InvalidRequest::missing(&format!("{field}.name"), "a text"));
        };
        let namespace = match place.namespace.map(|namespace| namespace["name"].as_str()) {
            Some(None) => return Err(InvalidRequest(format!("{field}: expected a namespace with a name"))),
            Some(named) => named,
            None => None,
        };
        let offered = full_name(namespace, name);
        let origin = ToolOrigin { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() };
        let is_plain = kind == ToolKind::Function && namespace.is_none();
        if !self.names.insert(offered.clone()) {
            // Declared again, as a tool is that was found twice.
            let same = self.origins.get(&offered).map_or(is_plain, |known| *known == origin);
            let other = || InvalidRequest(format!("{field}.name: expected a name that no other tool has"));
            return if same { Ok(()) } else { Err(other()) };
        }
        let about =
            place.namespace.filter(|_| place.is_first).and_then(|space| space["description"].as_str());
        if let Some(about) = about.filter(|about| !about.trim().is_empty()) {
            let description = function["description"].as_str().unwrap_or_default();
            function["description"] = format!("{about}\n\n{description}").trim().into();
        }
        function["name"] = offered.as_str().into();
        self.functions.push(function);
        if !is_plain {
            self.origins.insert(&offered, origin);
        }
        Ok(())
    }
}

/// The name by which a site's model knows a tool.
pub(super) fn full_name(namespace: Option<&str>, name: &str) -> String {
    match namespace.filter(|namespace| *namespace != DEFAULT) {
        Some(namespace) => format!("{namespace}__{name}"),
        None => name.to_owned(),
    }
}

/// The full name of a tool that an item or a choice names.
pub(super) fn named(value: &Value) -> Value {
    match value["name"].as_str() {
        Some(name) => full_name(value["namespace"].as_str(), name).into(),
        None => Value::Null,
    }
}

/// What is told of tools that a search found; they are offered from then on.
pub(super) fn found(tools: &Value) -> String {
    let mut names = Vec::new();
    for tool in tools.as_array().into_iter().flatten() {
        match (tool["type"] == "namespace").then(|| tool["tools"].as_array()).flatten() {
            Some(inner) => {
                let namespace = tool["name"].as_str();
                let inner = inner.iter().filter_map(|tool| tool["name"].as_str());
                names.extend(inner.map(|name| full_name(namespace, name)));
            }
            None => names.extend(tool["name"].as_str().map(str::to_owned)),
        }
    }
    match names.is_empty() {
        true => "No tools were found.".to_owned(),
        false => format!("These tools were found and can be called: {}", names.join(", ")),
    }
}

/// Whether OpenAI's servers carry it out, in a container of theirs.
fn is_hosted(tool: &Value) -> bool {
    tool["environment"]["type"].as_str().is_some_and(|kind| kind.starts_with("container"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(tools: &Value) -> Result<(Vec<Value>, ToolOrigins), String> {
        let mut offered = OfferedTools::default();
        offered.push_all("tools", tools).map_err(|invalid| invalid.0)?;
        Ok(offered.finish())
    }

    #[test]
    fn what_a_client_runs_is_offered_and_what_a_server_runs_is_not() {
        let function = |name: &str| json!({"type": "function", "name": name, "description": "Does."});
        let tools = json!([
            function("read"),
            {"type": "custom", "name": "patch", "format": {"type": "text"}},
            {"type": "namespace", "name": "mcp__notes", "description": "Notes.", "tools": [function("read"), function("add")]},
            {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]},
            {"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": {"type": "object"}},
            {"type": "tool_search"}, {"type": "web_search"}, {"type": "mcp", "server_url": "https://x"},
            {"type": "shell", "environment": {"type": "container_auto"}}, function("read"),
        ]);

        let (functions, origins) = offered(&tools).unwrap();

        let names: Vec<&str> =
            functions.iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["read", "patch", "mcp__notes__read", "mcp__notes__add", "exec", "tool_search"]);
        assert_eq!(functions[2]["function"]["description"], "Notes.\n\nDoes.");
        assert_eq!(functions[3]["function"]["description"], "Does.");
        let kinds: Vec<Option<ToolKind>> =
            names.iter().map(|name| origins.get(name).map(|origin| origin.kind)).collect();
        let custom = Some(ToolKind::Custom);
        let function = Some(ToolKind::Function);
        assert_eq!(kinds, [None, custom, function, function, custom, Some(ToolKind::Search)]);
    }

    #[test]
    fn what_cannot_be_offered_is_refused() {
        let refusal = |tool: Value| offered(&json!([tool])).unwrap_err();
        let nested = json!({"type": "namespace", "name": "a", "tools": [{"type": "function"}]});

        assert!(refusal(json!({"type": "local_shell"})).starts_with("tools[0].type: local_shell"));
        assert_eq!(refusal(nested), "tools[0].tools[0].name: missing, expected a text");
        assert_eq!(refusal(json!({"type": "custom"})), "tools[0].name: missing, expected a text");
        let twice = json!([{"type": "function", "name": "a"}, {"type": "custom", "name": "a"}]);
        assert_eq!(offered(&twice).unwrap_err(), "tools[1].name: expected a name that no other tool has");
    }

    #[test]
    fn tools_without_end_are_taken_in_one_pass() {
        let tool = |number: usize| json!({"type": "custom", "name": format!("tool_{number}")});
        let tools: Value = (0..20_000).chain(0..20_000).map(tool).collect();

        let (functions, _) = offered(&tools).unwrap();

        assert_eq!(functions.len(), 20_000);
    }
}
