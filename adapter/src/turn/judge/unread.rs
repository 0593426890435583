//! Finds a call that was written as text in a form that no reader takes, at the end of an answer.
//!
//! It is never carried out: the model is asked to write it in the form that it was told of.

use serde_json::{Map, Value};

use super::{JudgedTool, silent, tail};

/// Bytes of a text's end that are looked at. A call that is longer begins with what is sought all the same.
const END_BYTES: usize = 8 << 10;
/// Lines of a call that has no end of its own: "Action: edit", and its input below.
const OPEN_LINES: usize = 12;

/// Words that lead to the name of a tool.
const LEADS: &[&str] = &[
    "action",
    "tool",
    "function",
    "call",
    "tool_call",
    "toolcall",
    "tool call",
    "function call",
    "calling",
    "invoke",
    "invoking",
    "using",
    "use",
    "tool_code",
    "tool name",
    "tool_name",
    "function_call",
    "execute",
    "recipient",
    "调用",
    "工具",
    "使用工具",
    "调用工具",
    "动作",
    "行动",
    "操作",
];
/// Keys under which a call has its name.
const NAME_KEYS: &[&str] = &[
    "name",
    "tool",
    "function",
    "action",
    "tool_name",
    "toolName",
    "function_name",
    "recipient_name",
    "call",
    "type",
];

/// The block at the end of `text` that looks like a call of one of these tools.
pub(super) fn find<'a>(text: &'a str, tools: &[JudgedTool<'_>]) -> Option<&'a str> {
    let end = tail::last(text, END_BYTES).trim();
    // A closing tag at the end is the call's own, or the template's.
    block(end, tools).or_else(|| block(silent::strip(end), tools))
}

fn block<'a>(end: &'a str, tools: &[JudgedTool<'_>]) -> Option<&'a str> {
    let end = end.trim_end_matches(['`', '~', '*', ' ', '\n', '.', ';']);
    let lines: Vec<(usize, &str)> = starts(end);
    let open = lines.len().saturating_sub(OPEN_LINES);
    lines.iter().enumerate().rev().find_map(|(number, (at, line))| {
        let here = &end[*at..];
        let bare = undecorated(line);
        let called = is_closed_call(bare, here, tools)
            || is_json_call(bare, here, tools)
            || (number + 1 == lines.len() && is_line(line, tools))
            || (number >= open && (is_led(bare, tools) || is_named_parameters(here, tools)));
        called.then_some(here)
    })
}

/// Lines that say something, with where they start.
fn starts(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            lines.push((at, line.trim()));
        }
        at += line.len();
    }
    lines
}

