//! Finds the tool that a model means by a name.

use super::tool::Tool;

/// What models put before a name.
const PREFIXES: &[&str] =
    &["functions.", "function.", "default_api.", "default_api_", "default_api:", "tools."];

/// How many names an error text offers.
const OFFERED: usize = 5;

/// Exactly, then without regard to case, then without prefixes and a number at the end; only if there is one such.
pub(super) fn resolve<'a>(tools: &'a [Tool], name: &str) -> Option<&'a Tool> {
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    let bare = strip(name);
    find(tools, name).or_else(|| find(tools, bare))
}

/// The names most like one.
pub(super) fn nearest<'a>(tools: &'a [Tool], name: &str) -> Vec<&'a str> {
    let wanted = strip(name.trim()).to_ascii_lowercase();
    let mut names: Vec<(f64, &str)> = tools
        .iter()
        .map(|tool| (strsim::jaro_winkler(&wanted, &tool.name.to_ascii_lowercase()), tool.name.as_str()))
        .collect();
    names.sort_by(|a, b| b.0.total_cmp(&a.0));
    names.into_iter().take(OFFERED).map(|(_, name)| name).collect()
}

fn find<'a>(tools: &'a [Tool], name: &str) -> Option<&'a Tool> {
    if let Some(tool) = tools.iter().find(|tool| tool.name == name) {
        return Some(tool);
    }
    let mut alike = tools.iter().filter(|tool| tool.name.eq_ignore_ascii_case(name));
    match (alike.next(), alike.next()) {
        (Some(tool), None) => Some(tool),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

fn strip(name: &str) -> &str {
    let name = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    match name.rsplit_once(':') {
        Some((bare, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => bare,
        Some(_) | None => name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::catalog::Catalog;

    fn resolved(declared: &[&str], name: &str) -> Option<String> {
        let tools: Vec<_> = declared.iter().map(|name| json!({"function": {"name": name}})).collect();
        Catalog::new(&tools).resolve(name).map(|tool| tool.name.clone())
    }

    #[test]
    fn only_a_single_meaning_is_taken() {
        let tools = ["bash", "Read", "read", "mcp__x:1"];

        assert_eq!(resolved(&tools, "BASH").as_deref(), Some("bash"));
        assert_eq!(resolved(&tools, "functions.bash:0").as_deref(), Some("bash"));
        assert_eq!(resolved(&tools, "default_api_bash").as_deref(), Some("bash"));
        assert_eq!(resolved(&tools, "read").as_deref(), Some("read"));
        assert_eq!(resolved(&tools, "mcp__x:1").as_deref(), Some("mcp__x:1"));
        assert_eq!(resolved(&tools, "READ"), None);
        assert_eq!(resolved(&tools, "bash_evil"), None);
        assert_eq!(resolved(&tools, ""), None);
    }
}
