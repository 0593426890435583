//! The choice of tools of a request. Clients use it as a permission: what it leaves out is never called.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

use super::body::{InvalidRequest, raw};

/// Where the choice stands.
const FIELD: &str = "tool_choice";

/// Settles a choice in a chat's words: takes out the tools that are not allowed, and gives the names of those that alone
/// may be called; none where all may.
///
/// # Errors
/// When it names a tool that is not declared.
pub(crate) fn settle(
    tools: &mut Vec<Box<RawValue>>,
    rest: &mut BTreeMap<String, Box<RawValue>>,
) -> Result<Option<Vec<String>>, InvalidRequest> {
    let choice: Value =
        rest.get(FIELD).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let declared: Vec<String> = tools.iter().map(|tool| name(tool)).collect();
    let only = match choice["type"].as_str() {
        Some("function") => {
            let name = choice["function"]["name"].as_str().or(choice["name"].as_str());
            Some(vec![known(name, &declared, "tool_choice.function.name")?])
        }
        Some("allowed_tools") => Some(allowed(&choice, &declared)?),
        _ => None,
    };
    if let (Some("allowed_tools"), Some(only)) = (choice["type"].as_str(), &only) {
        tools.retain(|tool| only.contains(&name(tool)));
        let mode = choice["allowed_tools"]["mode"].as_str().or(choice["mode"].as_str()).unwrap_or("auto");
        rest.insert(FIELD.to_owned(), raw(&mode));
    }
    if tools.is_empty() {
        rest.remove(FIELD);
        rest.remove("parallel_tool_calls");
    }
    Ok(only)
}

/// The functions that are allowed; the tools of OpenAI's servers are left out here as they are among the tools.
fn allowed(choice: &Value, declared: &[String]) -> Result<Vec<String>, InvalidRequest> {
    let listed =
        choice["allowed_tools"].get("tools").or_else(|| choice.get("tools")).and_then(Value::as_array);
    let Some(listed) = listed else {
        return Err(InvalidRequest::missing("tool_choice.allowed_tools.tools", "an array"));
    };
    let functions = listed.iter().filter(|tool| tool["type"].as_str().is_none_or(|kind| kind == "function"));
    let name = |tool: &Value| {
        let name = tool["function"]["name"].as_str().or(tool["name"].as_str());
        known(name, declared, "tool_choice.allowed_tools.tools")
    };
    functions.map(name).collect()
}

fn known(name: Option<&str>, declared: &[String], field: &str) -> Result<String, InvalidRequest> {
    let found = declared.iter().find(|declared| Some(declared.as_str()) == name);
    found.cloned().ok_or_else(|| InvalidRequest::expected(field, "the name of a tool that is declared"))
}

fn name(tool: &RawValue) -> String {
    let tool: Value = serde_json::from_str(tool.get()).unwrap_or_default();
    let name = tool["function"]["name"].as_str().or(tool["name"].as_str());
    name.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Who alone may be called, how many tools are left, and the choice in a chat's words.
    type Settled = (Option<Vec<String>>, usize, Option<String>);

    fn settled(choice: &Value) -> Result<Settled, String> {
        let tool = |name: &str| raw(&json!({"type": "function", "function": {"name": name}}));
        let mut tools = vec![tool("a"), tool("b")];
        let mut rest = BTreeMap::from([(FIELD.to_owned(), raw(choice))]);
        let only = settle(&mut tools, &mut rest).map_err(|invalid| invalid.0)?;
        Ok((only, tools.len(), rest.get(FIELD).map(|raw| raw.get().to_owned())))
    }

    #[test]
    fn a_choice_leaves_only_what_may_be_called() {
        let one = json!({"type": "function", "function": {"name": "b"}});
        let chat = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [one]}});
        let responses = json!({"type": "allowed_tools", "mode": "auto",
            "tools": [{"type": "function", "name": "b"}, {"type": "web_search"}]});
        let hosted = json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]});
        let only_b = Some(vec!["b".to_owned()]);

        assert_eq!(settled(&json!("required")), Ok((None, 2, Some("\"required\"".to_owned()))));
        assert_eq!(settled(&one), Ok((only_b.clone(), 2, Some(one.to_string()))));
        assert_eq!(settled(&chat), Ok((only_b.clone(), 1, Some("\"required\"".to_owned()))));
        assert_eq!(settled(&responses), Ok((only_b, 1, Some("\"auto\"".to_owned()))));
        assert_eq!(settled(&hosted), Ok((Some(Vec::new()), 0, None)));
    }

    #[test]
    fn a_choice_of_what_is_not_declared_is_refused() {
        let one = json!({"type": "function", "function": {"name": "c"}});

        let named = settled(&one).unwrap_err();
        let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [one]}});

        assert_eq!(named, "tool_choice.function.name: expected the name of a tool that is declared");
        assert!(settled(&allowed).is_err());
        assert!(settled(&json!({"type": "function"})).is_err());
        assert!(settled(&json!({"type": "allowed_tools"})).is_err());
    }
}