/// A call in one line: `@bash npm test`, `[read: a.rs]`, `bash -> npm test`, `read src/a.rs`.
fn is_line(line: &str, tools: &[JudgedTool<'_>]) -> bool {
    let bare = line.trim_start_matches(['[', '(', '@', '/']);
    let Some(rest) =
        tools.iter().filter_map(|tool| bare.strip_prefix(tool.name)).min_by_key(|rest| rest.len())
    else {
        return false;
    };
    // "(read only on CI)" is an aside.
    let is_marked = bare.len() < line.len() && (!line.starts_with('(') || rest.starts_with([':', ',']));
    let has_argument = |rest: &str| rest.trim_matches([' ', ']', ')', ':']).len() > 1;
    if is_marked && rest.starts_with([' ', ':', ']', ',']) {
        return has_argument(rest);
    }
    let arrow = ["->", "=>", "→"].iter().find_map(|arrow| rest.trim_start().strip_prefix(arrow));
    let path = rest.strip_prefix(' ').filter(|path| !path.contains(' '));
    arrow.is_some_and(has_argument)
        || path.is_some_and(|path| path.contains('/') && !path.ends_with(['.', '!', ':']))
}

fn undecorated(line: &str) -> &str {
    line.trim_start_matches(['*', '`', '_', '#', '>', '-', ' ', '➜', '→', '▶', '•'])
}

/// The rest behind the tool's name, if the text begins with it.
fn after_name<'a>(text: &'a str, tools: &[JudgedTool<'_>]) -> Option<&'a str> {
    let text = text.trim_start_matches(['`', '*', '"', '\'', ' ', '=', ':', '[']);
    let text =
        ["functions.", "tools.", "to="].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    let rests = tools.iter().filter_map(|tool| text.strip_prefix(tool.name));
    let whole = |rest: &&str| !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
    rests.filter(whole).min_by_key(|rest| rest.len())
}

/// `edit(...)`, `edit {...}`, `functions.edit:0 {...}`, `<edit>...</edit>`, `<function=edit>...`.
fn is_closed_call(bare: &str, block: &str, tools: &[JudgedTool<'_>]) -> bool {
    let ends = |close: char| block.trim_end().ends_with(close);
    if let Some(tag) = bare.strip_prefix('<') {
        // As it is shown to the model where a file has it: quoted.
        if tag.starts_with('\u{b7}') {
            return false;
        }
        let head = &tag[..tag.find('>').unwrap_or(tag.len())];
        let names = head.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
        return ends('>') && names.into_iter().any(|name| tools.iter().any(|tool| tool.name == name));
    }
    let Some(rest) = after_name(bare, tools) else { return false };
    let rest =
        rest.trim_start_matches(|c: char| c == ':' || c == '#' || c.is_ascii_digit() || c == '`' || c == '*');
    match rest.trim_start().chars().next() {
        Some('(') => ends(')'),
        Some('{') => ends('}'),
        Some('<') => ends('>'),
        None if rest.is_empty() => block.trim_end().ends_with('}') && block.contains('{'),
        _ => false,
    }
}

/// `Action: edit`, `[TOOL_CALL] edit`, `**Tool:** edit`.
fn is_led(bare: &str, tools: &[JudgedTool<'_>]) -> bool {
    let plain = bare.trim_start_matches(['[', '<', '|', '(']).to_lowercase();
    LEADS.iter().any(|lead| {
        let Some(behind) = plain.strip_prefix(lead) else { return false };
        let is_word = !behind.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let gap = behind.len()
            - behind.trim_start_matches([':', '：', '*', ' ', ']', '>', '|', '`', '=', '"']).len();
        let original = bare.trim_start_matches(['[', '<', '|', '(']);
        let rest = original.get(lead.len() + gap..).unwrap_or("");
        // Words go on behind the name: it is prose, "use edit to change it".
        is_word && gap > 0 && after_name(rest, tools).is_some_and(|rest| !is_prose(rest))
    })
}

fn is_prose(rest: &str) -> bool {
    let rest = rest.trim_start_matches(['`', '*', '"', ' ']);
    rest.starts_with(char::is_alphabetic)
}

/// An object at the end that names a tool, or whose keys are arguments of one.
fn is_json_call(bare: &str, block: &str, tools: &[JudgedTool<'_>]) -> bool {
    if !bare.starts_with(['{', '[']) || !block.trim_end().ends_with(['}', ']']) {
        return false;
    }
    let from = block.find(['{', '[']).unwrap_or(0);
    let Ok(value) = serde_json::from_str::<Value>(block[from..].trim()) else { return false };
    let mut value = &value;
    if let Some(only) = value.as_array().and_then(|list| list.first()) {
        value = only;
    }
    let Some(object) = value.as_object() else { return false };
    let names = NAME_KEYS.iter().filter_map(|key| object.get(*key));
    let names = names.filter_map(|name| name.as_str().or_else(|| name["name"].as_str()));
    let is_named = |name: &str| after_name(name, tools) == Some("");
    names.into_iter().any(is_named)
        || object.keys().any(|key| tools.iter().any(|tool| tool.name == key) && object[key].is_object())
        || tools.iter().any(|tool| tool.fits(object))
}

/// "path: a.rs" and so on, a line for each argument.
fn is_named_parameters(block: &str, tools: &[JudgedTool<'_>]) -> bool {
    let keys = || {
        block.lines().filter_map(|line| {
            let (key, _) = undecorated(line).split_once([':', '='])?;
            Some(key.trim_matches(['`', '*', '"', ' ']))
        })
    };
    tools.iter().any(|tool| {
        // One word may be anything's name.
        let required = &tool.required;
        required.len() >= 2 && keys().next().is_some_and(|first| tool.parameters.contains(&first)) && {
            required.iter().all(|name| keys().any(|key| key == *name))
        }
    })
}

impl JudgedTool<'_> {
    /// Whether these are all arguments that it needs, and none that it has not.
    fn fits(&self, object: &Map<String, Value>) -> bool {
        !self.required.is_empty()
            && object.keys().all(|key| self.parameters.contains(&key.as_str()))
            && self.required.iter().all(|name| object.contains_key(*name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::TOOLS;
    use super::*;

    #[test]
    fn calls_in_unread_forms_are_found() {
        for text in [
            "I'll edit the file:\n\n{\"filePath\": \"a.rs\", \"oldString\": \"1\", \"newString\": \"2\"}",
            "I'll edit it:\n```json\n{\"filePath\": \"a.rs\", \"oldString\": \"1\", \"newString\": \"2\"}\n```",
            "edit(\"a.rs\", \"1\", \"2\")",
            "Now:\n```python\nedit(filePath=\"a.rs\",\n  oldString=\"1\", newString=\"2\")\n```",
            "<edit>\n<filePath>a.rs</filePath>\n</edit>",
            "<function=edit>\n<parameter=filePath>a.rs</parameter>\n</function>",
            "Action: edit\nAction Input: {\"filePath\": \"a.rs\"}",
            "**Action:** edit\n**Input:** a.rs",
            "functions.edit:0 {\"filePath\": \"a.rs\"}",
            "[TOOL_CALL] edit\n{\"filePath\": \"a.rs\"}",
            "Calling `bash`: {\"command\": \"ls\"}",
            "{\"tool\": \"bash\", \"args\": {\"command\": \"ls\"}}",
            "{\"function\": {\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}}",
            "[{\"name\": \"bash\", \"parameters\": {\"command\": \"ls\"}}]",
            "bash\n{\"command\": \"ls\"}",
            "filePath: a.rs\noldString: 1\nnewString: 2",
            "调用工具：bash\n{\"command\": \"ls\"}",
        ] {
            assert!(find(text, &TOOLS).is_some(), "{text}");
            let marked = format!("{text}\n\n---\n<|im_end|>");
            assert!(find(&marked, &TOOLS).is_some(), "{marked}");
        }
    }

    #[test]
    fn prose_about_tools_is_none() {
        for text in [
            "I used edit to change the file.",
            "Use edit to change it.",
            "The config is now:\n```json\n{\"name\": \"app\", \"version\": 1}\n```",
            "{\"command\": \"ls\"} was rejected because the shell is off.",
            "edit(\"a.rs\") failed, so the file is as it was.",
            "```rust\nfn edit(path: &str) {}\n```\nThis is the function.",
            "Action: none",
            "The tool bash is missing here.",
            "<b>bold</b>",
        ] {
            assert_eq!(find(text, &TOOLS), None, "{text}");
        }
    }
}
