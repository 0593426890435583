//! What a client declared behind the functions that a site's model is offered: models of sites know nothing else.
//!
//! Facts: OpenAI's reference of custom tools; what Codex 0.171 declares and takes back (2026-11).

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The only argument of a tool that takes a text.
const INPUT: &str = "input";

/// The origin of each offered function that is more than a function for its client.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToolOrigins(BTreeMap<String, ToolOrigin>);

/// What a function is for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToolOrigin {
    /// What its calls are.
    pub kind: ToolKind,
    /// The namespace in which it is declared, if in one.
    pub namespace: Option<String>,
    /// Its name there.
    pub name: String,
}

/// What a call is for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToolKind {
    /// A function's, with JSON.
    Function,
    /// A custom tool's, with a text.
    Custom,
    /// A search for tools that the client has not declared yet.
    Search,
}

impl ToolOrigins {
    /// Remembers what is behind an offered name.
    pub(crate) fn insert(&mut self, offered: &str, origin: ToolOrigin) {
        self.0.insert(offered.to_owned(), origin);
    }

    /// What is behind an offered name; none for a plain function.
    pub(crate) fn get(&self, offered: &str) -> Option<&ToolOrigin> {
        self.0.get(offered)
    }

    /// The text that a call gives, if it is one of a custom tool.
    pub(crate) fn input(&self, offered: &str, arguments: &str) -> Option<String> {
        self.get(offered).filter(|origin| origin.kind == ToolKind::Custom).map(|_| input_of(arguments))
    }
}

/// The function that stands for a custom tool: `format` is a grammar as `{"syntax", "definition"}`, or anything else
/// where any text will do.
pub(crate) fn text_function(name: &str, description: Option<&str>, format: &Value) -> Value {
    let mut told = description.unwrap_or_default().to_owned();
    if !told.is_empty() {
        told.push_str("\n\n");
    }
    told.push_str("The whole text that this tool takes is the argument `input`, as it is.");
    if let Some(definition) = format["definition"].as_str() {
        let syntax = format["syntax"].as_str().unwrap_or("lark");
        told.push_str(&format!(" It must match this {syntax} grammar:\n```\n{}\n```", definition.trim()));
    }
    let parameters = json!({
        "type": "object", "properties": {INPUT: {"type": "string"}}, "required": [INPUT], "additionalProperties": false,
    });
    json!({"name": name, "description": told, "parameters": parameters})
}

/// The arguments of a custom tool's call: what [`input_of`] reads.
pub(crate) fn arguments_of(input: &Value) -> String {
    json!({INPUT: input}).to_string()
}

/// The text of a custom tool's call; where a site wrote other arguments, these.
fn input_of(arguments: &str) -> String {
    let read: Value = serde_json::from_str(arguments).unwrap_or_default();
    read[INPUT].as_str().unwrap_or(arguments).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_went() {
        let mut origins = ToolOrigins::default();
        origins.insert("patch", ToolOrigin { kind: ToolKind::Custom, namespace: None, name: "patch".into() });
        let text = "*** Begin Patch\n\"a\" \\ \u{2028}\n*** End Patch\n";

        assert_eq!(origins.input("patch", &arguments_of(&text.into())).as_deref(), Some(text));
        assert_eq!(origins.input("patch", "no JSON").as_deref(), Some("no JSON"));
        assert_eq!(origins.input("read", "{}"), None);
    }

    #[test]
    fn a_grammar_is_told() {
        let format = json!({"syntax": "lark", "definition": "start: /a+/\n"});

        let told = text_function("a", Some("Writes."), &format)["description"].clone();

        assert!(told.as_str().unwrap().starts_with("Writes.\n\n"));
        assert!(told.as_str().unwrap().ends_with("lark grammar:\n```\nstart: /a+/\n```"));
        assert!(!text_function("a", None, &Value::Null)["description"].as_str().unwrap().contains("grammar"));
    }
}
